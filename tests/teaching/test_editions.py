"""One notebook, three editions: what stands in each, what must not, and nbgrader's own release."""

import ast
import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from companion.cli import classroom
from companion.experiments.rows import MEASURED
from companion.teaching.checks import EXERCISES, NOT_YET, PASSED, judge
from companion.teaching.editions import (
    FIRST_DRAW,
    PLACEHOLDER,
    grade_ids,
    learner,
    nbgrader_source,
    places,
    strict_check,
    teacher,
)
from tests.conftest import ROOT

NOTEBOOKS = {
    path.stem: nbformat.read(path, as_version=4)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
# Said here by the cells' tags, and not by `places`, which is tested.
LESSONS = {
    name: lesson
    for name, lesson in NOTEBOOKS.items()
    if any("exercise" in cell.metadata.get("tags", []) for cell in lesson.cells)
}
DRAWING = [name for name in LESSONS if name[0] == "0"]
BEGIN, END = "    ### BEGIN SOLUTION\n", "\n    ### END SOLUTION"

each_lesson = pytest.mark.parametrize("name", LESSONS)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def marks(notebook):
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def solution(lesson, place):
    """Return the code of a folded solution."""
    return re.search(r"```python\n(.*?)```", lesson.cells[place.solution].source, re.S)[1]


def small(stub=None, check=None, solutions=1, between=False):
    """Return a lesson with exercise 00.1 alone, whole unless told otherwise."""
    about = {"companion": {"exercise": "00.1"}}
    stub = f"def majority_baseline(a, b):\n    {PLACEHOLDER}" if stub is None else stub
    folded = (
        "<details>\n<summary>Solution</summary>\n\n```python\n"
        "def majority_baseline(a, b):\n    return 1.0\n```\n\nBecause.\n\n</details>"
    )
    role = {"companion": {"exercise": "00.1", "role": "solution"}}
    return new_notebook(
        cells=[
            new_markdown_cell("# A lesson"),
            new_code_cell(stub, metadata={**about, "tags": ["exercise"]}),
            *([new_markdown_cell("Between.")] if between else []),
            new_code_cell('check("00.1", majority_baseline)' if check is None else check),
            *(new_markdown_cell(folded, metadata=role) for _ in range(solutions)),
        ]
    )


# Where the exercises stand -----------------------------------------------------------------------


def test_every_exercise_of_the_course_stands_in_one_lesson():
    found = [place.exercise.id for lesson in LESSONS.values() for place in places(lesson)]
    assert sorted(found) == sorted(EXERCISES)


@each_lesson
def test_places_finds_stub_check_and_solution(name):
    lesson = LESSONS[name]
    tagged = [
        i for i, cell in enumerate(lesson.cells) if "exercise" in cell.metadata.get("tags", "")
    ]
    found = places(lesson)
    assert [place.stub for place in found] == tagged
    for place in found:
        exercise = place.exercise
        assert f"def {exercise.answer}(" in lesson.cells[place.stub].source
        assert lesson.cells[place.check].source == f'check("{exercise.id}", {exercise.answer})'
        assert place.check == place.stub + 1
        assert f"<summary>Solution of exercise {exercise.id}" in lesson.cells[place.solution].source


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name not in LESSONS])
def test_a_lesson_without_exercises_has_no_places(name):
    assert places(NOTEBOOKS[name]) == []
    assert marks(learner(NOTEBOOKS[name], graded=True)) == {}


BROKEN = [
    (
        {"between": True},
        "cell 2: expected the stub of a known exercise, its check in the next cell and one "
        "solution, found exercise '00.1', no check and 1 solutions",
    ),
    (
        {"check": 'check("00.2", majority_baseline)'},
        "cell 2: expected the stub of a known exercise, its check in the next cell and one "
        "solution, found exercise '00.1', no check and 1 solutions",
    ),
    (
        {"solutions": 2},
        "cell 2: expected the stub of a known exercise, its check in the next cell and one "
        "solution, found exercise '00.1', a check and 2 solutions",
    ),
]


@pytest.mark.parametrize("edition", [places, learner, nbgrader_source, teacher])
@pytest.mark.parametrize(("broken", "message"), BROKEN)
def test_an_exercise_that_is_not_whole_is_refused(edition, broken, message):
    with pytest.raises(ValueError) as caught:
        edition(small(**broken))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ({"stub": "def majority_baseline(a, b):\n    pass"}, "    pass"),
        ({"stub": f"def majority_baseline(a, b):\n    {PLACEHOLDER}\n    {PLACEHOLDER}"}, "here'"),
        ({"solutions": 0}, "your code here'"),
    ],
)
def test_a_solution_that_finds_no_place_is_refused(broken, found):
    with pytest.raises(ValueError) as caught:
        nbgrader_source(small(**broken))
    assert str(caught.value).startswith(
        "exercise 00.1: expected a solution in ```python and a stub with one line "
        "'    ...  # your code here', found 'def majority_baseline(a, b):\\n"
    )
    assert str(caught.value).endswith(found if found.endswith("'") else f"{found}'")


def test_an_exercise_of_no_course_is_refused():
    unknown = small()
    unknown.cells[1].metadata["companion"]["exercise"] = "99.9"
    with pytest.raises(ValueError, match="found exercise '99.9', no check and 0 solutions"):
        places(unknown)


def test_the_teacher_is_told_of_a_missing_solution():
    with pytest.raises(ValueError, match="exercise 00.1"):
        teacher(small(solutions=0))


@each_lesson
@pytest.mark.parametrize(
    "edition",
    [
        learner,
        lambda lesson: learner(lesson, graded=True, variant=3),
        nbgrader_source,
        lambda lesson: teacher(lesson, "## Plan", {"Setup": "Note."}),
    ],
)
def test_the_lesson_itself_is_never_changed(name, edition):
    before = copy.deepcopy(LESSONS[name])
    edition(LESSONS[name])
    assert LESSONS[name] == before


@each_lesson
def test_every_edition_is_a_valid_notebook_without_the_stamp(name):
    lesson = LESSONS[name]
    handed_out = [learner(lesson), learner(lesson, graded=True), nbgrader_source(lesson)]
    for edition in [*handed_out, teacher(lesson, "## Plan", {"Setup": "Note."})]:
        nbformat.validate(edition)
    assert "companion" in lesson.metadata
    assert all("companion" not in edition.metadata for edition in handed_out)


# The learner's open edition ----------------------------------------------------------------------


@each_lesson
def test_the_open_edition_is_the_lesson_without_outputs(name):
    lesson, edition = LESSONS[name], learner(LESSONS[name])
    assert [cell.source for cell in edition.cells] == [cell.source for cell in lesson.cells]
    assert any(cell.outputs for cell in code(lesson))
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(edition))


@each_lesson
def test_the_open_edition_keeps_hints_and_solutions(name):
    edition = learner(LESSONS[name])
    for place in places(edition):
        assert f'Run `hint("{place.exercise.id}")`' in text(edition)
        assert place.solution is not None
        assert "<details>" in edition.cells[place.solution].source
    assert re.search(r"^from companion\.teaching\.checks import .*\bhint\b", text(edition), re.M)


@each_lesson
@pytest.mark.parametrize("graded", [False, True])
def test_every_answer_and_check_is_marked_in_schema_3(name, graded):
    edition = learner(LESSONS[name], graded)
    found = places(edition)
    assert len(found) == len(places(LESSONS[name])) > 0
    for place in found:
        number = place.exercise.id.replace(".", "-")
        common = {"schema_version": 3, "task": False}
        assert edition.cells[place.stub].metadata["nbgrader"] == common | {
            "grade_id": f"exercise-{number}",
            "grade": False,
            "solution": True,
            "locked": False,
        }
        check = edition.cells[place.check]
        assert check.metadata["nbgrader"] == common | {
            "grade_id": f"check-{number}",
            "grade": True,
            "solution": False,
            "locked": True,
            "points": place.exercise.points,
        }
        assert (check.metadata["deletable"], check.metadata["editable"]) == (False, False)
    assert len(marks(edition)) == 2 * len(found)


def test_grade_ids_are_unique_in_the_course_and_stay():
    ids = [one for exercise in EXERCISES.values() for one in grade_ids(exercise)]
    assert len(set(ids)) == len(ids) == 2 * len(EXERCISES)
    assert grade_ids(EXERCISES["00.1"]) == ("exercise-00-1", "check-00-1")
    assert grade_ids(EXERCISES["R.6"]) == ("exercise-R-6", "check-R-6")
    again = {name: sorted(marks(learner(learner(lesson)))) for name, lesson in LESSONS.items()}
    assert again == {name: sorted(marks(learner(lesson))) for name, lesson in LESSONS.items()}
    assert sum(map(len, again.values())) == len(ids)


def test_points_follow_the_difficulty():
    found = {exercise.difficulty: exercise.points for exercise in EXERCISES.values()}
    assert found == {"easy": 1, "medium": 2, "hard": 3}


# The learner's graded edition --------------------------------------------------------------------


@each_lesson
def test_the_graded_edition_offers_no_hint(name):
    assert "hint(" not in text(learner(LESSONS[name], graded=True))


@each_lesson
def test_the_graded_edition_has_nothing_folded_and_no_way_to_colab(name):
    edition = learner(LESSONS[name], graded=True)
    assert "<details" not in text(edition) and "<summary" not in text(edition)
    assert "colab.research.google.com" not in text(edition)
    assert not any(cell.metadata.get("companion", {}).get("role") for cell in edition.cells)
    assert not re.search(
        r"^from companion\.teaching\.checks import .*\bhint\b", text(edition), re.M
    )
    assert len(edition.cells) == len(LESSONS[name].cells) - len(places(LESSONS[name]))
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(edition))


@each_lesson
def test_the_graded_edition_keeps_every_heading_and_goal(name):
    lesson, edition = LESSONS[name], learner(LESSONS[name], graded=True)
    headings = r"^#{1,3} .+$|^\*\*Goal:\*\* .+?\*\*Time:\*\* \d+ minutes\."
    kept = re.findall(headings, text(edition), re.M)
    assert kept == re.findall(headings, text(lesson), re.M)
    assert sum(line.startswith("**Goal:**") for line in kept) == len(places(lesson))


@each_lesson
def test_no_line_of_a_solution_stands_in_the_graded_edition(name):
    """Imports apart, and what the lesson's own code above the stub (a bug to find) shows anyway."""
    lesson = LESSONS[name]
    handed_out = text(learner(lesson, graded=True))
    looked_for = 0
    for place in places(lesson):
        above = [cell.source for cell in lesson.cells[: place.stub] if cell.cell_type == "code"]
        shown = "\n".join([*above, lesson.cells[place.stub].source])
        for line in map(str.strip, solution(lesson, place).splitlines()):
            if len(line) >= 25 and line not in shown and not line.startswith(("import ", "from ")):
                looked_for += 1
                assert line not in handed_out, place.exercise.id
    assert looked_for >= 2 * len(places(lesson))


def test_only_these_exercises_have_lines_of_their_solution_in_the_lessons_own_code():
    """Their code stands above the stub; another lesson that gives lines away would show here."""
    shown = set()
    for lesson in LESSONS.values():
        handed_out = text(learner(lesson, graded=True))
        for place in places(lesson):
            stub = lesson.cells[place.stub].source
            for line in map(str.strip, solution(lesson, place).splitlines()):
                own = len(line) < 25 or line in stub or line.startswith(("import ", "from "))
                if not own and line in handed_out:
                    shown.add(place.exercise.id)
    assert shown == {"00.5", "01.5", "02.5", "03.5", "R.4"}


@each_lesson
def test_the_checks_of_the_graded_edition_are_strict_and_its_code_parses(name):
    edition = learner(LESSONS[name], graded=True)
    for place in places(edition):
        assert edition.cells[place.check].source == strict_check(place.exercise)
    for cell in code(edition):
        ast.parse(TransformerManager().transform_cell(cell.source))


def test_a_strict_check_is_the_courses_own_and_gives_points():
    exercise = EXERCISES["00.1"]
    assert strict_check(exercise) == (
        "from companion.teaching.checks import check\n\n"
        'check("00.1", majority_baseline, strict=True)'
    )


@each_lesson
def test_stubs_are_handed_out_as_they_are(name):
    lesson, edition = LESSONS[name], learner(LESSONS[name], graded=True)
    stubs = [lesson.cells[place.stub].source for place in places(lesson)]
    assert [edition.cells[place.stub].source for place in places(edition)] == stubs


# Variants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("edition", [learner, nbgrader_source])
def test_a_variant_differs_in_its_draw_alone(name, edition):
    plain, other = edition(LESSONS[name]), edition(LESSONS[name], variant=7)
    changed = [
        (old, new)
        for one, two in zip(plain.cells, other.cells, strict=True)
        for old, new in zip(one.source.splitlines(), two.source.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 1
    assert re.match(r"DRAW = \d{1,3}  # ", changed[0][0])
    assert changed[0][1] == re.sub(r"^DRAW = \d+", "DRAW = 1007", changed[0][0])
    assert [c.metadata for c in plain.cells] == [c.metadata for c in other.cells]


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name not in LESSONS])
def test_a_variant_of_a_lesson_without_exercises_differs_in_its_draws_alone(name):
    plain, other = text(learner(NOTEBOOKS[name])), text(learner(NOTEBOOKS[name], variant=7))
    assert other == re.sub(r"(?m)^DRAW = \d+", "DRAW = 1007", plain)
    assert (other != plain) == (name == "06x_going_further")


@pytest.mark.parametrize("edition", [learner, nbgrader_source])
def test_a_variant_below_0_is_refused(edition):
    lesson = small()
    with pytest.raises(ValueError) as caught:
        edition(lesson, variant=-1)
    assert str(caught.value) == "expected a variant of 0 or more, found -1"
    assert edition(lesson, variant=0) == edition(lesson), "0 is a variant; nothing is drawn here"


def test_lessons_that_draw_are_those_from_00_to_07():
    assert {name[:2] for name in DRAWING} == {"00", "01", "02", "03", "04", "05", "06", "07"}
    assert all("DRAW" in text(LESSONS[name]) for name in DRAWING)
    assert "DRAW" not in text(LESSONS["refreshers"])


def test_no_recorded_trial_has_the_numbers_of_a_variant():
    used = set()
    for path in MEASURED.glob("*.jsonl"):
        specs = [json.loads(line)["spec"] for line in path.read_text("utf-8").splitlines()]
        used |= {spec["seed"] for spec in specs if "seed" in spec}
    further = 500  # lessons count on from their draw, lesson 02 by 101
    assert len(used) > 20
    assert max(used) < FIRST_DRAW
    own = [int(d) for n in NOTEBOOKS.values() for d in re.findall(r"^DRAW = (\d+)", text(n), re.M)]
    assert max(own) + further < FIRST_DRAW


# The teacher's edition ---------------------------------------------------------------------------


def exercises_of(name):
    return [place.exercise.id for place in places(LESSONS[name])]


@pytest.mark.parametrize(
    ("name", "exercise_id"), [(name, one) for name in LESSONS for one in exercises_of(name)]
)
@pytest.mark.parametrize("edition", [teacher, nbgrader_source])
def test_a_solution_in_its_place_passes(name, exercise_id, edition):
    exercise = EXERCISES[exercise_id]
    cell = marks(edition(LESSONS[name]))[grade_ids(exercise)[0]]
    room = {"np": np, "torch": torch}  # lessons import them at their top
    exec(compile(cell.source, f"<cell {exercise_id}>", "exec"), room)
    result = judge(exercise, room[exercise.answer])
    assert result.state == PASSED, result.text
    assert PLACEHOLDER not in cell.source


def test_a_wrong_solution_in_its_place_does_not_pass():
    room = {}
    exec(marks(teacher(small()))["exercise-00-1"].source, room)
    assert judge(EXERCISES["00.1"], room["majority_baseline"]).state == NOT_YET


@each_lesson
def test_the_teacher_sees_the_outputs_of_all_other_cells(name):
    lesson, edition = LESSONS[name], teacher(LESSONS[name], "## Plan", {"Setup": "Note."})
    exercises = {i for place in places(lesson) for i in (place.stub, place.check)}
    exercises = {id(lesson.cells[i]) for i in exercises}
    kept = 0
    for before, after in zip(code(lesson), code(edition), strict=True):
        if id(before) in exercises:
            assert (after.outputs, after.execution_count) == ([], None)
        else:
            assert (after.outputs, after.source) == (before.outputs, before.source)
            kept += len(after.outputs)
    assert kept > 0


@each_lesson
def test_what_was_folded_becomes_a_note_for_the_teacher(name):
    lesson, edition = LESSONS[name], teacher(LESSONS[name])
    for place in places(lesson):
        note = edition.cells[place.solution].source
        assert note.startswith("> **Teacher.** ")
        assert all(line.startswith(">") for line in note.splitlines())
        assert "<summary>" not in note and "```python" not in note and "<details>" not in note
        last = lesson.cells[place.solution].source.removesuffix("</details>").split()[-1]
        assert note.endswith(last)
    assert "<summary>Solution" not in text(edition)


def test_plan_and_notes_stand_before_what_they_are_about():
    lesson = small()
    lesson.cells.insert(1, new_markdown_cell("## Setup\n\nRun it.\n\n### Deeper\n\nMore."))
    edition = teacher(lesson, "## The plan", {"Setup": "Two lines\nof words.", "Deeper": "Deep."})
    assert [cell.source for cell in edition.cells[:5]] == [
        "# A lesson",
        "## The plan",
        "> **Teacher.** Two lines\n> of words.",
        "> **Teacher.** Deep.",
        "## Setup\n\nRun it.\n\n### Deeper\n\nMore.",
    ]
    assert "The plan" not in text(teacher(lesson))


def test_what_a_solution_needs_goes_into_its_function_and_what_is_at_hand_does_not():
    lesson = small()
    told = lesson.cells[3].source.replace(
        "def majority", "import math\n\nimport numpy as np\n\nHALF = 0.5\n\n\ndef majority"
    )
    lesson.cells[3].source = told
    source = marks(teacher(lesson))["exercise-00-1"].source
    assert source == (
        "def majority_baseline(a, b):\n    import math\n\n    HALF = 0.5\n\n    return 1.0"
    )


def test_a_solution_of_one_line_solves_the_exercise():
    lesson = small()
    folded = lesson.cells[3].source
    lesson.cells[3].source = folded.replace("(a, b):\n    return 1.0", "(a, b): return 1.0")
    room = {}
    exec(marks(teacher(lesson))["exercise-00-1"].source, room)
    assert room["majority_baseline"](0, 0) == 1.0


# nbgrader's source, and what nbgrader makes of it ------------------------------------------------


@each_lesson
def test_each_solution_stands_between_nbgraders_markers(name):
    lesson, source = LESSONS[name], nbgrader_source(LESSONS[name])
    assert text(source).count("### BEGIN SOLUTION") == len(places(lesson))
    for place in places(source):
        cell = source.cells[place.stub].source
        begin, end = cell.index(BEGIN), cell.index(END)
        assert cell.count(BEGIN) == cell.count(END) == 1
        stub = cell[:begin] + f"    {PLACEHOLDER}" + cell[end + len(END) :]
        assert stub in [lesson.cells[one.stub].source for one in places(lesson)]
        assert source.cells[place.check].source == strict_check(place.exercise)
        assert cell.replace(BEGIN, "").replace(END, "") == (
            marks(teacher(lesson))[grade_ids(place.exercise)[0]].source
        )


@each_lesson
def test_outside_its_answers_the_source_is_the_graded_edition(name):
    graded, source = learner(LESSONS[name], graded=True), nbgrader_source(LESSONS[name])
    answers = {place.stub for place in places(source)}
    for i, (one, two) in enumerate(zip(graded.cells, source.cells, strict=True)):
        assert one.metadata == two.metadata
        assert (one.source == two.source) == (i not in answers)


@pytest.fixture(scope="module")
def course_folder(tmp_path_factory):
    """nbgrader's folder of the whole course."""
    out = tmp_path_factory.mktemp("course") / "built"
    assert classroom.build(ROOT, out, list(LESSONS), graded=True) == 0
    return out / "nbgrader"


@pytest.mark.slow
@each_lesson
def test_nbgrader_releases_our_graded_edition(name, course_folder):
    # As with an environment that is activated: nbgrader looks for its tools on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", name],
        cwd=course_folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    release = nbformat.read(course_folder / "release" / name / f"{name}.ipynb", as_version=4)
    ours = nbformat.read(course_folder.parent / "learner" / f"{name}.ipynb", as_version=4)
    assert [(c.cell_type, c.source) for c in release.cells] == [
        (c.cell_type, c.source) for c in ours.cells
    ]
    assert {k: c.metadata["nbgrader"].get("points") for k, c in marks(release).items()} == {
        k: c.metadata["nbgrader"].get("points") for k, c in marks(ours).items()
    }
