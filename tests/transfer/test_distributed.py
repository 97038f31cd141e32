"""Two processes on one machine, as the launchers start them, against one process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState, PartialState

from companion.device import step_seed
from companion.transfer import processes
from companion.transfer.plumbing import open_accelerator
from companion.transfer.processes import Team, check_alike, teamwork
from companion.transfer.progress import progress_bar
from tests.transfer import distributed
from tests.transfer.test_fit import small_net, train

CURVES = (
    "layernorm",
    "clipped_pieces",
    "batches_of_one",
    "batchnorm_held",
    "frozen_prefix",
    "memory_of_the_last",
    "continued",
    "masked",
)
OTHERS = (
    "batchnorm_trains",
    "dropout",
    "no_memory_at_all",
    "not_a_number",
    "early_stop",
    "stopped",
    "straight",
    "resumed",
)
MODULE = "tests.transfer.distributed"
STOPPED = "another process of this training ended"


def free_port() -> str:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def machine(rank: int, port: str, folder: Path, root: Path, *names: str) -> subprocess.Popen:
    """Start the one process of one machine out of two, which meet at a port of the first."""
    words = ["torch.distributed.run", "--nnodes=2", "--nproc_per_node=1", f"--node_rank={rank}"]
    words += ["--master_addr=127.0.0.1", f"--master_port={port}", "-m", MODULE]
    return run_module(words, folder, root, *names)


def command(launcher: str) -> list[str]:
    """Return the words that start two processes on this machine, reached by loopback alone."""
    port = free_port()
    if launcher == "torchrun":
        words = ["torch.distributed.run", "--nproc_per_node=2", "--master_addr=127.0.0.1"]
        return [*words, f"--master_port={port}", "-m", MODULE]
    words = ["accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"]
    words += ["--mixed_precision=no", "--dynamo_backend=no", f"--main_process_port={port}"]
    return [*words, "--module", MODULE]


def start(launcher: str, folder: Path, root: Path, *names: str) -> subprocess.Popen:
    return run_module(command(launcher), folder, root, *names)


def run_module(words: list[str], folder: Path, root: Path, *names: str) -> subprocess.Popen:
    """Start a launcher, whose processes have one thread each."""
    return subprocess.Popen(
        [sys.executable, "-m", *words, str(folder), *names],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill(process: subprocess.Popen, rank: int, step: int) -> tuple[float, str]:
    """Kill one of two processes at a step; return how long the rest lived, and what it said."""
    for line in process.stdout:
        words = line.split()
        if words[:2] == ["process", str(rank)] and words[4:] == ["at", str(step)]:
            os.kill(int(words[3]), signal.SIGKILL)
            break
    killed = time.perf_counter()
    said, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None), said
    return time.perf_counter() - killed, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def stops(folder: Path, root: Path) -> list[tuple[float, str]]:
    """A training killed twice: its processes wait for each other, or are in the middle of work."""
    waiting = kill(start("torchrun", folder, root, "killed"), rank=1, step=20)
    accelerate = start("accelerate", folder, root, "layernorm", "killed_while_busy")
    busy = kill(accelerate, rank=0, step=12)
    for path in folder.glob("layernorm.*.json"):
        path.rename(path.with_name(f"by-accelerate-{path.name}"))
    return [waiting, busy]


@pytest.fixture(scope="module")
def said(folder: Path, root: Path, stops: list) -> str:
    """What two processes say that run all trainings one after the other."""
    distributed.failure(lambda: distributed.passed_on(folder / "passed on by one", stops=True))
    process = start("torchrun", folder, root, *CURVES, *OTHERS)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Compute as each of the two processes does: predictions then agree in every bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def two(name: str, folder: Path) -> list[dict]:
    """Return what the two processes found."""
    found = [json.loads((folder / f"{name}.{rank}.json").read_text()) for rank in (0, 1)]
    assert [one.pop("processes") for one in found] == [2, 2]
    return found


def curves(found: dict) -> dict[str, dict]:
    """Return the curves that one training drew, by name."""
    return {"": found} if "losses" in found else found


def difference(one: dict, other: dict) -> float:
    return float(np.abs(np.subtract(one["losses"], other["losses"])).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", CURVES)
def test_two_processes_draw_the_curve_of_one(
    name: str, said: str, folder: Path, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    main, other = two(name, folder)
    alone = distributed.run(name, tmp_path)
    for part, curve in curves(main).items():
        expected = curves(alone)[part]
        measured(f"{name} {part}: {difference(curve, expected):.1e} apart")
        assert difference(curve, expected) < 1e-5
        assert curve["scores"] == expected["scores"]
        assert curve["state"] == curves(other)[part]["state"]
        assert curve["losses"] == curves(other)[part]["losses"]
        # A store filled by both holds activations that were computed in other batches.
        assert np.allclose(curve["alone"], expected["alone"], rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_predictions_are_gathered_in_order_and_equal_those_of_one_process(
    said: str, folder: Path
) -> None:
    """31 examples in batches of 5: the processes score 16 and 15 of them."""
    for name in ("layernorm", "batchnorm_held", "batchnorm_trains"):
        main, other = two(name, folder)
        assert np.shape(main["alone"]) == (31, 2)
        assert main["gathered"] == main["alone"] == other["gathered"] == other["alone"]


@pytest.mark.slow
def test_batchnorm_that_trains_ends_alike_in_both(said: str, folder: Path) -> None:
    main, other = two("batchnorm_trains", folder)
    assert main["state"] == other["state"]


@pytest.mark.slow
def test_dropout_differs_between_processes_and_the_main_one_draws_as_before(
    said: str, folder: Path, tmp_path: Path
) -> None:
    main, other = (one["drawn"] for one in two("dropout", folder))
    assert main == distributed.dropout(tmp_path)["drawn"]
    assert len(other) == len(main) and not [pair for pair in main if pair in other]


def test_the_seed_of_the_main_process_is_the_one_it_always_was() -> None:
    assert step_seed(5, 7, 0) == step_seed(5, 7) == 3939728220507541384
    assert len({step_seed(5, step, rank) for step in range(50) for rank in range(8)}) == 400


@pytest.mark.slow
def test_both_cut_their_batches_where_one_runs_out_of_memory(said: str, folder: Path) -> None:
    main, other = (one["tried"] for one in two("memory_of_the_last", folder))
    assert main == [] and other[:3] == [4, 2, 2]
    for found in two("no_memory_at_all", folder):
        assert found["error"] == "MemoryError" and "one example alone" in found["message"]


@pytest.mark.slow
def test_a_loss_that_is_no_number_in_one_stops_both(
    said: str, folder: Path, tmp_path: Path
) -> None:
    alone = distributed.not_a_number(tmp_path)
    assert alone["error"] == "FloatingPointError"
    assert two("not_a_number", folder) == [alone, alone]


@pytest.mark.slow
def test_early_stopping_follows_the_main_process(said: str, folder: Path) -> None:
    main, other = two("early_stop", folder)
    assert main == other and main["best"] == 1
    assert [r["score"] for r in main["records"] if "score" in r] == [0.5, 0.9, 0.7, 0.6]


@pytest.mark.slow
def test_one_process_goes_on_where_two_stopped(said: str, folder: Path) -> None:
    """The other way round is the curve called `continued`."""
    straight = train(small_net(), order=distributed.shuffled(distributed.ODD, 8), epochs=4)
    assert [one["error"] for one in two("stopped", folder)] == ["KeyboardInterrupt"] * 2
    found = distributed.passed_on(folder / "passed on by two")
    expected = [r["loss"] for r in straight]
    assert len(expected) == 28
    assert np.abs(np.subtract(found["losses"], expected)).max() < 1e-5


@pytest.mark.slow
def test_a_killed_process_stops_the_other_with_a_message(
    stops: list, folder: Path, measured: Callable[[str], None]
) -> None:
    for seconds, text in stops:
        measured(f"stopped {seconds:.1f} s after the other was killed")
        assert seconds < 30
        assert STOPPED in text and f"goes on from the checkpoint in {folder / 'killed'}" in text


@pytest.mark.slow
def test_killed_twice_and_started_again_it_ends_with_the_same_weights(
    said: str, folder: Path
) -> None:
    for straight, resumed in zip(two("straight", folder), two("resumed", folder), strict=True):
        assert 0 < resumed.pop("steps") < straight.pop("steps") / 2
        assert straight == resumed


@pytest.mark.slow
def test_accelerate_launch_draws_the_same_curve(said: str, folder: Path) -> None:
    assert two("by-accelerate-layernorm", folder) == two("layernorm", folder)


@pytest.mark.slow
def test_two_launchers_as_on_two_machines_draw_the_same_curve(
    said: str, folder: Path, root: Path, tmp_path: Path
) -> None:
    """Each is told that it is one machine of two; here both are this one."""
    port = free_port()
    launchers = [machine(rank, port, tmp_path, root, "layernorm") for rank in (0, 1)]
    for launcher in launchers:
        text, _ = launcher.communicate(timeout=120)
        assert launcher.returncode == 0, text
    assert two("layernorm", tmp_path) == two("layernorm", folder)


@pytest.mark.slow
def test_nothing_is_said_twice_and_nothing_left_open(said: str) -> None:
    assert "Warning" not in said and "destroy_process_group" not in said


def test_processes_that_did_not_find_each_other_do_not_train_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    PartialState(cpu=True)  # a script did this before the launcher's settings could count
    monkeypatch.setenv("WORLD_SIZE", "2")
    try:
        with pytest.raises(RuntimeError, match="expected 2 processes that train together"):
            open_accelerator("no", torch.device("cpu"))
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def test_a_launcher_that_starts_one_process_only_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.warns(UserWarning, match="started one process, whatever --num_processes says"):
        processes.check_launch(1)


def test_a_process_that_trains_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "from_main", lambda value: {"plan": "3 epochs"})
    monkeypatch.setattr(processes, "_team", Team(1, 2))
    with pytest.raises(ValueError, match="process 1 trains something else .* expected 3 epochs"):
        check_alike({"plan": "4 epochs"})


def test_only_the_main_process_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert not progress_bar(3, True).disable
    monkeypatch.setattr(processes, "_team", Team(1, 2))
    assert progress_bar(3, True).disable


def test_a_single_process_works_alone() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with teamwork(None) as team:
        assert team == Team(0, 1) and signal.getsignal(signal.SIGTERM) is handler
