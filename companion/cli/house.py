"""The commands that keep house: open a lesson, run lessons, the whole course, and clean up."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from companion.cli.environment import environment

FIRST = "00_start_here.ipynb"
OWN = "my-lessons"
_LINK = re.compile(r"\]\(([^)\s#]+\.ipynb)\)")
_BUILT = ("_build", "_book", "build", "dist")
_LEFTOVERS = (
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    "*.egg-info",
)


def course_root(start: Path | None = None) -> Path:
    """Return the checkout of the course: the folder that holds book.toml and notebooks/.

    Looked for at and above `start` (default: where we are), then around the installed package.

    Raises:
        FileNotFoundError: there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[2]):
        if (folder / "book.toml").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise FileNotFoundError(
        "expected a checkout of the course (a folder with book.toml and notebooks/) at or above "
        f"{start}, found none; clone the course's repository and call this from inside it"
    )


def lessons(root: Path) -> list[Path]:
    """Return the notebooks that notebooks/SUMMARY.md lists, in its order.

    Raises:
        FileNotFoundError: SUMMARY.md, or a notebook that it lists, is missing.
    """
    summary = root / "notebooks" / "SUMMARY.md"
    links = dict.fromkeys(_LINK.findall(summary.read_text("utf-8")))
    found = [summary.parent / link for link in links]
    if missing := [path.name for path in found if not path.is_file()]:
        raise FileNotFoundError(
            f"expected the notebooks that {summary} lists, found no {', '.join(missing)}; "
            "write them or take their lines out"
        )
    return found


def lab(root: Path, browser: bool = True, port: int | None = None) -> int:
    """Open the first lesson in JupyterLab, as the learner's own copy, and return its status.

    Copies of the lessons, and of the pages that they link to, are put into my-lessons/ where they
    are not there yet; none is overwritten.

    Raises:
        ModuleNotFoundError: JupyterLab is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ModuleNotFoundError("No module named 'jupyterlab'", name="jupyterlab")
    folder = root / OWN
    for lesson in own_copies(root):
        print(f"new: {lesson.relative_to(root)}")
    copy_pages(root)
    command = [sys.executable, "-m", "jupyterlab", str(folder / FIRST)]
    command += [f"--ServerApp.root_dir={folder}"]
    command += [] if browser else ["--no-browser"]
    command += [f"--ServerApp.port={port}"] if port else []
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command += ["--allow-root"]  # in a container there is no other user, and it would refuse
    return subprocess.run(command, cwd=folder, env=environment(root)).returncode


def own_copies(root: Path) -> Iterator[Path]:
    """Copy into my-lessons/, without outputs, each lesson that is not there; yield the new ones.

    Colab's badge is left out: it is a picture from the network, of a way not taken.
    """
    import nbformat

    from companion.teaching.lesson_page import BADGE

    for source in lessons(root):
        copy = root / OWN / source.relative_to(root / "notebooks")
        if copy.exists():
            continue
        notebook = nbformat.read(source, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            elif BADGE.search(cell.source):
                cell.source = re.sub(r"\n{3,}", "\n\n", BADGE.sub("", cell.source))
        copy.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, copy)
        yield copy


def copy_pages(root: Path) -> None:
    """Copy into my-lessons/ the pages that lessons link to, such as the glossary, if not there."""
    for page in sorted((root / "notebooks").glob("*.md")):
        copy = root / OWN / page.name
        if page.name != "SUMMARY.md" and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, copy)


def run(root: Path, names: Sequence[str] = (), write: bool = False) -> int:
    """Run notebooks (default: all lessons) on copies, print how each went, return 1 if one failed.

    With `write`, the outputs of each one that ran through are kept in the notebook itself.

    Raises:
        FileNotFoundError: a name is neither a file nor a lesson.
    """
    outcomes = run_lessons(root, [find(root, name) for name in names] or lessons(root), write)
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def find(root: Path, name: str) -> Path:
    """Return the notebook that `name` means: a path, or a lesson's name with or without suffix.

    Raises:
        FileNotFoundError: it means none.
    """
    known = {path.stem: path for path in sorted((root / "notebooks").glob("*.ipynb"))}
    if Path(name).is_file():
        return Path(name).resolve()
    stem = Path(name).name.removesuffix(".ipynb")
    if stem in known:
        return known[stem]
    near = difflib.get_close_matches(stem, known, n=3, cutoff=0.3) or list(known)
    raise FileNotFoundError(
        f"expected a notebook, found no {name!r}; did you mean: {', '.join(near) or '(none yet)'}?"
    )


def run_lessons(root: Path, notebooks: Sequence[Path], write: bool = False) -> list:
    """Run notebooks on copies in _build/lessons/ and return their `Outcome`s, printing each."""
    from companion.cli.lessons import run_notebook

    outcomes = []
    for source in notebooks:
        print(f"{source.name:40}", end=" ", flush=True)
        copy = root / "_build" / "lessons" / source.name
        outcome = run_notebook(source, copy, root)
        outcomes.append(outcome)
        print(f"{outcome.seconds:7.1f} s {outcome.peak_bytes / 2**30:6.2f} GiB", end="  ")
        print("FAILED" if outcome.failure else "ok", flush=True)
        if outcome.failure:
            print(f"  {outcome.failure}\n  as far as it came: {copy}")
        elif write:
            from companion.cli.settle import keep_outputs

            keep_outputs(source, copy, outcome, root)
    return outcomes


def course(root: Path) -> int:
    """Check the machine, install the assets, run every lesson, build the book; return 1 on failure.

    Raises:
        RuntimeError: an asset could not be installed, or the book could not be built.
    """
    from companion.cli import doctor
    from companion.data.assets import install_assets
    from companion.experiments.ledger import findings, table
    from companion.teaching.book import build_book

    start = time.perf_counter()
    install_assets()  # before the doctor, who would name what this cures
    found = doctor.examine()
    print(doctor.describe(found), end="\n\n", flush=True)
    if found["problems"]:
        return 1
    outcomes = run_lessons(root, lessons(root))
    book = build_book(root)
    failed = [outcome for outcome in outcomes if outcome.failure]
    seconds = sum(outcome.seconds for outcome in outcomes)
    peak = max((outcome.peak_bytes for outcome in outcomes), default=0)
    print(
        f"\n{len(outcomes) - len(failed)} of {len(outcomes)} lessons ran, in {seconds:.0f} s; "
        f"peak memory {peak / 2**30:.2f} GiB; all together {time.perf_counter() - start:.0f} s"
    )
    for outcome in failed:
        print(f"failed: {outcome.failure}")
    print(f"\n{table(findings())}\n\nthe book: {book}")
    return 1 if failed else 0


def clean(root: Path, environment: bool = False) -> int:
    """Remove what was built and what tools left behind; return 0.

    my-lessons/ is the learner's and is never touched; .venv only where `environment` is set.

    Raises:
        OSError: something cannot be removed.
    """
    doomed = [root / name for name in _BUILT]
    doomed += [path for pattern in _LEFTOVERS for path in _inside(root, pattern)]
    doomed += [root / ".venv"] if environment else []
    for path in doomed:
        if path.is_dir() and not path.is_symlink():
            print(f"removing {path.relative_to(root)}")
            shutil.rmtree(path)
    return 0


def _inside(root: Path, pattern: str) -> list[Path]:
    """Return the folders that match, leaving out what belongs to the learner, git or .venv."""
    spared = {root / OWN, root / ".venv", root / ".git"}
    rooms = [path for path in root.iterdir() if path.is_dir() and path not in spared]
    return [*root.glob(pattern), *(path for room in rooms for path in room.rglob(pattern))]
