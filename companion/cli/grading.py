"""One submission run in a process of its own, with limits of time and memory.

`run_submission` starts this module (`python -m companion.cli.grading`) in a temporary folder and
reads back the notebook that it ran. What a learner's code does can end that process, not ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from traitlets import Type

from companion.cli.environment import environment
from companion.cli.lessons import ThisPython
from companion.teaching.submissions import CELL_SECONDS, GIBIBYTES, LESSON_CELL_SECONDS

LOOK_EVERY = 0.5  # seconds between two looks at a submission's time and memory
MOST_OUTPUT = 2_000_000  # characters kept of what one cell shows
_TIMED_OUT = "CellTimeoutError"


@dataclass(frozen=True)
class Limits:
    """What a submission may take: seconds for a cell of its own and for all, gibibytes."""

    cell_seconds: int = CELL_SECONDS
    seconds: int = 2400
    gibibytes: float = GIBIBYTES


@dataclass(frozen=True)
class Outcome:
    """What running gave: the executed notebook (None if nothing came back) and remarks."""

    notebook: NotebookNode | None
    seconds: float
    remarks: tuple[str, ...]


def run_submission(notebook: NotebookNode, root: Path, limits: Limits) -> Outcome:
    """Run every cell of a restored submission and return what came of it.

    The process works in a temporary folder and imports the package of the checkout `root`. A cell
    that fails or takes too long is an outcome; so is a process that is stopped.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, result = Path(folder, "submission.ipynb"), Path(folder, "result.ipynb")
        nbformat.write(notebook, source)
        room = Path(folder, "room")
        room.mkdir()
        command = [sys.executable, "-m", "companion.cli.grading", str(source), str(result)]
        with Path(folder, "said.txt").open("w+", encoding="utf-8", errors="replace") as said:
            worker = subprocess.Popen(
                [*command, limits_in_words(limits)],
                cwd=room,
                env=environment(root),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
            stopped = _watch(worker, limits, start)
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
        executed = _read(result)
    remarks = [*filter(None, [stopped]), *(_told(executed) if executed else ())]
    if worker.returncode and not stopped:
        remarks.append(
            f"its process ended by itself: {last}. Grade a right answer of your own: if that ends "
            "so too, it is this machine; else look at the notebook"
        )
    return Outcome(executed, time.perf_counter() - start, tuple(remarks))


def limits_in_words(limits: Limits) -> str:
    """Return the limits as the last argument of a submission's process."""
    return json.dumps(asdict(limits))


def _watch(worker: subprocess.Popen, limits: Limits, start: float) -> str | None:
    """Wait for the worker; stop it and all it started if it takes too much, and say so."""
    seen: set[psutil.Process] = set()
    most = limits.gibibytes * 1.5  # of all its processes together; each has its own limit
    try:
        while worker.poll() is None:
            time.sleep(LOOK_EVERY)
            family = _family(worker.pid)
            seen |= family
            if time.perf_counter() - start > limits.seconds:
                return f"stopped: all its cells together took more than {limits.seconds} s"
            if _held(family) > most * 2**30:
                return f"stopped: its processes together held more than {most:g} GiB"
        return None
    finally:
        _stop(worker, seen)


def _family(pid: int) -> set[psutil.Process]:
    """Return a process and all that it has started and still knows."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return {process, *process.children(recursive=True)}
    return set()


def _held(family: set[psutil.Process]) -> int:
    held = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            held += process.memory_info().rss
    return held


def _stop(worker: subprocess.Popen, seen: set[psutil.Process]) -> None:
    """End the worker and whatever it was seen to start, detached processes included."""
    for process in seen - {psutil.Process()}:
        with contextlib.suppress(psutil.Error):  # psutil knows a number that was given anew
            process.kill()
    worker.kill()
    worker.wait()


def _read(result: Path) -> NotebookNode | None:
    with contextlib.suppress(OSError, ValueError):  # none was written, or half of one
        return nbformat.read(result, as_version=4)
    return None


def _told(executed: NotebookNode) -> list[str]:
    """Return what a teacher should know of a run: cells that ran out of time, a dead kernel."""
    remarks = []
    for number, cell in enumerate(executed.cells, start=1):
        errors = [o.ename for o in cell.get("outputs", []) if o.output_type == "error"]
        if _TIMED_OUT in errors:
            remarks.append(f"cell {number} took more than {cell.metadata['seconds']} s")
    return [*remarks, *executed.metadata.get("remarks", [])]


class Runner(NotebookClient):
    """Runs all cells, whatever one of them does, and keeps only so much of what each shows."""

    kernel_manager_class = Type(ThisPython)
    shown = 0
    result = Path()

    def output(
        self, outs: list, msg: dict, display_id: str, cell_index: int
    ) -> NotebookNode | None:
        """Keep an output of the running cell unless it has shown too much; results always count."""
        kind = msg["header"]["msg_type"]
        self.shown = (self.shown if outs else 0) + len(str(msg["content"]))
        if self.shown > MOST_OUTPUT and kind in ("stream", "display_data"):
            return None
        return super().output(outs, msg, display_id, cell_index)

    def settle(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        """Write into a cell that it ran out of time, and save what there is so far."""
        if execute_reply["content"].get("ename") == _TIMED_OUT:
            cell.outputs.append(nbformat.v4.new_output("error", ename=_TIMED_OUT, evalue=""))
        save(self.nb, self.result)


def save(notebook: NotebookNode, result: Path) -> None:
    """Replace the notebook at `result` in one move: whoever is stopped leaves a whole one."""
    half = result.with_suffix(".half")
    nbformat.write(notebook, half)
    os.replace(half, result)


def run_cells(notebook: NotebookNode, result: Path) -> None:
    """Run a restored notebook and save it after each cell; one that takes too long is stopped."""
    runner = Runner(
        notebook,
        allow_errors=True,
        timeout_func=lambda cell: cell.metadata.get("seconds", LESSON_CELL_SECONDS),
        interrupt_on_timeout=True,
        error_on_timeout={"ename": _TIMED_OUT, "evalue": "", "traceback": []},
        raise_on_iopub_timeout=False,
        record_timing=False,
        store_widget_state=False,
    )
    runner.result, runner.on_cell_executed = result, runner.settle
    try:
        runner.execute()
    except DeadKernelError:
        notebook.metadata["remarks"] = ["the kernel died; what came after was not run"]


def _limit_memory(gibibytes: float) -> None:
    """Let this process and those it starts ask for so much memory each, where the system can."""
    with contextlib.suppress(ImportError, ValueError):  # no such limit here, or a lower one
        import resource

        most = int(gibibytes * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main(source: str, result: str, limits: str) -> None:
    """Run the notebook `source` and write it to `result`."""
    _limit_memory(json.loads(limits)["gibibytes"])
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata.pop("kernelspec", None)  # the learner's; it runs in this interpreter
    run_cells(notebook, Path(result))
    save(notebook, Path(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
