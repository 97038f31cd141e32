"""From a folder to a report and a network: in the time, killed and restarted, nothing lost."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from companion.cli import main
from companion.data.own import find_pictures
from companion.data.own_tables import find_rows
from companion.experiments.own_trials import TRIALS
from companion.models.exported import open_exported
from companion.teaching.own import LEFT_OUT, MODEL, PLAN, Outcome, transfer
from companion.teaching.own_mistakes import ALL
from companion.teaching.own_report import PAGE, REPORT, write_report

BUDGET = 75


def blobs(folder: Path, n: int = 48) -> Path:
    """Write pictures of light spots in a dark field, few or many; one of them is cut off."""
    rng = np.random.default_rng(0)
    for name, spots in (("few", 2), ("many", 9)):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 60, (96, 96), dtype=np.uint8)
            for x, y in rng.integers(4, 84, (spots, 2)):
                pixels[x : x + 8, y : y + 8] = rng.integers(160, 255)
            Image.fromarray(pixels).save(folder / name / f"field{i:03}.png")
    whole = folder / "few" / "field000.png"
    whole.write_bytes(whole.read_bytes()[:300])
    (folder / "read me.txt").write_text("spots", "utf-8")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path, float]:
    """Return what was made of the spots, where, and how long it took."""
    folder = tmp_path_factory.mktemp("own")
    found = find_pictures(blobs(folder / "spots"))
    start = time.perf_counter()
    outcome = transfer(found, folder / "out", budget=BUDGET, say=lambda _: None)
    write_report(outcome, folder / "out")
    return outcome, folder / "out", time.perf_counter() - start


@pytest.mark.alone
def test_the_time_is_kept(run: tuple, measured: object) -> None:
    outcome, _, seconds = run
    measured(f"own set: budget {BUDGET} s, took {seconds:.0f} s; planned {outcome.plan.seconds} s")
    assert seconds <= 1.1 * BUDGET


@pytest.mark.alone
def test_nothing_is_left_out_in_silence(run: tuple) -> None:
    outcome, out, _ = run
    with open(out / LEFT_OUT, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert rows == [
        ["read me.txt", "no picture: it ends in .txt"],
        ["few/field000.png", "cannot be read"],
    ]
    assert len(outcome.prepared.rows) + 1 == len(outcome.found) == 96
    with open(out / ALL, newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) - 1 == len(outcome.handed.mistakes)
    assert outcome.handed.confusion.sum() == len(outcome.prepared.split.test)


@pytest.mark.alone
def test_the_report_says_what_was_run_and_stands_alone(run: tuple) -> None:
    outcome, out, _ = run
    text, page = (out / REPORT).read_text("utf-8"), (out / PAGE).read_text("utf-8")
    for heading in ("The data", "What was suggested", "What was run", "What came out",
                    "Where the network is wrong", "twice the labels", "How to use"):  # fmt: skip
        assert heading in text and heading in page
    for one in outcome.judged:
        assert str(one.test) in text
    assert page.count("<img") == text.count("![") >= 2
    assert 'src="data:image/png;base64' in page and "figures/" not in page
    assert all(len(alt) > 20 for alt in re.findall(r'alt="([^"]*)"', page))
    assert outcome.handed.arm == outcome.judged[0].arm  # the best on validation
    best = max(outcome.judged, key=lambda one: one.validation)
    assert best.validation == outcome.judged[0].validation


@pytest.mark.alone
def test_the_network_opens_by_itself_and_again_with_the_same_answers(
    run: tuple, capsys: pytest.CaptureFixture
) -> None:
    outcome, out, _ = run
    assert open_exported(out / MODEL).classes == ("few", "many")
    folder = str(out.parent / "spots" / "few")
    assert main(["predict", str(out / MODEL), folder]) == 1  # one file is cut off
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 1 + 48 and rows[1][1:] == ["", "", "image file is truncated"]
    ask = [sys.executable, "-m", "companion", "predict", str(out / MODEL), folder]
    again = subprocess.run(ask, capture_output=True, text=True)
    assert list(csv.reader(again.stdout.splitlines())) == rows
    assert again.stderr.strip() == "companion: 47 answered, 1 could not be read"


@pytest.mark.alone
def test_killed_and_started_again_it_ends_with_the_same_report(run: tuple, tmp_path: Path) -> None:
    outcome, out, _ = run
    shutil.copy(out / PLAN, tmp_path / PLAN)  # written after the speed was measured
    where = ["--images", str(out.parent / "spots"), "--out", str(tmp_path)]
    command = [sys.executable, "-m", "companion", "transfer", *where, "--budget", f"{BUDGET}s"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    trials = tmp_path / TRIALS
    while not trials.exists() or trials.read_bytes().count(b"\n") < 2:
        assert first.poll() is None, "it ended before it could be killed"
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = trials.read_bytes().count(b"\n")
    assert kept < len(outcome.plan.trials)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert without_times(tmp_path / REPORT) == without_times(out / REPORT)
    assert json.loads((tmp_path / PLAN).read_text()) == json.loads((out / PLAN).read_text())
    both = [(f / MODEL / "model.safetensors").read_bytes() for f in (out, tmp_path)]
    assert both[0] == both[1]


def without_times(report: Path) -> str:
    """Return a report without the column of seconds."""
    return re.sub(r"\| \d+ \|$", "|", report.read_text("utf-8"), flags=re.M)


def test_a_table_of_three_rows_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "three.csv").write_text("text,label\na fine day,yes\nno,no\noh well,yes\n")
    out = str(tmp_path / "out")
    command = [
        "transfer",
        "--csv",
        str(tmp_path / "three.csv"),
        "--text",
        "text",
        "--label",
        "label",
    ]
    assert main([*command, "--out", out]) == 2
    assert "expected at least 3 examples of each class" in capsys.readouterr().err


def test_a_folder_of_another_set_is_not_overwritten(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    words = ["alpha", "beta", "gamma", "delta", "omega", "sigma"]
    rng = np.random.default_rng(1)
    rows = [(" ".join(rng.permutation(words)) + f" {i} {i * 7}", "ab"[i % 2]) for i in range(40)]
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PLAN).write_text(json.dumps({"fits": "another"}))
    with pytest.raises(ValueError, match="the examples or the options have changed since"):
        transfer(find_rows(table, text="text", label="label"), tmp_path / "out", say=lambda _: None)
