"""One submission run in a process of its own, with limits of time and memory.

`run_submission` starts this module (`python -m companion.cli.grading`) in a temporary folder and
reads back the notebook that it ran. What a learner's code does can end that process, not ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
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
        worker = subprocess.Popen(
            [*command, json.dumps(asdict(limits))],
            cwd=room,
            env=environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        stopped = _watch(worker, limits, start)
        executed = _read(result)
    remarks = [*filter(None, [stopped]), *(_told(executed) if executed else ())]
    if executed is None and not stopped:
        remarks.append(f"its process ended by itself (status {worker.returncode})")
    return Outcome(executed, time.perf_counter() - start, tuple(remarks))


def _watch(worker: subprocess.Popen, limits: Limits, start: float) -> str | None:
    """Wait for the worker; stop it and all it started if it takes too much, and say so."""
    try:
        while worker.poll() is None:
            time.sleep(LOOK_EVERY)
            if time.perf_counter() - start > limits.seconds:
                return f"stopped: all its cells together took more than {limits.seconds} s"
            if _held(worker.pid) > limits.gibibytes * 1.5 * 2**30:
                return f"stopped: its processes held more than {limits.gibibytes:g} GiB"
        return None
    finally:
        _stop(worker)


def _held(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
    return 0


def _stop(worker: subprocess.Popen) -> None:
    """End the worker and whatever it started, detached processes of its kernel included."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(worker.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
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

    def output(
        self, outs: list, msg: dict, display_id: str, cell_index: int
    ) -> NotebookNode | None:
        """Keep an output of the running cell unless it has shown too much; results always count."""
        kind = msg["header"]["msg_type"]
        self.shown = self.shown + len(str(msg["content"])) if outs else 0
        if self.shown > MOST_OUTPUT and kind in ("stream", "display_data"):
            return None
        return super().output(outs, msg, display_id, cell_index)

    def mark_time_out(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        """Write into a cell that it ran out of time, which the kernel's own words may not say."""
        if execute_reply["content"].get("ename") == _TIMED_OUT:
            cell.outputs.append(nbformat.v4.new_output("error", ename=_TIMED_OUT, evalue=""))


def run_cells(notebook: NotebookNode) -> None:
    """Run a restored notebook in place; a cell that takes too long is interrupted."""
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
    runner.on_cell_executed = runner.mark_time_out
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
    try:
        run_cells(notebook)
    finally:
        nbformat.write(notebook, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
