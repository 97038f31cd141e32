"""Eleven submissions of lesson 00 as they come back from a class, made from the graded edition."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

import nbformat
from nbformat import NotebookNode

from companion.teaching.editions import places

SOLVED = ("00.1", "00.2", "00.3", "00.4", "00.5")

# What graders read must be the same whatever the lesson's own cells compute, and ten lessons in
# full would take a quarter of an hour: of those cells, only these stay.
KEPT = ("import numpy as np",)


def shortened(edition: NotebookNode) -> NotebookNode:
    """Return an edition of a lesson without the cells that load, train and draw."""
    short = copy.deepcopy(edition)
    short.cells = [
        cell
        for cell in short.cells
        if cell.cell_type == "markdown" or "nbgrader" in cell.metadata or cell.source in KEPT
    ]
    short.cells.insert(0, nbformat.v4.new_code_cell(KEPT[0]))
    return short


def solutions_of(lesson: NotebookNode) -> dict[str, str]:
    """Return the folded solutions of a lesson, by exercise."""
    folded = {p.exercise.id: lesson.cells[p.solution].source for p in places(lesson)}
    return {
        exercise: re.search(r"```python\n(.*?)```", text, re.S)[1].rstrip()
        for exercise, text in folded.items()
    }


def answer(notebook: NotebookNode, exercise: str) -> NotebookNode:
    """Return the cell for the answer to an exercise."""
    wanted = f"exercise-{exercise.replace('.', '-')}"
    return next(
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == wanted
    )


def checks(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells of the checks."""
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]


def with_answers(
    notebook: NotebookNode, solutions: dict[str, str], which: tuple[str, ...] = SOLVED
):
    """Return a copy in which these exercises are solved."""
    filled = copy.deepcopy(notebook)
    for exercise in which:
        answer(filled, exercise).source = solutions[exercise]
    return filled


def tampered(notebook: NotebookNode) -> None:
    """Let every check pass, as a learner might who opens the lock."""
    for cell in checks(notebook):
        cell.source = "2.0"
        cell.metadata["nbgrader"]["points"] = 100


def endless(notebook: NotebookNode) -> None:
    """Let one answer never return, and one cell never end."""
    answer(
        notebook, "00.2"
    ).source = "def draw_per_class(labels, k, seed):\n    while True:\n        pass"
    notebook.cells.insert(4, nbformat.v4.new_code_cell("while True:\n    pass"))


def deleted(notebook: NotebookNode) -> None:
    """Delete one answer, one check, and both of a third."""
    gone = [
        answer(notebook, "00.1"),
        checks(notebook)[1],
        answer(notebook, "00.3"),
        checks(notebook)[2],
    ]
    notebook.cells = [cell for cell in notebook.cells if not any(cell is g for g in gone)]


def pasted(notebook: NotebookNode) -> None:
    """Paste all code into a new notebook: no metadata, and two cells became one."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    cells = ["\n\n".join(code[:2]), *code[2:]]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook.metadata = nbformat.from_dict({})


def unreadable(notebook: NotebookNode) -> None:
    """Leave a bracket open in one answer."""
    answer(notebook, "00.4").source += "\n    return ("


def by_colab(notebook: NotebookNode) -> None:
    """Save it as Colab does: no cell ids, own metadata, minor version 0."""
    notebook.nbformat_minor = 0
    notebook.metadata = nbformat.from_dict(
        {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    for number, cell in enumerate(notebook.cells):
        cell.pop("id", None)
        cell.metadata["id"] = f"c{number}"
        if cell.cell_type == "code":
            cell.metadata |= {"colab": {"base_uri": "https://localhost:8080/"}, "outputId": "x"}


def huge(notebook: NotebookNode) -> None:
    """Print thirty million characters, and print in an answer as well."""
    loud = "for _ in range(300):\n    print('x' * 100_000)"
    notebook.cells.insert(4, nbformat.v4.new_code_cell(loud))
    cell = answer(notebook, "00.1")
    cell.source = re.sub(
        r"(?m)^(    )(?=return )", r"\1print('y' * 10_000)\n    ", cell.source, count=1
    )


def greedy(notebook: NotebookNode) -> None:
    """Ask for more memory than there is, in a cell and in an answer."""
    notebook.cells.insert(4, nbformat.v4.new_code_cell("held = bytearray(64 * 2**30)"))
    answer(notebook, "00.5").source = (
        "def evaluate_mended(predict, pictures, labels, batch_size):\n"
        "    held = []\n    while True:\n        held.append(np.ones(10_000_000))"
    )


def shadowed(notebook: NotebookNode) -> None:
    """Define a `check` that always gives full points, above the real ones."""
    notebook.cells.insert(2, nbformat.v4.new_code_cell("check = lambda *a, **k: 3.0"))


# name: (what is solved before, what is done to it then, points that it must get)
CASES: dict[str, tuple[tuple[str, ...], Callable[[NotebookNode], None] | None, float]] = {
    "perfect": (SOLVED, None, 8),
    "empty": ((), None, 0),
    "tampered": (("00.4",), tampered, 1),
    "endless": (SOLVED, endless, 6),
    "deleted": (SOLVED, deleted, 5),
    "pasted": (SOLVED, pasted, 8),
    "unreadable": (SOLVED, unreadable, 7),
    "half_right": (("00.1", "00.3", "00.4"), None, 4),
    "by_colab": (SOLVED, by_colab, 8),
    "huge": (SOLVED, huge, 8),
    "greedy": (SOLVED, greedy, 6),
    "shadowed": ((), shadowed, 0),
}


def submission(name: str, edition: NotebookNode, solutions: dict[str, str]) -> NotebookNode:
    """Return what the learner of this name hands in."""
    which, change, _ = CASES[name]
    notebook = with_answers(edition, solutions, which)
    if change:
        change(notebook)
    return notebook
