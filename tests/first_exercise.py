"""From a clone to the first passed exercise, as a new learner meets it; prints each stage.

    python tests/first_exercise.py [REPOSITORY]

Clones, runs `make lab`, waits until JupyterLab serves the learner's copy of lesson 00, then runs
that copy up to its first exercise with the answer filled in. Nothing of this checkout's own
environment is used. PIP_NO_CACHE_DIR=1 measures without pip's cache.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

BUDGET = 600  # seconds
ANSWER = """
import sys, nbformat
from nbclient import NotebookClient
from jupyter_client import KernelManager
path, solution = sys.argv[1], open(sys.argv[2]).read()
notebook = nbformat.read(path, as_version=4)
for i, cell in enumerate(notebook.cells):
    if cell.metadata.get("companion", {}).get("exercise") == "00.1" and cell.cell_type == "code":
        cell.source = solution
    if cell.cell_type == "code" and 'check("00.1"' in cell.source:
        notebook.cells = notebook.cells[: i + 1]
        break
manager = KernelManager()
manager.kernel_spec.argv[0] = sys.executable
NotebookClient(notebook, km=manager).execute(cwd=sys.argv[3])
print(notebook.cells[-1].outputs)
"""


def solution_of(notebook: Path) -> str:
    """Return the folded solution of exercise 00.1."""
    for cell in json.loads(notebook.read_text("utf8"))["cells"]:
        mark = cell["metadata"].get("companion", {})
        if mark.get("exercise") == "00.1" and mark.get("role") == "solution":
            return re.search(r"```python\n(.*?)```", "".join(cell["source"]), re.S)[1]
    raise LookupError(f"{notebook.name} has no solution of exercise 00.1")


def wait_for_lesson(port: int, server: subprocess.Popen) -> None:
    """Wait until the server lists the learner's copy of the first lesson."""
    url = f"http://127.0.0.1:{port}/api/contents/00_start_here.ipynb?content=0&token=t"
    while server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("`make lab` ended before it served the lesson")


def main(repository: str) -> int:
    """Go through the stages; return 1 if they take longer than the budget."""
    begin = last = time.perf_counter()
    cold = "off" if os.environ.get("PIP_NO_CACHE_DIR") else "on, as it was found"
    print(f"pip's cache: {cold}", flush=True)

    def stage(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{now - last:7.1f} s  {name}", flush=True)
        last = now

    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        clone, work = Path(folder, "clone"), Path(folder, "work")
        os.environ["COMPANION_CACHE"] = str(work)
        os.environ["JUPYTER_TOKEN"] = "t"
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        subprocess.run(["git", "clone", "-q", repository, clone], check=True)
        stage("git clone")
        subprocess.run(["make", ".venv/.ready"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        stage("make: environment, packages, weights and data")
        command = ["make", "lab", f"ARGS=--no-browser --port {port}"]
        server = subprocess.Popen(
            command, cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait_for_lesson(port, server)
            stage("make lab: JupyterLab serves my-lessons/00_start_here.ipynb")
            lesson = clone / "my-lessons" / "00_start_here.ipynb"
            work.mkdir(exist_ok=True)
            solution = work / "solution.py"
            solution.write_text(solution_of(lesson))
            python = clone / ".venv" / "bin" / "python"
            ran = subprocess.run(
                [python, "-c", ANSWER, lesson, solution, lesson.parent],
                capture_output=True, text=True, cwd=work,
            )  # fmt: skip
        finally:
            os.killpg(server.pid, 15)
        if "00.1 passed" not in ran.stdout:
            print(ran.stdout[-2000:], ran.stderr[-2000:])
            return 1
        stage("lesson 00 run up to exercise 00.1, which passed")
    total = last - begin
    print(f"{total:7.1f} s  in all, of {BUDGET} s")
    return 0 if total <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).resolve().parents[1])))
