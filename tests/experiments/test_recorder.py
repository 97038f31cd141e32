"""Recording: each trial once, whatever is killed, and old rows are reported when code changes."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.evidence.trials import read_trials
from companion.experiments import recorder, rows, source
from tests.conftest import ROOT
from tests.experiments import toy_experiment

HERE = Path(__file__).parent


def make_known(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the recorder find the toy experiment, and keep its rows in `folder`."""
    load = lambda name: importlib.import_module(f"tests.experiments.{name}")  # noqa: E731
    patch.setattr(rows, "MEASURED", folder)
    patch.setattr(rows, "load_experiment", load)
    patch.setattr(recorder, "load_experiment", load)
    patch.setattr(source, "COUNTED", ("tests.experiments", *source.COUNTED))


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the toy experiment's trials; its trials take no time."""
    make_known(tmp_path, monkeypatch)
    monkeypatch.setattr(toy_experiment, "PAUSE", 0)
    return tmp_path / "toy_experiment.jsonl"


WORKER = """
import sys
from pathlib import Path
import pytest
from tests.experiments.test_recorder import make_known, recorder
make_known(Path(sys.argv[1]), pytest.MonkeyPatch())
recorder.record("toy_experiment", say=lambda text: print(text, flush=True))
"""


def worker(folder: Path) -> subprocess.Popen:
    """Start a process that records the toy experiment."""
    command = [sys.executable, "-c", WORKER, str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    )


def test_a_recorded_trial_is_not_run_again(toy: Path) -> None:
    assert recorder.record("toy_experiment", seeds=3) == 3
    assert recorder.record("toy_experiment", seeds=3) == 0
    assert recorder.record("toy_experiment", seeds=6) == 3
    assert [row["spec"]["seed"] for row in read_trials(toy)] == list(range(6))


def test_a_row_says_what_ran_where_with_what_and_how_it_ended(toy: Path) -> None:
    recorder.record("toy_experiment", seeds=6, say=lambda text: None)
    found = read_trials(toy)
    assert [row["status"] for row in found] == ["ok", "ok", "ok", "diverged", "oom", "ok"]
    assert [row["value"] for row in found] == [0.0, 1.0, 2.0, None, None, 5.0]
    wanted = {
        "experiment", "profile", "spec", "key", "code", "metric", "value", "scores", "status",
        "seconds", "peak_memory", "device", "threads", "versions", "commit", "date",
    }  # fmt: skip
    assert wanted == set(found[0])
    assert found[0]["device"].startswith("cpu")


def test_a_kill_loses_at_most_the_running_trial(tmp_path: Path) -> None:
    path = tmp_path / "toy_experiment.jsonl"
    for _ in range(3):
        before = len(read_trials(path))
        process = worker(tmp_path)
        while len(read_trials(path)) < before + 2:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.05)  # in the middle of a trial
        process.kill()
        process.wait()
        assert len(read_trials(path)) >= before + 2
    assert worker(tmp_path).wait(60) == 0
    seeds = [row["spec"]["seed"] for row in read_trials(path)]
    assert sorted(seeds) == list(range(toy_experiment.SEEDS))


def test_two_recorders_share_the_trials(tmp_path: Path) -> None:
    both = [worker(tmp_path), worker(tmp_path)]
    assert [process.wait(60) for process in both] == [0, 0]
    seeds = [row["spec"]["seed"] for row in read_trials(tmp_path / "toy_experiment.jsonl")]
    assert sorted(seeds) == list(range(toy_experiment.SEEDS))


def test_a_changed_experiment_makes_its_rows_stale(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.record("toy_experiment", seeds=2)
    assert len(rows.current_rows("toy_experiment")) == 2
    assert rows.stale_rows("toy_experiment") == []
    monkeypatch.setattr(toy_experiment, "SEEDS", 99)  # the default of `seeds`: bound long ago
    monkeypatch.setattr(toy_experiment, "value", lambda spec: spec["seed"] + 1.0)
    assert rows.current_rows("toy_experiment") == []
    assert len(rows.stale_rows("toy_experiment")) == 2
    assert recorder.record("toy_experiment", seeds=2) == 2
    assert len(rows.stale_rows("toy_experiment")) == 2


def test_specifications_that_are_no_longer_asked_for_are_stale(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.record("toy_experiment", seeds=3)
    monkeypatch.setattr(rows, "MANY", 2)
    assert len(rows.current_rows("toy_experiment")) == 2
    assert [row["spec"]["seed"] for row in rows.stale_rows("toy_experiment")] == [2]


def rewritten(tmp_path: Path, old: str, new: str) -> str:
    """Return the code hash of the toy experiment with one piece of its text replaced."""
    text = (HERE / "toy_experiment.py").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed_toy.py"
    path.write_text(text.replace(old, new))
    spec = importlib.util.spec_from_file_location("tests.experiments.toy_experiment", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return source.code_hash(module)


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ('    """Return the trials."""\n', "", False),
        ("    time.sleep(PAUSE)\n", "    # a comment\n\n    time.sleep(PAUSE)  # too\n", False),
        ("0.15", "0.25", True),
        ("float(spec", "1 + float(spec", True),
        ('spec["seed"] == 3', 'spec["seed"] == 5', True),
    ],
)
def test_the_code_hash_follows_what_runs_and_not_its_words(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, counts: bool
) -> None:
    same = rewritten(tmp_path, "SEEDS", "SEEDS")
    import linecache

    linecache.clearcache()
    assert (rewritten(tmp_path, old, new) != same) is counts


def test_every_experiment_is_found_and_hashed() -> None:
    names = rows.experiments()
    assert {"learning_rates", "what_to_train", "shift", "module_leak"} <= set(names)
    hashes = {source.code_hash(rows.load_experiment(name)) for name in names}
    assert len(hashes) == len(names)


def test_an_unknown_experiment_is_named() -> None:
    with pytest.raises(LookupError, match="there is no experiment 'x'. Expected one of: batchn"):
        rows.load_experiment("x")


def test_the_gpu_profile_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match="--profile gpu needs a CUDA GPU, found none"):
        recorder.record("module_leak", profile="gpu")


@pytest.mark.parametrize("name", ["learning_rates", "module_leak", "batchnorm_left_on"])
def test_the_gpu_profile_is_the_same_specs_at_full_size(name: str) -> None:
    module = rows.load_experiment(name)
    pairs = list(zip(module.specs(), module.specs(profile="gpu"), strict=True))
    assert pairs and all(gpu == cpu | {"size": 224} for cpu, gpu in pairs)
    assert all(cpu["size"] == 128 for cpu, _ in pairs)


def test_specs_of_few_seeds_are_among_those_of_many() -> None:
    for name in rows.experiments():
        module = rows.load_experiment(name)
        one, few, many = ({source_key(spec) for spec in module.specs(n)} for n in (1, 5, 30))
        assert one <= few <= many, name  # rates are chosen on no more than five draws
        assert one != few or not few, name  # none, while what they build on is not recorded


def source_key(spec: dict) -> str:
    """Return the name of a specification."""
    return recorder.spec_key(spec)
