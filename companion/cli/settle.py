"""What a run leaves in a notebook that is committed: results, no progress bars, a stamp."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from companion.cli.doctor import describe_machine, this_machine
from companion.cli.lessons import Outcome

WIDGET = "application/vnd.jupyter.widget-view+json"
STAMPED = ("torch", "torchvision", "timm", "transformers", "accelerate", "numpy", "ipywidgets")
# "name:  37%|###   | 3/8 [00:01<00:02]", and the bar without a total: "3it [00:01, 2.50it/s]"
_PROGRESS = re.compile(r"\d+%\|.*\||\d+(it|B)? \[\d+:\d+")
_CONTROL = re.compile(r"^\w+\(")  # a long one is cut short, so its end says nothing
_INSTEAD = "(an interactive control: run the notebook to use it)"


def settle(notebook: NotebookNode) -> None:
    """Remove from a notebook, in place, what must not be committed.

    Progress bars, widget state and timings go; a widget's view becomes its text. Results,
    figures and warnings stay.
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _settled(output))]


def stamp(notebook: NotebookNode, outcome: Outcome, root: Path) -> None:
    """Write into the notebook's metadata when, on what and with which versions it was run."""
    notebook.metadata["companion"] = {
        "verified": datetime.now(UTC).date().isoformat(),
        "commit": commit(root),
        "code": code_of(notebook),
        "versions": {name: metadata.version(name) for name in STAMPED},
        "device": describe_machine(this_machine()),
        "seconds": round(outcome.seconds, 1),
        "peak_memory": outcome.peak_bytes,
    }


def code_of(notebook: NotebookNode) -> str:
    """Return a short hash of a notebook's code, to tell whether its outputs still belong to it.

    The first code cell is left out: it sets up the machine and shows nothing that depends on its
    words, and the address and version in it are rewritten for each copy of the course.
    """
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"][1:]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


@cache  # asked once, before the first notebook that is written makes the checkout differ
def commit(root: Path) -> str:
    """Return the commit of a checkout, with -dirty if files differ from it, or "unknown"."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def keep_outputs(source: Path, copy: Path, outcome: Outcome, root: Path) -> None:
    """Replace the notebook `source` by its executed `copy`, settled and stamped, in one move.

    Raises:
        OSError: a file cannot be read or written; the notebook is then as it was.
    """
    notebook = nbformat.read(copy, as_version=4)
    settle(notebook)
    stamp(notebook, outcome, root)
    handle, name = tempfile.mkstemp(dir=source.parent, prefix=f".{source.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
        os.chmod(name, source.stat().st_mode)
        os.replace(name, source)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _settled(output: NotebookNode) -> NotebookNode | None:
    """Return the output as it may be committed, or None if nothing of it may."""
    if output.output_type == "stream":
        return _without_progress(output)
    data = output.get("data", {})
    if WIDGET not in data:
        return output
    del data[WIDGET]
    text = data.get("text/plain", "")
    if _PROGRESS.search(text):
        return None
    if set(data) <= {"text/plain"} and (not text or _CONTROL.match(text)):
        data["text/plain"] = _INSTEAD
    return output


def _without_progress(output: NotebookNode) -> NotebookNode | None:
    """Drop the lines of a stream that a progress bar drew; the rest stays as it was."""
    if output.name != "stderr":
        return output
    lines = output.text.replace("\r\n", "\n").split("\n")
    kept = [line for line in lines if not _PROGRESS.search(line)]
    output.text = "\n".join(kept)
    return output if output.text.strip() else None
