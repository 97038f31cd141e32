"""What comes back from a learner, made fit to be graded: answers found, checks put back.

Both graders, the course's own and nbgrader, work on what `restore` returns. nbgrader alone gives
nothing, and says nothing, where the cells have lost its metadata.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode

from companion.teaching.checks import NOT_ATTEMPTED, NOT_YET, PASSED
from companion.teaching.editions import Place, grade_ids, places, strict_check
from companion.teaching.exercise import Exercise

# Seconds for a cell that a learner wrote. One of the lesson's own may train something.
CELL_SECONDS = 60
LESSON_CELL_SECONDS = 900
_CHECKS = "companion.teaching.checks"
GIBIBYTES = 6  # of memory for a submission; a lesson with exercises takes under half of it


@dataclass(frozen=True)
class Grade:
    """What one exercise of a submission earned, and what its check said."""

    exercise: Exercise
    points: float
    said: str


def recognise(submission: NotebookNode, name: str, lessons: dict[str, NotebookNode]) -> str | None:
    """Return which lesson (a name among `lessons`) was handed in, None if it cannot be told.

    Told by its grade ids and checks, else by the functions that it defines, else by its file's
    name.
    """
    source = "\n".join(cell.source for cell in _code(submission))
    ids = {_grade_id(cell) for cell in submission.cells}

    def likeness(lesson: str) -> tuple[int, int, bool]:
        exercises = [place.exercise for place in places(lessons[lesson])]
        marked = sum(bool(ids & {*grade_ids(e)}) or _checks(e, source) for e in exercises)
        return marked, sum(_defines(e, source) for e in exercises), lesson in name

    best = max(lessons, key=likeness)
    return best if any(likeness(best)) else None


def restore(
    submission: NotebookNode,
    source: NotebookNode,
    cell_seconds: int = CELL_SECONDS,
) -> tuple[NotebookNode, list[str]]:
    """Return a copy of a submission with the checks of `source` in place, and what was found.

    source: nbgrader's edition of the same lesson. Each check stands right after the last cell that
    defines its answer. Every code cell is told how many seconds it may take.
    """
    restored, remarks = copy.deepcopy(submission), []
    own = {_masked(cell.source) for cell in _code(source)}
    answers = {place.exercise: _answer_cells(restored, place.exercise) for place in places(source)}
    for place in places(source):
        remarks += _put_back(restored, source, place, answers[place.exercise])
    known = {name for place in places(source) for name in grade_ids(place.exercise)}
    for cell in restored.cells:
        if _grade_id(cell) not in known or cell.cell_type != "code":
            cell.metadata.pop("nbgrader", None)
        if cell.cell_type == "code":
            of_lesson = _masked(cell.source) in own and not _grade_id(cell)
            cell.metadata["seconds"] = LESSON_CELL_SECONDS if of_lesson else cell_seconds
    return restored, remarks


def grades(executed: NotebookNode, exercises: Iterable[Exercise]) -> list[Grade]:
    """Return what each exercise earned in a restored submission that was run.

    The points are the result of the check's cell. A check that did not run, or stopped, earns
    nothing.
    """
    by_id = {_grade_id(cell): cell for cell in executed.cells}
    return [_grade(exercise, by_id.get(grade_ids(exercise)[1])) for exercise in exercises]


def _grade(exercise: Exercise, cell: NotebookNode | None) -> Grade:
    outputs = cell.outputs if cell is not None else []
    results = [o.data.get("text/plain", "") for o in outputs if o.output_type == "execute_result"]
    said = [o.data.get("text/plain", "") for o in outputs if o.output_type == "display_data"]
    errors = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    earned = results[-1] if results and not errors else ""
    points = float(earned) if re.fullmatch(r"\d+(\.\d+)?", earned) else 0.0
    words = [*said, *errors] or ["the check did not run"]
    return Grade(exercise, min(points, exercise.points), " ".join(words))


def state(grade: Grade) -> str:
    """Return a grade in a word or three: passed, not attempted yet, not yet, or no result."""
    for word in (PASSED, NOT_ATTEMPTED, NOT_YET):
        if grade.said.startswith(f"{grade.exercise.id} {word}"):
            return word
    return "no result"


def _put_back(
    restored: NotebookNode, source: NotebookNode, place: Place, answers: list[NotebookNode]
) -> list[str]:
    """Mark the answer's cell and put the course's check after it, in place; return remarks.

    Only cells that hold a check and nothing else are taken out: what a learner wrote stays.
    """
    exercise, remarks = place.exercise, []
    answer_id, check_id = grade_ids(exercise)
    known_forms = {f'check("{exercise.id}", {exercise.answer})', strict_check(exercise)}
    marked = [cell for cell in restored.cells if _grade_id(cell) in (answer_id, check_id)]
    checks = [cell for cell in _code(restored) if _is_only_a_check(cell, exercise)]
    if not answers:
        remarks.append(f"{exercise.id}: no cell defines {exercise.answer}")
    elif not any(_grade_id(cell) == answer_id for cell in answers):
        remarks.append(
            f"{exercise.id}: the cell had lost its grade id and was found by the name "
            f"{exercise.answer}"
        )
    if sum(_is_function(exercise, cell.source) for cell in answers) > 1:
        remarks.append(f"{exercise.id}: several cells define {exercise.answer}; the last counts")
    if any(cell.source.strip() not in known_forms for cell in checks):
        remarks.append(f"{exercise.id}: the check had been changed and was put back")
    elif not checks:
        remarks.append(f"{exercise.id}: the check was missing and was put back")
    for cell in marked:
        cell.metadata.pop("nbgrader")
    restored.cells = [cell for cell in restored.cells if not any(cell is c for c in checks)]
    last = len(restored.cells)
    if answers:
        mark = source.cells[place.stub].metadata["nbgrader"]
        answers[-1].metadata["nbgrader"] = copy.deepcopy(mark)
        last = 1 + next(i for i, cell in enumerate(restored.cells) if cell is answers[-1])
    restored.cells.insert(last, copy.deepcopy(source.cells[place.check]))
    return remarks


def _answer_cells(notebook: NotebookNode, exercise: Exercise) -> list[NotebookNode]:
    """Return the code cells that hold an answer: by what they define, else by their grade id."""
    code, answer_id = _code(notebook), grade_ids(exercise)[0]
    functions = [cell for cell in code if _is_function(exercise, cell.source)]
    found = functions or [cell for cell in code if _defines(exercise, cell.source)]
    return found or [cell for cell in code if _grade_id(cell) == answer_id]


def _is_only_a_check(cell: NotebookNode, exercise: Exercise) -> bool:
    """Say whether a code cell is an exercise's check and holds nothing that a learner may need."""
    try:
        steps = ast.parse(cell.source).body
    except SyntaxError:
        return False
    if any(isinstance(part, ast.NamedExpr) for step in steps for part in ast.walk(step)):
        return False
    rest = [step for step in steps if getattr(step, "module", "") != _CHECKS]
    if _grade_id(cell) == grade_ids(exercise)[1]:  # changed, perhaps, but nothing is made in it
        return all(isinstance(step, (ast.Expr, ast.Pass)) for step in rest)
    return bool(rest) and all(_is_call(step, exercise) for step in rest)


def _is_call(step: ast.stmt, exercise: Exercise) -> bool:
    return isinstance(step, ast.Expr) and _checks(exercise, ast.unparse(step)[:40])


def _is_function(exercise: Exercise, source: str) -> bool:
    return bool(re.search(rf"^(async +)?def +{re.escape(exercise.answer)}\b", source, re.M))


def _masked(source: str) -> str:
    """Return code as it is in every edition of a lesson, whatever the draw."""
    return re.sub(r"\d+", "0", source.replace(", hint", ""))


def _defines(exercise: Exercise, source: str) -> bool:
    """Say whether code defines the answer's name; a pattern, since the code may not parse."""
    name = re.escape(exercise.answer)
    return bool(re.search(rf"^(async +)?def +{name}\b|^{name} *(:[^=\n]*)?=[^=]", source, re.M))


def _checks(exercise: Exercise, source: str) -> bool:
    return bool(re.search(rf"\bcheck\(\s*[\"']{re.escape(exercise.id)}[\"']", source))


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
