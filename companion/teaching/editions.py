"""One notebook, three editions: for learners, for the teacher, and nbgrader's source.

Each exercise of a lesson stands in three cells: a code cell tagged `exercise` with the stub, right
after it the check, and a Markdown cell whose role is `solution`. Everything here works on copies.
"""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from companion.teaching.checks import EXERCISES
from companion.teaching.exercise import Exercise

# What stands in a stub where the answer belongs; nbgrader is told to leave the same.
PLACEHOLDER = "...  # your code here"
FIRST_DRAW = 1000  # variants draw from here on: no recorded trial and no lesson uses these seeds
SCHEMA = 3  # of nbgrader's metadata

_FOLDED = re.compile(r"<details>.*?</details>\n*", re.S)
_PYTHON = re.compile(r"```python\n(.*?)```\n*", re.S)
_STUCK = re.compile(r' ?Stuck\? Run `hint\("[^"]+"\)`[^.\n]*\.')
_DRAW = re.compile(r"^DRAW = \d+", re.M)
_HINT_IMPORTED = re.compile(r"^(from companion\.teaching\.checks import .*?), hint\b", re.M)
_COLAB = re.compile(r"\n*\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)\n*")


@dataclass(frozen=True)
class Place:
    """Where one exercise stands: the indices of its cells; a graded edition has no solution."""

    exercise: Exercise
    stub: int
    check: int
    solution: int | None


def places(notebook: NotebookNode) -> list[Place]:
    """Return where the exercises of a lesson stand, in their order.

    Raises:
        ValueError: a stub has no check right after it, or more than one solution.
    """
    return list(_places(notebook))


def _places(notebook: NotebookNode) -> Iterator[Place]:
    cells = notebook.cells
    about = [cell.metadata.get("companion", {}) for cell in cells]
    for i, cell in enumerate(cells):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        name = about[i].get("exercise")
        solutions = [
            j for j, a in enumerate(about) if a.get("role") == "solution" and a["exercise"] == name
        ]
        follows = i + 1 < len(cells) and f'check("{name}"' in cells[i + 1].source
        if name not in EXERCISES or not follows or len(solutions) > 1:
            raise ValueError(
                f"cell {i + 1}: expected the stub of a known exercise, its check in the next cell "
                f"and one solution, found exercise {name!r}, "
                f"{'a' if follows else 'no'} check and {len(solutions)} solutions"
            )
        yield Place(EXERCISES[name], i, i + 1, solutions[0] if solutions else None)


def grade_ids(exercise: Exercise) -> tuple[str, str]:
    """Return the grade ids of an exercise's answer and check; they never change."""
    number = exercise.id.replace(".", "-")
    return f"exercise-{number}", f"check-{number}"


def strict_check(exercise: Exercise) -> str:
    """Return the check of a graded edition; another `check` defined above it does not count."""
    return (
        "from companion.teaching.checks import check\n\n"
        f'check("{exercise.id}", {exercise.answer}, strict=True)'
    )


def learner(lesson: NotebookNode, graded: bool = False, variant: int | None = None) -> NotebookNode:
    """Return what a learner gets: stubs, and no outputs.

    With `graded` there are no hints and no solutions, and each check gives points. `variant` draws
    other examples wherever the lesson has a line `DRAW = ...`.

    Raises:
        ValueError: an exercise of the lesson is not whole.
    """
    edition = _prepared(lesson, variant)
    if graded:
        _close(edition)
    else:
        _mark(edition, strict=False)
    return edition


def nbgrader_source(lesson: NotebookNode, variant: int | None = None) -> NotebookNode:
    """Return nbgrader's source: the graded edition with each solution between its markers.

    `nbgrader generate_assignment` makes the graded learner's edition of it.

    Raises:
        ValueError: an exercise of the lesson is not whole.
    """
    edition = _prepared(lesson, variant)
    answers = {p.exercise.id: _solved(edition, p, markers=True) for p in places(edition)}
    _close(edition)
    for cell in edition.cells:
        about = cell.metadata.get("companion", {})
        if "exercise" in cell.metadata.get("tags", []):
            cell.source = answers[about["exercise"]]
    return edition


def teacher(
    lesson: NotebookNode, plan: str = "", notes: dict[str, str] | None = None
) -> NotebookNode:
    """Return the teacher's edition: solutions in place, a plan at the top, notes before sections.

    plan: Markdown. notes: heading of the lesson -> Markdown for the teacher. The outputs of the
    reference run stay, but for those of the exercises.

    Raises:
        ValueError: an exercise of the lesson is not whole.
    """
    edition = copy.deepcopy(lesson)
    for place in places(edition):
        answered = _solved(edition, place, markers=False)
        stub, check, solution = (
            edition.cells[i] for i in (place.stub, place.check, place.solution or 0)
        )
        stub.source = answered
        _clear(stub)
        _clear(check)
        told = re.search(r"<details>(.*?)</details>", solution.source, re.S)
        solution.source = _note(_after_code(told[1] if told else ""))
    _mark(edition, strict=False)
    edition.cells = [*_with_notes(edition.cells, notes or {})]
    if plan:
        edition.cells.insert(1, _markdown(plan))
    return edition


def _prepared(lesson: NotebookNode, variant: int | None) -> NotebookNode:
    if variant is not None and variant < 0:
        raise ValueError(f"expected a variant of 0 or more, found {variant}")
    edition = copy.deepcopy(lesson)
    edition.metadata.pop("companion", None)  # the stamp is of another run
    for cell in edition.cells:
        _clear(cell)
        if variant is not None and cell.cell_type == "code":
            cell.source = _DRAW.sub(f"DRAW = {FIRST_DRAW + variant}", cell.source)
    return edition


def _close(edition: NotebookNode) -> None:
    """Take hints and solutions out, in place, and let the checks give points."""
    _mark(edition, strict=True)
    solutions = {place.solution for place in places(edition)}
    edition.cells = [cell for i, cell in enumerate(edition.cells) if i not in solutions]
    for cell in edition.cells:
        if cell.cell_type == "markdown":
            # Colab's link would lead to the open edition.
            text = _COLAB.sub("\n\n", _STUCK.sub("", _FOLDED.sub("", cell.source)))
            cell.source = text.rstrip()
        else:
            cell.source = _HINT_IMPORTED.sub(r"\1", cell.source)


def _mark(edition: NotebookNode, strict: bool) -> None:
    """Write nbgrader's metadata into the cells of every exercise, in place."""
    for place in places(edition):
        answer_id, check_id = grade_ids(place.exercise)
        stub, check = edition.cells[place.stub], edition.cells[place.check]
        stub.metadata["nbgrader"] = _graded(answer_id, solution=True)
        check.metadata["nbgrader"] = _graded(check_id, points=place.exercise.points)
        check.metadata |= {"deletable": False, "editable": False}
        if strict:
            check.source = strict_check(place.exercise)


def _graded(grade_id: str, solution: bool = False, points: int = 0) -> dict:
    marked = {
        "schema_version": SCHEMA,
        "grade_id": grade_id,
        "grade": bool(points),
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return marked | ({"points": points} if points else {})


def _solved(edition: NotebookNode, place: Place, markers: bool) -> str:
    """Return the stub with the solution where the placeholder stood, marked for nbgrader or not."""
    stub = edition.cells[place.stub].source
    folded = "" if place.solution is None else edition.cells[place.solution].source
    solution = _PYTHON.search(folded)
    line = f"    {PLACEHOLDER}"
    if solution is None or stub.count(line) != 1:
        raise ValueError(
            f"exercise {place.exercise.id}: expected a solution in ```python and a stub with one "
            f"line {line!r}, found {stub!r}"
        )
    body = textwrap.indent(_body(solution[1], place.exercise.answer), "    ")
    if markers:
        body = f"    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
    return stub.replace(line, body)


def _body(source: str, name: str) -> str:
    """Return a solution as the body of its own function, with what it needs in front of that.

    Imports and helpers that stand above the function work within it as well.
    """
    tree, lines = ast.parse(source), source.splitlines()
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    others = [n for n in tree.body if n is not function and not _at_hand(n)]
    before = ["\n".join(lines[n.lineno - 1 : n.end_lineno]) for n in others]
    inner = textwrap.dedent("\n".join(lines[function.body[0].lineno - 1 : function.end_lineno]))
    if function.body[0].lineno == function.lineno:  # all on one line
        inner = "\n".join(ast.get_source_segment(source, step) for step in function.body)
    return "\n\n".join([*before, inner])


def _at_hand(node: ast.stmt) -> bool:
    """Say whether a statement is one that every lesson's first cells have made already."""
    return ast.unparse(node) in ("import numpy as np", "import torch")


def _after_code(told: str) -> str:
    return _PYTHON.sub("", re.sub(r"<summary>.*?</summary>", "", told, flags=re.S)).strip()


def _with_notes(cells: list[NotebookNode], notes: dict[str, str]) -> Iterator[NotebookNode]:
    for cell in cells:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^#{2,3} (.+?)\s*$", cell.source, re.M):
                if heading in notes:
                    yield _markdown(_note(notes[heading]))
        yield cell


def _note(text: str) -> str:
    """Write a teacher's note so that it cannot be taken for the lesson's own text."""
    return "\n".join(f"> {line}".rstrip() for line in f"**Teacher.** {text}".splitlines())


def _markdown(text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text)


def _clear(cell: NotebookNode) -> None:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
