"""`companion classroom build`: editions of the lessons for a class."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import companion
from companion.cli.environment import SHARING
from companion.cli.house import find, lessons
from companion.data.catalogue import not_free
from companion.teaching.editions import PLACEHOLDER, learner, nbgrader_source, places, teacher
from companion.teaching.plans import minute_plan, notes
from companion.teaching.submissions import CELL_SECONDS, GIBIBYTES, LESSON_CELL_SECONDS

_CONFIG = '''"""nbgrader's settings for this course; run its commands in this folder."""

import contextlib
import os
from pathlib import Path

from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    OverwriteCells,
    OverwriteKernelspec,
)

from companion.teaching.nbgrader_step import RestoreCells, seconds_of

c = get_config()  # nbgrader brings it
here = Path(__file__).resolve().parent
c.CourseDirectory.root = str(here)
c.CourseDirectory.course_id = "transfer_learning_measured"
# The stub that the course itself leaves.
c.ClearSolutions.code_stub = {{"python": {placeholder!r}}}
# Without the first step, work that was pasted into a new notebook would get 0, without a word.
c.RestoreCells.source = str(here / "source")
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    RestoreCells,
    DeduplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
for name, value in {sharing!r}.items():
    os.environ.setdefault(name, value)  # several kernels on few cores; see the teacher's page
c.Execute.timeout = {longest}  # seconds
c.Execute.timeout_func = seconds_of  # a learner's own cells: {seconds}
with contextlib.suppress(ImportError, ValueError):  # no such limit here, or a lower one
    import resource

    # A submission that wants more memory gets a MemoryError, and the machine stays usable.
    resource.setrlimit(resource.RLIMIT_DATA, ({gibibytes} * 2**30, {gibibytes} * 2**30))
'''


def build(
    root: Path,
    out: Path,
    names: Sequence[str] = (),
    *,
    graded: bool = False,
    variant: int | None = None,
    permissive: bool = False,
) -> int:
    """Write the editions of lessons (default: all) into `out`; return 0, or 1 if none is left.

    Raises:
        FileNotFoundError: a name is no lesson.
        FileExistsError: `out` holds something that `build` did not write.
    """
    chosen = [find(root, name) for name in names] or lessons(root)
    if permissive:
        chosen = [path for path in chosen if not _left_out(path, lessons(root))]
    if not chosen:
        print("no lesson is left; nothing was written")
        return 1
    # All are made before anything is taken away.
    made = {path: _editions(path, root / "notebooks", graded, variant) for path in chosen}
    _make_room(out)
    facts = {"version": companion.__version__, "graded": graded, "variant": variant}
    facts["lessons"] = [path.name for path in chosen]
    (out / "build.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    for path, editions in made.items():
        for folder, notebook in editions.items():
            _write(out / folder / path.name, notebook)
        found = [place.exercise for place in places(editions["teacher"])]
        print(f"{path.stem:32} {len(found)} exercises, {sum(e.points for e in found)} points")
    config = out / "nbgrader" / "nbgrader_config.py"
    if config.parent.is_dir() and not config.exists():  # a teacher may have changed it
        config.write_text(_config(), "utf-8")
    print(f"the editions: {out}")
    return 0


def _editions(
    path: Path, pages: Path, graded: bool, variant: int | None
) -> dict[str, NotebookNode]:
    """Return the editions of a lesson by the folders that they go to."""
    lesson = nbformat.read(path, as_version=4)
    plan = minute_plan(lesson, path.name, (pages / "labs.md").read_text("utf-8"))
    found = {
        "learner": learner(lesson, graded, variant),
        "teacher": teacher(lesson, plan, notes(lesson, path.name, pages)),
    }
    if places(lesson):
        found[f"nbgrader/source/{path.stem}"] = nbgrader_source(lesson, variant)
    return found


def _left_out(path: Path, known: Sequence[Path]) -> bool:
    """Say whether a notebook needs what is not free for any use, and print what that is."""
    reasons = not_free(path.stem)
    if path not in known:
        reasons = {"a notebook that is no lesson of the course": "its data are not known"}
    for name, licence in reasons.items():
        print(f"{path.stem:32} left out: {name} ({licence})")
    return bool(reasons)


def _make_room(out: Path) -> None:
    """Remove an earlier build at `out`; refuse to touch a folder that is none."""
    if out.exists() and any(out.iterdir()) and not (out / "build.json").is_file():
        raise FileExistsError(
            f"expected a new or empty folder, or an earlier build, found other files in {out}; "
            "name another folder"
        )
    for edition in ("learner", "teacher"):
        shutil.rmtree(out / edition, ignore_errors=True)
    shutil.rmtree(out / "nbgrader" / "source", ignore_errors=True)  # what nbgrader made stays
    out.mkdir(parents=True, exist_ok=True)


def _write(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _config() -> str:
    return _CONFIG.format(
        placeholder=PLACEHOLDER,
        longest=LESSON_CELL_SECONDS,
        seconds=CELL_SECONDS,
        gibibytes=GIBIBYTES,
        sharing=SHARING,
    )
