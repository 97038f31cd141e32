"""`companion classroom grade`: points for every submission in a folder."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from companion.cli.grading import Limits, Outcome, run_submission
from companion.cli.house import lessons
from companion.teaching.editions import nbgrader_source, places
from companion.teaching.submissions import Grade, grades, recognise, restore, state

_NOTHING = nbformat.v4.new_notebook()
# Left by Jupyter, and by macOS in archives.
_NOT_HANDED_IN = {".ipynb_checkpoints", "__MACOSX"}


@dataclass(frozen=True)
class Graded:
    """One submission with its grades; `lesson` is "" where none was recognised."""

    student: str
    lesson: str
    grades: list[Grade]
    remarks: list[str]
    outcome: Outcome


def grade(root: Path, submissions: Path, out: Path, limits: Limits) -> int:
    """Grade every notebook below `submissions` and write a row for each to the CSV file `out`.

    Whatever a submission does, the others are graded. Rows are written as they come. Returns 0.

    Raises:
        FileNotFoundError: there is no such folder, or no notebook in it.
    """
    if out.exists():
        raise FileExistsError(
            f"expected a new file for the grades, found {out}; move it away or name another, so "
            "that no grades are lost"
        )
    found = sorted(_handed_in(submissions))
    if not found:
        raise FileNotFoundError(
            f"expected submissions (STUDENT/LESSON.ipynb) in {submissions}, found no notebook; "
            "name the folder that holds the students' folders"
        )
    known = {path.stem: nbformat.read(path, as_version=4) for path in lessons(root)}
    sources = {name: nbgrader_source(lesson) for name, lesson in known.items() if places(lesson)}
    rows = []
    for student, path in found:
        print(f"{student:24}", end=" ", flush=True)
        rows.append(_grade_one(root, student, path, sources, limits))
        print(_in_short(rows[-1]), flush=True)
        # After each: an hour of grading that is interrupted is not lost. On Windows the file cannot
        # be replaced while somebody looks at it.
        with contextlib.suppress(PermissionError):
            _write_rows(out, rows)
    _write_rows(out, rows)
    print(f"\n{summary(rows)}\n\ngrades: {out}")
    return 0


def _handed_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (student, notebook): the student is the first folder's name, or the file's."""
    for path in folder.rglob("*.ipynb"):
        inside = path.relative_to(folder)
        if not _NOT_HANDED_IN & {*inside.parts} and not path.name.startswith("._"):
            yield _legible(inside.parts[0].removesuffix(".ipynb")), path


def _grade_one(
    root: Path, student: str, path: Path, sources: dict[str, NotebookNode], limits: Limits
) -> Graded:
    name, nothing = _legible(path.name), Outcome(None, 0.0, ())
    try:
        submission = nbformat.read(path, as_version=4)
        lesson = recognise(submission, path.stem, sources)
        if lesson is None:
            return Graded(student, "", [], [f"{name}: no lesson of this course"], nothing)
    except Exception as error:  # a file that is no notebook may break anything that reads it
        return Graded(student, "", [], [f"{name} is no notebook: {_words(error)}"], nothing)
    exercises = [place.exercise for place in places(sources[lesson])]
    try:
        restored, remarks = restore(submission, sources[lesson], limits.cell_seconds)
        outcome = run_submission(restored, root, limits)
    except Exception as error:  # whatever it is, the others are graded
        remark = f"{name} could not be graded: {_words(error)}; grade it by hand"
        return Graded(student, lesson, grades(_NOTHING, exercises), [remark], nothing)
    earned = grades(outcome.notebook or restored, exercises)
    return Graded(student, lesson, earned, [*remarks, *outcome.remarks], outcome)


def _words(error: Exception) -> str:
    return _legible(" ".join(f"{type(error).__name__}: {error}".split())[:200])


def _legible(name: str) -> str:
    """Return a name so that it can be written, if it is no UTF-8: archives of Windows hold such."""
    return name.encode("utf-8", "backslashreplace").decode()


def _in_short(row: Graded) -> str:
    if not row.lesson:
        return "; ".join(row.remarks)
    earned, most = _points(row)
    remarks = f"  ({len(row.remarks)} remarks)" if row.remarks else ""
    return f"{row.lesson:28} {earned:g} of {most} points in {row.outcome.seconds:.0f} s{remarks}"


def _points(row: Graded) -> tuple[float, int]:
    return sum(g.points for g in row.grades), sum(g.exercise.points for g in row.grades)


def _write_rows(out: Path, rows: Sequence[Graded]) -> None:
    ids = sorted({g.exercise.id for row in rows for g in row.grades})
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_name(f".{out.name}.half")
    # The mark at the beginning lets Excel read names as they are.
    with half.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "lesson", "score", "max_score", *ids, "remarks"])
        for row in rows:
            by_id = {g.exercise.id: f"{g.points:g}" for g in row.grades}
            earned, most = _points(row)
            cells = [by_id.get(name, "") for name in ids]
            writer.writerow(
                [row.student, row.lesson, f"{earned:g}", most, *cells, "; ".join(row.remarks)]
            )
    os.replace(half, out)


def summary(rows: Sequence[Graded]) -> str:
    """Return for each exercise how many passed, and the mistakes that its check named most."""
    by_exercise: dict[str, list[Grade]] = {}
    for row in rows:
        for one in row.grades:
            by_exercise.setdefault(one.exercise.id, []).append(one)
    lines = []
    for name, found in sorted(by_exercise.items()):
        states = Counter(state(one) for one in found)
        lines.append(f"{name}  " + ", ".join(f"{n} {word}" for word, n in states.most_common()))
        causes = Counter(filter(None, (_cause(one.said) for one in found if not one.points)))
        lines += [f"      {n} x {cause}" for cause, n in causes.most_common(3)]
    return "\n".join(lines)


def _cause(said: str) -> str:
    """Return the sentence of a message that names the mistake, "" if none does."""
    told = re.search(r"You seem to .*?[.:](?=\s|$)", said)
    return told[0] if told else ""
