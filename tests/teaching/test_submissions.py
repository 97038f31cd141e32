"""What comes back is recognised, restored and read, however it was torn; no kernel runs here."""

import copy

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)

from companion.teaching import submissions
from companion.teaching.checks import EXERCISES
from companion.teaching.editions import (
    PLACEHOLDER,
    grade_ids,
    learner,
    nbgrader_source,
    places,
    strict_check,
)
from companion.teaching.submissions import Grade, grades, recognise, restore, state
from tests.conftest import ROOT

ONE, TWO = EXERCISES["00.1"], EXERCISES["00.2"]
ANSWER = {
    ONE: "def majority_baseline(train_labels, test_labels):\n    return 0.75",
    TWO: "def draw_per_class(labels, k, seed):\n    return labels",
}


def lesson(*exercises):
    """Return a lesson of some exercises, with a cell of its own before each."""
    cells = [new_markdown_cell("# A lesson"), new_code_cell("import numpy as np")]
    for exercise in exercises:
        about = {"exercise": exercise.id}
        head = f"def {exercise.answer}(*a):\n"
        tags = {"companion": about, "tags": ["exercise"]}
        told = f"<details>\n\n```python\n{head}    return 1\n```\n\n</details>"
        cells += [
            new_code_cell(f"before = {exercise.id!r}"),
            new_code_cell(f"{head}    {PLACEHOLDER}", metadata=tags),
            new_code_cell(f'check("{exercise.id}", {exercise.answer})'),
            new_markdown_cell(told, metadata={"companion": about | {"role": "solution"}}),
        ]
    return new_notebook(cells=cells)


SOURCE = nbgrader_source(lesson(ONE, TWO))


def handed_in():
    """Return the graded edition with both answers, and its cells for them: answers and checks."""
    notebook = learner(lesson(ONE, TWO), graded=True)
    found = {place.exercise: place for place in places(notebook)}
    for exercise, answer in ANSWER.items():
        notebook.cells[found[exercise].stub].source = answer
    return (
        notebook,
        *(notebook.cells[found[e].stub] for e in ANSWER),
        *(notebook.cells[found[e].check] for e in ANSWER),
    )


def without(notebook, *gone):
    notebook.cells = [cell for cell in notebook.cells if not any(cell is one for one in gone)]


def place_of(notebook, wanted):
    return next(i for i, cell in enumerate(notebook.cells) if cell is wanted)


def id_of(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def ids(notebook):
    return [id_of(cell) for cell in notebook.cells if id_of(cell)]


def assert_checked(restored, *exercises):
    """Assert that each exercise has one check, the course's own, right after its marked answer."""
    for exercise in exercises:
        answer_id, check_id = grade_ids(exercise)
        assert ids(restored).count(answer_id) == ids(restored).count(check_id) == 1
        i = next(i for i, cell in enumerate(restored.cells) if id_of(cell) == answer_id)
        after = restored.cells[i + 1]
        assert id_of(after) == check_id
        assert after.source == strict_check(exercise)
        assert after.metadata["nbgrader"]["points"] == exercise.points


# Restoring ---------------------------------------------------------------------------------------


def test_what_comes_back_whole_is_left_as_it_was():
    notebook, *_ = handed_in()
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    assert [c.source for c in restored.cells] == [c.source for c in notebook.cells]
    assert_checked(restored, ONE, TWO)


def test_an_open_edition_gets_the_strict_checks_without_a_remark():
    restored, remarks = restore(learner(lesson(ONE, TWO)), SOURCE)
    assert remarks == []
    assert_checked(restored, ONE, TWO)


def test_lost_ids_are_found_by_name_and_remarked():
    notebook, *_ = handed_in()
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == [
        "00.1: the cell had lost its grade id and was found by the name majority_baseline",
        "00.2: the cell had lost its grade id and was found by the name draw_per_class",
    ]
    assert_checked(restored, ONE, TWO)


def test_a_changed_check_is_put_back_and_remarked():
    notebook, _, _, check, _ = handed_in()
    check.source = "2.0"
    check.metadata["nbgrader"]["points"] = 100
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: the check had been changed and was put back"]
    assert_checked(restored, ONE, TWO)
    assert "2.0" not in [cell.source for cell in restored.cells]


def test_a_missing_check_is_put_back_after_its_answer_and_remarked():
    notebook, _, _, check, _ = handed_in()
    without(notebook, check)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: the check was missing and was put back"]
    assert_checked(restored, ONE, TWO)


def test_of_several_checks_one_is_left():
    notebook, answer, _, check, _ = handed_in()
    notebook.cells.insert(0, copy.deepcopy(check))
    notebook.cells.append(new_code_cell("check('00.1', majority_baseline)"))
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: the check had been changed and was put back"]
    assert_checked(restored, ONE, TWO)
    assert sum('"00.1"' in cell.source for cell in restored.cells) == 1


def test_a_check_that_was_moved_stands_after_its_answer_again():
    notebook, _, _, check, _ = handed_in()
    without(notebook, check)
    notebook.cells.insert(0, check)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    assert_checked(restored, ONE, TWO)


def test_of_an_answer_that_was_copied_twice_the_last_counts():
    notebook, answer, *_ = handed_in()
    copies = [copy.deepcopy(answer), copy.deepcopy(answer)]
    copies[1].source = answer.source.replace("0.75", "0.8")
    notebook.cells += copies
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: several cells define majority_baseline; the last counts"]
    assert_checked(restored, ONE, TWO)
    assert [id_of(cell) for cell in restored.cells[-2:]] == ["exercise-00-1", "check-00-1"]
    assert restored.cells[-2].source.endswith("0.8")


@pytest.mark.parametrize(
    "source",
    [
        "majority_baseline = lambda train, test: 0.75",
        "majority_baseline: object = lambda train, test: 0.75",
        "async def majority_baseline(train, test):\n    return 0.75",
        "@cache\ndef  majority_baseline (train, test):\n    return 0.75",
        "def majority_baseline(train, test):\n    return (",
    ],
)
def test_an_answer_is_what_defines_the_name_in_whatever_way(source):
    notebook, answer, *_ = handed_in()
    answer.source, answer.metadata = source, nbformat.from_dict({})
    restored, remarks = restore(notebook, SOURCE)
    assert [remark[:29] for remark in remarks] == ["00.1: the cell had lost its g"]
    assert_checked(restored, ONE, TWO)


@pytest.mark.parametrize(
    "source",
    [
        "majority_baseline(a, b)",
        "majority_baseline == 3",
        "my_majority_baseline = 3",
        "majority_baseline_2 = 3",
        "print(majority_baseline=3)",
        "# def majority_baseline(a, b):",
    ],
)
def test_a_cell_that_only_speaks_of_the_name_is_no_answer(source):
    notebook, answer, *_ = handed_in()
    notebook.cells.append(new_code_cell(source))
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    assert restored.cells[-1].source == source
    assert_checked(restored, ONE, TWO)


def test_without_a_name_the_grade_id_tells_the_answer():
    notebook, answer, *_ = handed_in()
    answer.source = "if True:\n    def majority_baseline(a, b):\n        return 0.75"
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    assert_checked(restored, ONE, TWO)


def test_an_exercise_without_any_answer_still_has_its_check_at_the_end():
    notebook, answer, _, check, _ = handed_in()
    without(notebook, answer, check)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == [
        "00.1: no cell defines majority_baseline",
        "00.1: the check was missing and was put back",
    ]
    assert restored.cells[-1].source == strict_check(ONE)
    assert_checked(restored, TWO)


def test_answer_and_check_in_the_answers_cell_keep_the_answer():
    notebook, answer, _, check, _ = handed_in()
    answer.source += f"\n\n{check.source}"
    without(notebook, check)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: the check was missing and was put back"]
    assert_checked(restored, ONE, TWO)


def test_all_code_in_one_cell_is_kept_and_checked():
    notebook, *cells = handed_in()
    notebook = new_notebook(cells=[new_code_cell("\n\n".join(cell.source for cell in cells))])
    restored, remarks = restore(notebook, SOURCE)
    assert len(remarks) == 4
    assert [c.source for c in restored.cells] == [
        notebook.cells[0].source,
        strict_check(TWO),
        strict_check(ONE),
    ]


@pytest.mark.parametrize("stub_stays", [True, False])
def test_an_answer_that_was_written_into_the_checks_cell_is_kept(stub_stays):
    notebook, answer, _, check, _ = handed_in()
    check.source = f"{answer.source}\n\n{check.source}"
    answer.source = f"def majority_baseline(a, b):\n    {PLACEHOLDER}"
    if not stub_stays:
        without(notebook, answer)
    restored, _ = restore(notebook, SOURCE)
    assert any(ANSWER[ONE] in cell.source for cell in restored.cells)


def test_a_cell_of_the_learners_own_that_calls_a_check_is_kept():
    notebook, answer, *_ = handed_in()
    helper = new_code_cell("def share(a, b):\n    return 0.75\n\ncheck('00.1', majority_baseline)")
    answer.source = "def majority_baseline(a, b):\n    return share(a, b)"
    notebook.cells.insert(place_of(notebook, answer), helper)
    restored, _ = restore(notebook, SOURCE)
    assert any("def share" in cell.source for cell in restored.cells)


def test_a_check_and_the_next_answer_in_one_cell_are_both_kept():
    notebook, answer, other, check, _ = handed_in()
    notebook.cells = [
        new_code_cell(answer.source),
        new_code_cell(f"{check.source}\n\n{other.source}"),
    ]
    restored, _ = restore(notebook, SOURCE)
    assert_checked(restored, ONE, TWO)


@pytest.mark.parametrize("marked", [True, False])
def test_an_import_that_a_learner_wrote_above_the_check_is_kept(marked):
    notebook, _, _, check, _ = handed_in()
    check.source = "from collections import Counter\n\n" + check.source
    if not marked:
        check.metadata = nbformat.from_dict({})
    restored, _ = restore(notebook, SOURCE)
    assert any("import Counter" in cell.source for cell in restored.cells)
    assert_checked(restored, ONE, TWO)


def test_an_answer_that_is_made_in_the_call_of_its_check_is_kept():
    notebook, answer, _, check, _ = handed_in()
    check.source = 'check("00.1", majority_baseline := lambda train, test: 0.75)'
    without(notebook, answer)
    restored, _ = restore(notebook, SOURCE)
    assert any("lambda train, test: 0.75" in cell.source for cell in restored.cells)


def test_a_check_that_became_markdown_is_put_back_as_code():
    notebook, _, _, check, _ = handed_in()
    turned = new_markdown_cell(check.source, metadata=check.metadata)
    notebook.cells[place_of(notebook, check)] = turned
    restored, _ = restore(notebook, SOURCE)
    assert_checked(restored, ONE, TWO)
    assert all(cell.cell_type == "code" for cell in restored.cells if id_of(cell))


def test_an_answer_that_became_markdown_is_none():
    notebook, answer, *_ = handed_in()
    notebook.cells[place_of(notebook, answer)] = new_markdown_cell(answer.source)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == ["00.1: no cell defines majority_baseline"]
    assert restored.cells[-1].source == strict_check(ONE)


# nbgrader turns such a cell into code again, so that it gives points where ours gives none.
@pytest.mark.parametrize("new_cell", [new_markdown_cell, new_raw_cell])
def test_only_code_keeps_the_grade_id_of_an_answer(new_cell):
    notebook, answer, *_ = handed_in()
    turned = new_cell(answer.source, metadata=answer.metadata)
    notebook.cells[place_of(notebook, answer)] = turned
    restored, _ = restore(notebook, SOURCE)
    marked = [cell.cell_type for cell in restored.cells if id_of(cell) == "exercise-00-1"]
    assert set(marked) <= {"code"}


# nbgrader's own step against duplicates leaves {} as metadata, on which `nbgrader autograde` stops.
@pytest.mark.parametrize("left", ["", "# see below", "scores = []"])
def test_each_grade_id_stands_once_where_the_answer_moved_to_a_new_cell(left):
    notebook, answer, *_ = handed_in()
    notebook.cells.insert(place_of(notebook, answer) + 1, new_code_cell(answer.source))
    answer.source = left
    restored, _ = restore(notebook, SOURCE)
    assert len(ids(restored)) == len(set(ids(restored)))
    assert_checked(restored, ONE, TWO)


def test_grade_ids_of_nobody_are_taken_off():
    notebook, *_ = handed_in()
    foreign = {"grade_id": "exercise-99-9", "solution": True}
    notebook.cells[0].metadata["nbgrader"] = {"grade_id": "check-03-1", "grade": True}
    notebook.cells.append(new_code_cell("x = 1", metadata={"nbgrader": foreign}))
    notebook.cells.append(new_code_cell("y = 1", metadata={"nbgrader": {}}))
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    known = sorted(name for exercise in ANSWER for name in grade_ids(exercise))
    assert sorted(ids(restored)) == known
    assert sum("nbgrader" in cell.metadata for cell in restored.cells) == 4


def test_only_the_lessons_own_cells_may_take_long():
    notebook, *_ = handed_in()
    notebook.cells.append(new_code_cell("import numpy as np  # mine"))
    restored, _ = restore(notebook, SOURCE, cell_seconds=7)
    seconds = {c.source: c.metadata["seconds"] for c in restored.cells if c.cell_type == "code"}
    long = {source for source, most in seconds.items() if most != 7}
    assert long == {"import numpy as np", "before = '00.1'", "before = '00.2'"}
    assert {seconds[source] for source in long} == {submissions.LESSON_CELL_SECONDS}
    assert all("seconds" not in c.metadata for c in restored.cells if c.cell_type != "code")


def tear(notebook, answer, other, check, last):
    """Do a little of everything to a submission."""
    check.source = "2.0"
    without(notebook, last)
    other.metadata = nbformat.from_dict({})
    notebook.cells.append(copy.deepcopy(answer))
    notebook.cells.insert(0, new_code_cell("x = 1", metadata={"nbgrader": {"grade_id": "y"}}))


@pytest.mark.parametrize(
    "change",
    [
        lambda *_: None,
        tear,
        lambda notebook, *_: notebook.cells.clear(),
        lambda notebook, answer, *_: without(notebook, answer),
        lambda notebook, *cells: without(notebook, *cells),
        lambda notebook, *_: notebook.cells.reverse(),
    ],
)
def test_restoring_twice_changes_nothing_more_and_never_its_input(change):
    notebook, *cells = handed_in()
    change(notebook, *cells)
    before, source = copy.deepcopy(notebook), copy.deepcopy(SOURCE)
    once, _ = restore(notebook, SOURCE)
    assert (notebook, SOURCE) == (before, source)
    kept = copy.deepcopy(once)
    twice, remarks = restore(once, SOURCE)
    assert once == kept
    assert twice == once
    said_again = ("no cell defines", "several cells define")
    assert [r for r in remarks if not any(words in r for words in said_again)] == []


# Any tearing of a real lesson --------------------------------------------------------------------

START = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
GRADED, START_SOURCE = learner(START, graded=True), nbgrader_source(START)
EVERY_PLACE = places(START_SOURCE)
CELLS = range(len(GRADED.cells))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(CELLS), max_size=80) | st.permutations(CELLS))
def test_whatever_is_deleted_copied_or_shuffled_each_check_follows_its_last_answer(order):
    torn = copy.deepcopy(GRADED)
    torn.cells = [copy.deepcopy(GRADED.cells[i]) for i in order]
    restored, _ = restore(torn, START_SOURCE)
    code = [cell for cell in restored.cells if cell.cell_type == "code"]
    for place in EVERY_PLACE:
        exercise, pristine = place.exercise, START_SOURCE.cells[place.check]
        checks = [i for i, cell in enumerate(restored.cells) if cell.source == pristine.source]
        assert len(checks) == sum(f'check("{exercise.id}"' in cell.source for cell in code) == 1
        assert restored.cells[checks[0]].metadata["nbgrader"] == pristine.metadata["nbgrader"]
        head = f"def {exercise.answer}("
        answers = [i for i, cell in enumerate(restored.cells) if head in cell.source]
        assert len(answers) == order.count(place.stub)
        assert answers == [] or answers[-1] == checks[0] - 1
    assert len(set(ids(restored))) == len(ids(restored))
    kept = [cell.source for cell in torn.cells if "check(" not in cell.source]
    assert [cell.source for cell in restored.cells if "check(" not in cell.source] == kept


# What was earned ---------------------------------------------------------------------------------


def checked(*outputs, exercise=TWO):
    """Return the one grade of a notebook whose check showed these outputs."""
    _, check_id = grade_ids(exercise)
    mark = {"nbgrader": {"grade_id": check_id}}
    cell = new_code_cell(strict_check(exercise), outputs=list(outputs), metadata=mark)
    return grades(new_notebook(cells=[cell]), [exercise])[0]


def result(text, kind="execute_result"):
    return new_output(kind, {"text/plain": text})


SAID = result("00.2 passed: drawn.\n2 of 2 points", "display_data")
ERROR = new_output("error", ename="NameError", evalue="name 'np' is not defined")


def test_the_points_are_the_result_of_the_check():
    assert checked(SAID, result("2.0")) == Grade(TWO, 2.0, "00.2 passed: drawn.\n2 of 2 points")
    assert checked(result("0.0")).points == 0


def test_an_error_beats_a_result():
    found = checked(SAID, result("2.0"), ERROR)
    assert found.points == 0
    assert found.said.endswith("NameError: name 'np' is not defined")
    assert checked(ERROR, result("2.0")).points == 0


@pytest.mark.parametrize("text", ["100.0", "2.5", "3"])
def test_a_result_above_the_maximum_is_cut(text):
    assert checked(result(text)).points == TWO.points == 2
    assert checked(result(text), exercise=ONE).points == 1


@pytest.mark.parametrize("text", ["", "-1.0", "nan", "inf", "1e3", "True", "'2.0'", "2.0 points"])
def test_what_is_no_plain_number_gives_nothing(text):
    assert checked(result(text)).points == 0


def test_nothing_shown_gives_nothing():
    assert checked() == Grade(TWO, 0.0, "the check did not run")
    assert grades(new_notebook(), [ONE, TWO]) == [
        Grade(ONE, 0.0, "the check did not run"),
        Grade(TWO, 0.0, "the check did not run"),
    ]


def test_points_that_were_printed_or_displayed_do_not_count():
    printed = new_output("stream", name="stdout", text="3.0")
    assert checked(printed).points == 0
    assert checked(result("2.0", "display_data")).points == 0


def test_each_exercise_is_read_from_its_own_check():
    restored, _ = restore(handed_in()[0], SOURCE)
    for cell in restored.cells:
        if id_of(cell) == "check-00-1":
            cell.outputs = [result("1.0")]
        elif id_of(cell) == "exercise-00-2":
            cell.outputs = [result("2.0")]
    assert [grade.points for grade in grades(restored, [TWO, ONE])] == [0.0, 1.0]


def test_what_stands_under_a_check_as_handed_in_does_not_count():
    notebook, _, _, check, _ = handed_in()
    check.outputs = [result("1.0")]
    restored, _ = restore(notebook, SOURCE)
    assert [grade.points for grade in grades(restored, [ONE, TWO])] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("00.2 passed: drawn.", "passed"),
        ("00.2 not attempted yet. Draw. Put your code", "not attempted yet"),
        ("00.2 not yet: You seem to draw.", "not yet"),
        ("the check did not run", "no result"),
        ("KeyboardInterrupt: ", "no result"),
        ("00.1 passed: of another.", "no result"),
        ("I passed. 00.2 passed", "no result"),
    ],
)
def test_a_grade_is_told_in_a_word_or_three(said, word):
    assert state(Grade(TWO, 0.0, said)) == word


# Which lesson it is ------------------------------------------------------------------------------

LESSONS = {
    path.stem: nbgrader_source(notebook)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    if places(notebook := nbformat.read(path, as_version=4))
}


@pytest.mark.parametrize("name", LESSONS)
def test_the_graded_edition_of_every_lesson_comes_back_as_it_was_without_a_remark(name):
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    edition = learner(lesson, graded=True)
    restored, remarks = restore(edition, LESSONS[name])
    assert remarks == []
    assert [c.source for c in restored.cells] == [c.source for c in edition.cells]
    assert ids(restored) == ids(edition)


def defining(name):
    return new_notebook(cells=[new_code_cell(f"def {name}(*a):\n    return 0")])


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_told_by_its_grade_ids_whatever_its_file_is_called(name):
    notebook = copy.deepcopy(LESSONS[name])
    for cell in notebook.cells:
        cell.source = ""
    assert recognise(notebook, "05_domain_adaptation", LESSONS) == name


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_without_metadata_is_told_by_its_checks(name):
    code = [new_code_cell(cell.source) for cell in LESSONS[name].cells if cell.cell_type == "code"]
    assert recognise(new_notebook(cells=code), "homework", LESSONS) == name


def test_a_lesson_is_told_by_its_functions():
    assert recognise(defining("labels_needed"), "homework", LESSONS) == "01_what_it_already_knows"
    assert recognise(defining("labels_needed"), "00_start_here", LESSONS)[:2] == "01"


def test_a_function_of_two_lessons_is_decided_by_the_others_or_the_name():
    both = ["02_freezing_and_fine_tuning", "03_fine_tuning_bert"]
    for name in both:
        assert recognise(defining("honest_accuracy"), name, LESSONS) == name
        notebook = defining("honest_accuracy")
        own = places(LESSONS[name])[0].exercise.answer
        notebook.cells += defining(own).cells
        assert recognise(notebook, "homework", LESSONS) == name
    assert recognise(defining("honest_accuracy"), "homework", LESSONS) in both


def test_one_grade_id_outweighs_all_functions_of_another_lesson():
    notebook = new_notebook(
        cells=[
            cell
            for place in places(LESSONS["01_what_it_already_knows"])
            for cell in defining(place.exercise.answer).cells
        ]
    )
    mark = {"nbgrader": {"grade_id": "exercise-06-1"}}
    notebook.cells.append(new_code_cell("", metadata=mark))
    assert recognise(notebook, "homework", LESSONS) == "06_few_examples"


def test_an_empty_notebook_is_told_by_its_files_name():
    assert recognise(new_notebook(), "06_few_examples-1", LESSONS) == "06_few_examples"
    assert recognise(new_notebook(), "anna_refreshers_final", LESSONS) == "refreshers"


def test_another_notebook_is_no_lesson():
    assert recognise(new_notebook(), "homework", LESSONS) is None
    other = new_notebook(cells=[new_code_cell("print(honest_accuracy)"), new_markdown_cell("06")])
    assert recognise(other, "homework", LESSONS) is None


def test_the_name_used_again_for_a_number_does_not_take_the_answers_place():
    notebook, answer, *_ = handed_in()
    notebook.cells.append(new_code_cell("majority_baseline = 0.61"))
    restored, remarks = restore(notebook, SOURCE)
    assert remarks == []
    places_of = [cell.source for cell in restored.cells]
    assert places_of.index(strict_check(ONE)) == places_of.index(answer.source) + 1


def test_two_functions_of_one_name_are_remarked_and_the_last_counts():
    notebook, answer, *_ = handed_in()
    second = new_code_cell("def majority_baseline(train_labels, test_labels):\n    return 0.5")
    notebook.cells.append(second)
    restored, remarks = restore(notebook, SOURCE)
    assert remarks[0] == "00.1: several cells define majority_baseline; the last counts"
    assert restored.cells[-1].source == strict_check(ONE)


def test_an_import_beside_a_check_is_kept():
    notebook, *_ = handed_in()
    cell = new_code_cell('from collections import Counter\n\ncheck("00.1", majority_baseline)')
    notebook.cells.insert(0, cell)
    restored, _ = restore(notebook, SOURCE)
    assert cell.source in [kept.source for kept in restored.cells]


def test_a_cell_of_the_lesson_with_another_draw_keeps_the_lessons_time():
    notebook, *_ = handed_in()
    source = copy.deepcopy(SOURCE)
    source.cells.append(new_code_cell("DRAW = 200\nmodel = train(DRAW)"))
    notebook.cells.append(new_code_cell("DRAW = 1007\nmodel = train(DRAW)"))
    notebook.cells.append(new_code_cell("mine = 3"))
    restored, _ = restore(notebook, source, cell_seconds=5)
    seconds = {c.source: c.metadata["seconds"] for c in restored.cells if c.cell_type == "code"}
    assert seconds["DRAW = 1007\nmodel = train(DRAW)"] == submissions.LESSON_CELL_SECONDS
    assert seconds["mine = 3"] == 5
