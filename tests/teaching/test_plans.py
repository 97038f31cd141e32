"""The plans of the labs against the lessons, and the notes that the teacher's edition gets."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from companion.teaching.checks import EXERCISES
from companion.teaching.editions import places, teacher
from companion.teaching.plans import headings, lab_rows, minute_plan, notes
from tests.conftest import ROOT

PAGES = ROOT / "notebooks"
LABS = (PAGES / "labs.md").read_text("utf-8")
MINUTES = {"00_start_here": 50, "02_freezing_and_fine_tuning": 110, "06_few_examples": 110}
LESSONS = {path.stem: nbformat.read(path, as_version=4) for path in sorted(PAGES.glob("*.ipynb"))}
WITH_EXERCISES = [name for name, lesson in LESSONS.items() if places(lesson)]

each_lab = pytest.mark.parametrize("name", MINUTES)


def plan_of(name):
    return minute_plan(LESSONS[name], f"{name}.ipynb", LABS)


def small(*sections):
    """Return a lesson of sections: a heading, or (heading, exercise)."""
    cells = [new_markdown_cell("# A lesson")]
    for section in sections:
        heading, exercise = section if isinstance(section, tuple) else (section, None)
        cells.append(new_markdown_cell(f"## {heading}\n\nWords."))
        if exercise:
            cells.append(new_markdown_cell(f"### Exercise {exercise}: do it\n\n**Goal:** done."))
            about = {"companion": {"exercise": exercise}, "tags": ["exercise"]}
            cells.append(new_code_cell("def f(): ...", metadata=about))
            cells.append(new_code_cell(f'check("{exercise}", f)'))
    return new_notebook(cells=cells)


@pytest.fixture
def pages(tmp_path):
    """Small pages for teachers: one lab, and wrong answers to two exercises."""
    (tmp_path / "labs.md").write_text(
        "# Labs\n\n## Lab 1: small\n\nThe lesson is [Small](small.ipynb).\n\n"
        "| minutes | section | what you do |\n|---|---|---|\n"
        "| 0-2 | First | Say hello. |\n| 2-9 | Exercise 00.1: do it | In class. |\n\n"
        "## Lab 2: another\n\nThe lesson is [Other](other.ipynb).\n\n"
        "| minutes | section | what you do |\n|---|---|---|\n| 0-1 | First | Of another. |\n"
    )
    (tmp_path / "wrong-answers.md").write_text(
        "# Wrong\n\n## 00 Start\n\n### 00.1 The baseline\n\n- You seem to count.\n- Or not.\n\n"
        "### 00.2 A draw\n\n- You seem to draw.\n\n## 01 Next\n\n### 01.1 Near\n\n- You seem far.\n"
    )
    return tmp_path


# The three labs ----------------------------------------------------------------------------------


def test_the_page_holds_these_three_labs_and_no_other():
    sections = re.split(r"^## ", LABS, flags=re.M)[1:]
    assert len(sections) == len(MINUTES)
    for section, (name, minutes) in zip(sections, MINUTES.items(), strict=True):
        assert re.match(rf"Lab \d: lesson {name[:2]} in {minutes} minutes\n", section)
        assert len(re.findall(r"^\|(---\|)+$", section, re.M)) == 1, "one table each"
        assert section.count(f"]({name}.ipynb)") == 1


@each_lab
def test_the_minutes_of_a_lab_follow_one_another_to_its_end(name):
    rows = lab_rows(plan_of(name))
    spans = [tuple(map(int, row["minutes"].split("-"))) for row in rows]
    assert len(spans) >= 10
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == MINUTES[name]
    assert all(start < end for start, end in spans)


@each_lab
def test_every_row_of_a_table_is_read(name):
    table = [line for line in plan_of(name).splitlines() if line.startswith("|")]
    assert len(lab_rows(plan_of(name))) == len(table) - 2, "without its head and its rule"


@each_lab
def test_each_row_of_a_lab_is_a_section_of_the_lesson_in_its_order(name):
    sections = [row["section"] for row in lab_rows(plan_of(name))]
    known = headings(LESSONS[name])
    assert [section for section in sections if known.count(section) != 1] == []
    assert sections == sorted(sections, key=known.index)


@each_lab
def test_a_row_of_an_exercise_leaves_its_minutes(name):
    exercises = {p.exercise.id: p.exercise for p in places(LESSONS[name])}
    planned = 0
    for row in lab_rows(plan_of(name)):
        if found := re.match(r"Exercise (\w+\.\d):", row["section"]):
            start, end = map(int, row["minutes"].split("-"))
            assert end - start >= exercises[found[1]].minutes - 2, row["section"]
            planned += 1
    assert planned >= 2


# The plan on top of a lesson ---------------------------------------------------------------------


@each_lab
def test_a_lesson_with_a_lab_gets_the_labs_section(name):
    plan = plan_of(name)
    assert plan.startswith(f"## For the teacher: Lab {list(MINUTES).index(name) + 1}: lesson ")
    assert "**Homework:**" in plan
    assert plan.count("\n## ") == 0


@pytest.mark.parametrize("name", [name for name in WITH_EXERCISES if name not in MINUTES])
def test_another_lesson_gets_the_minutes_of_its_exercises_by_section(name):
    plan, exercises = plan_of(name), [place.exercise for place in places(LESSONS[name])]
    rows = re.findall(r"^\| (.+?) \| (\d+) \|$", plan, re.M)
    assert [section for section, _ in rows if section not in headings(LESSONS[name])] == []
    total = sum(exercise.minutes for exercise in exercises)
    assert sum(int(minutes) for _, minutes in rows) == total > 0
    assert plan.startswith("## For the teacher: minutes\n")
    assert f"Exercises alone take {total} minutes" in plan


def test_exercises_of_one_section_are_added_up():
    lesson = small("First", ("Second", "00.1"), "Third", ("Fourth", "00.2"))
    lesson.cells += small(("Fifth", "00.3")).cells[2:]  # without its heading: still the fourth
    first, *others = (EXERCISES[name].minutes for name in ("00.1", "00.2", "00.3"))
    rows = re.findall(r"^\| (.+) \| (\d+) \|$", minute_plan(lesson, "small.ipynb", LABS), re.M)
    assert rows == [("Second", str(first)), ("Fourth", str(sum(others)))]


# A lab may end with "Who wants more: [02x](02x_shift_and_leaks.ipynb)": it is not about that one.
@pytest.mark.parametrize("name", [name for name in LESSONS if name not in WITH_EXERCISES])
def test_a_lesson_without_exercises_gets_no_plan(name):
    assert plan_of(name) == ""


def test_a_link_to_a_lesson_without_a_table_is_no_lab():
    page = "# Labs\n\n## About\n\nSee [this](small.ipynb).\n"
    assert minute_plan(small("First"), "small.ipynb", page) == ""


def test_only_rows_with_minutes_are_rows_of_a_lab():
    section = "| minutes | section | x |\n|---|---|---|\n| 0-2 | A | b. |\n| all | C | d. |\ntext"
    found = [row.groupdict() for row in lab_rows(section)]
    assert found == [{"minutes": "0-2", "section": "A", "told": "b."}]


# The notes before sections -----------------------------------------------------------------------


def test_headings_are_those_of_the_second_and_third_level():
    lesson = small("First", ("Second one ", "00.1"))
    lesson.cells.append(new_markdown_cell("#### Deep\n\ntext ## not one\n\n### Third"))
    lesson.cells.append(new_code_cell("## no heading"))
    assert headings(lesson) == ["First", "Second one", "Exercise 00.1: do it", "Third"]


def test_an_exercise_is_noted_with_points_minutes_and_what_its_check_says(pages):
    lesson = small(("Second", "00.2"))
    exercise = EXERCISES["00.2"]
    assert notes(lesson, "unplanned.ipynb", pages) == {
        "Exercise 00.2: do it": f"{exercise.minutes} minutes, medium, 2 points. What the check "
        "says to wrong answers:\n\n- You seem to draw."
    }


def test_the_minutes_of_a_lab_stand_before_the_note_of_the_exercise(pages):
    told = notes(small("First", ("Second", "00.1")), "small.ipynb", pages)
    assert set(told) == {"First", "Exercise 00.1: do it"}
    assert told["First"] == "Minutes 0-2. Say hello."
    assert told["Exercise 00.1: do it"].startswith("Minutes 2-9. In class.\n\n5 minutes, easy, 1 ")
    assert told["Exercise 00.1: do it"].endswith("answers:\n\n- You seem to count.\n- Or not.")


def test_an_exercise_that_the_page_does_not_know_has_no_messages(pages):
    told = notes(small(("Second", "00.5")), "unplanned.ipynb", pages)
    exercise = EXERCISES["00.5"]
    assert told == {"Exercise 00.5: do it": f"{exercise.minutes} minutes, medium, 2 points."}


def test_one_point_is_no_plural(pages):
    told = notes(small(("Second", "01.1")), "unplanned.ipynb", pages)
    assert "1 point." in told["Exercise 01.1: do it"]


def test_an_exercise_of_another_lesson_is_only_a_heading(pages):
    lesson = small("First")
    lesson.cells.append(new_markdown_cell("### Exercise 00.1: look back"))
    assert notes(lesson, "unplanned.ipynb", pages) == {}


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_every_exercise_of_the_course_is_noted_in_the_teachers_edition(name):
    lesson = LESSONS[name]
    told = notes(lesson, f"{name}.ipynb", PAGES)
    for place in places(lesson):
        exercise = place.exercise
        found = [note for heading, note in told.items() if f"Exercise {exercise.id}:" in heading]
        assert len(found) == 1, exercise.id
        assert f"{exercise.minutes} minutes, {exercise.difficulty}, {exercise.points} p" in found[0]
        assert found[0].count("\n- ") >= 3, "wrong answers with a message of their own"
    marked = [c.source for c in teacher(lesson, "", told).cells if "**Teacher.**" in c.source]
    assert len(marked) == len(told) + len(places(lesson))
