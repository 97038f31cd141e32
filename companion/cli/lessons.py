"""Run notebooks from top to bottom in kernels of this very interpreter, timed and weighed."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets import Type

from companion.cli.environment import environment

CELL_TIMEOUT = 1800  # seconds; no lesson takes a tenth of it
SAMPLE_EVERY = 0.2  # seconds between two looks at the kernel's memory


@dataclass(frozen=True)
class Outcome:
    """How one run of a notebook went; `failure` is None where every cell ran."""

    notebook: str
    seconds: float
    peak_bytes: int
    failure: str | None = None


class ThisPython(AsyncKernelManager):
    """A kernel of the interpreter that runs us.

    The kernel named python3 may be another installation's, so none is looked up by name.
    """

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel's command line."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv += ["--log-level=ERROR"]  # it would warn of its loopback sockets before every lesson
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class Client(NotebookClient):
    """Runs a notebook, remembers which cell it is in and watches the kernel's memory."""

    kernel_manager_class = Type(ThisPython)
    cell_index = 0

    def watch(self, notebook: NotebookNode) -> None:
        """Start watching: the kernel is up."""
        self.memory = PeakMemory(self.km.provisioner.pid)
        self.memory.start()

    def enter(self, cell: NotebookNode, cell_index: int) -> None:
        """Remember the cell that runs now."""
        self.cell_index = cell_index

    def leave(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        """Look at the memory before the kernel goes away with its peak."""
        self.memory.look()


class PeakMemory(threading.Thread):
    """The most memory that a process and its children held together, in bytes.

    Sampled, except for the process's own peak where Linux keeps it. Children count in full, so
    pages that they share count more than once: an upper bound.
    """

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid = pid
        self.bytes = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.over.wait(SAMPLE_EVERY):
            self.look()

    def look(self) -> None:
        """Look once."""
        self.bytes = max(self.bytes, held_by(self.pid))

    def stop(self) -> int:
        """Stop and return the peak in bytes."""
        self.over.set()
        self.join()
        return self.bytes


def held_by(pid: int) -> int:
    """Return the bytes that a process (its own peak, on Linux) and its children now hold."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        children = process.children(recursive=True)
        own = _high_water(pid) or process.memory_info().rss
        return own + sum(_resident(child) for child in children)
    return 0


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):  # it may have ended since it was listed
        return process.memory_info().rss
    return 0


def _high_water(pid: int) -> int:
    """Return a process's own peak in bytes as Linux keeps it, 0 elsewhere."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        line = next(line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return 0


def run_notebook(source: Path, copy: Path, root: Path) -> Outcome:
    """Run every cell of `source` and write the result, finished or not, to `copy`.

    The kernel works in the folder of the copy and imports the package of the checkout `root`.
    A cell that fails is an outcome, not an exception.

    Raises:
        OSError: the notebook cannot be read or the copy cannot be written.
    """
    notebook = nbformat.read(source, as_version=4)
    copy.parent.mkdir(parents=True, exist_ok=True)
    client = Client(
        notebook,
        timeout=CELL_TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(copy.parent)}},
    )
    client.on_notebook_start = client.watch
    client.on_cell_execute, client.on_cell_executed = client.enter, client.leave
    start = time.perf_counter()
    failure = _execute(client, source.name, root)
    seconds = time.perf_counter() - start
    nbformat.write(notebook, copy)
    return Outcome(source.name, seconds, client.memory.stop(), failure)


def _execute(client: Client, name: str, root: Path) -> str | None:
    """Run all cells; return None, or which cell failed and how."""
    try:
        client.execute(env=environment(root))
    except CellExecutionError as error:
        said = f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        said = f"took more than {CELL_TIMEOUT} s"
    except DeadKernelError:
        said = "the kernel died (often: out of memory)"
    else:
        return None
    cell = client.nb.cells[client.cell_index]
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"{name}, cell {client.cell_index + 1} ({first[:60]!r}): {' '.join(said.split())}"
