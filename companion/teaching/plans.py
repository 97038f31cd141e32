"""What the teacher's edition says on top of the lesson, read from the book's pages for teachers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from companion.teaching.editions import places
from companion.teaching.exercise import Exercise

_ROW = re.compile(r"^\| *(?P<minutes>\d+-\d+) *\| *(?P<section>[^|]+?) *\| *(?P<told>[^|]+?) *\|$")


def minute_plan(lesson: NotebookNode, name: str, labs: str) -> str:
    """Return Markdown for the top of a lesson: its lab's section, else a plan by its headings.

    name: the notebook's file. labs: the page of the labs.
    """
    section = _lab(name, labs)
    if section:
        return f"## For the teacher: {section}"
    rows = [f"| {heading} | {minutes} |" for heading, minutes in _minutes(lesson)]
    total = sum(minutes for _, minutes in _minutes(lesson))
    table = "\n".join(["| section | minutes for its exercises |", "|---|---|", *rows])
    said = f"Exercises alone take {total} minutes; the learning time above holds everything."
    return f"## For the teacher: minutes\n\n{table}\n\n{said}" if rows else ""


def notes(lesson: NotebookNode, name: str, pages: Path) -> dict[str, str]:
    """Return a note for each heading of a lesson that has one: minutes, and what goes wrong."""
    labs = (pages / "labs.md").read_text("utf-8")
    wrong = (pages / "wrong-answers.md").read_text("utf-8")
    told = {
        row["section"]: f"Minutes {row['minutes']}. {row['told']}"
        for row in lab_rows(_lab(name, labs))
    }
    exercises = {place.exercise.id: place.exercise for place in places(lesson)}
    for heading in headings(lesson):
        found = re.match(r"Exercise (\w+\.\d)\b", heading)
        if found and found[1] in exercises:
            note = _exercise_note(exercises[found[1]], wrong)
            told[heading] = "\n\n".join(filter(None, [told.get(heading), note]))
    return told


def lab_rows(section: str) -> list[re.Match[str]]:
    """Return the rows of a lab's plan; each has the groups minutes, section and told."""
    return [row for line in section.splitlines() if (row := _ROW.match(line))]


def headings(lesson: NotebookNode) -> list[str]:
    """Return the headings of the second and third level, in their order."""
    markdown = [cell.source for cell in lesson.cells if cell.cell_type == "markdown"]
    return [h for text in markdown for h in re.findall(r"^#{2,3} (.+?)\s*$", text, re.M)]


def _lab(name: str, labs: str) -> str:
    """Return the section (without its ##) of the page of labs about a notebook, or ""."""
    sections = re.split(r"^## ", labs, flags=re.M)[1:]
    return next((s.strip() for s in sections if _first_link(s) == name and lab_rows(s)), "")


def _first_link(section: str) -> str:
    """Return the first notebook that a section links to: the one it is about."""
    found = re.search(r"\]\((\w+\.ipynb)\)", section)
    return found[1] if found else ""


def _minutes(lesson: NotebookNode) -> Iterator[tuple[str, int]]:
    """Yield each second-level heading with the minutes of the exercises below it, if any."""
    heading, minutes = "", 0
    stubs = {place.stub: place.exercise.minutes for place in places(lesson)}
    for i, cell in enumerate(lesson.cells):
        minutes += stubs.get(i, 0)
        found = re.search(r"^## (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if found:
            if minutes:
                yield heading, minutes
            heading, minutes = found[1], 0
    if minutes:
        yield heading, minutes


def _exercise_note(exercise: Exercise, wrong: str) -> str:
    """Return minutes and points, and the messages that wrong answers get."""
    worth = f"{exercise.points} point{'s' if exercise.points > 1 else ''}"
    said = f"{exercise.minutes} minutes, {exercise.difficulty}, {worth}."
    section = re.search(rf"^### {re.escape(exercise.id)} .*?\n(.*?)(?=^##|\Z)", wrong, re.M | re.S)
    lines = section[1].splitlines() if section else []
    messages = "\n".join(line for line in lines if line.startswith("- "))
    return f"{said} What the check says to wrong answers:\n\n{messages}" if messages else said
