"""`companion claims` and `companion record`, as they are called."""

import json
import os
import subprocess
import sys

import pytest

from companion.cli import main
from companion.experiments import rows
from tests.conftest import ROOT


def test_claims_prints_every_verdict(capsys: pytest.CaptureFixture) -> None:
    assert main(["claims"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{claim} " in f"\n{out}" for claim in ("C0", "C2a", "C2b", "C2c", "C2d", "C2e"))
    assert "stale" not in out


def test_claims_as_json_is_a_list_of_objects() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "companion", "claims", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {entry["id"]: entry for entry in json.loads(ran.stdout)}
    assert found["C2d"]["arms"] == [
        {"arm": "BatchNorm fixed", "n": 200}, {"arm": "BatchNorm left on", "n": 200},
    ]  # fmt: skip
    assert found["C2d"]["seeds"] == 10 and found["C2d"]["low"] < found["C2d"]["high"]


def test_stale_trials_are_reported(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for file in rows.MEASURED.glob("*.jsonl"):
        text = file.read_text().replace('"code": "', '"code": "0')
        (tmp_path / file.name).write_text(text if file.stem == "module_leak" else file.read_text())
    monkeypatch.setattr(rows, "MEASURED", tmp_path)
    assert main(["claims"]) == 1
    out = capsys.readouterr().out
    assert "stale: 40 trials of module_leak; run `companion record module_leak`" in out
    assert "C2e   -" in out


def test_recording_what_is_recorded_runs_nothing(capsys: pytest.CaptureFixture) -> None:
    assert main(["record", "module_leak", "batchnorm_left_on"]) == 0
    out = capsys.readouterr().out
    assert out == "module_leak: 0 trials recorded now\nbatchnorm_left_on: 0 trials recorded now\n"


def test_an_unknown_experiment_is_one_line_and_status_2(capsys: pytest.CaptureFixture) -> None:
    assert main(["record", "shfit"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("companion: there is no experiment 'shfit'. Expected one of: batchnorm")
    assert error.count("\n") == 1


def test_the_gpu_profile_without_a_gpu_is_one_line_and_status_2() -> None:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "companion", "record", "module_leak", "--profile", "gpu"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("companion: --profile gpu needs a CUDA GPU, found none.")
