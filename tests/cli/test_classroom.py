"""`companion classroom build` and `grade`: folders, refusals, rows, summaries; no kernel runs."""

import csv
import errno
import json
import os
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import companion
from companion import cli
from companion.cli import classroom, grades, grading
from companion.cli.grades import Graded, summary
from companion.cli.grading import Limits, Outcome
from companion.cli.house import lessons
from companion.data.catalogue import ASSETS, not_free
from companion.teaching.checks import EXERCISES
from companion.teaching.editions import grade_ids, learner, nbgrader_source, places
from companion.teaching.plans import lab_rows
from companion.teaching.submissions import LESSON_CELL_SECONDS, Grade
from tests.conftest import ROOT

START, FURTHER, FREE = "00_start_here", "01x_going_further", "refreshers"
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in lessons(ROOT)}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def read(*parts):
    return nbformat.read(parts[0].joinpath(*parts[1:]), as_version=4)


# build: what is written --------------------------------------------------------------------------


def test_build_writes_each_edition_in_its_folder(tmp_path, capsys):
    out = tmp_path / "a" / "built"
    assert classroom.build(ROOT, out, [START, FURTHER]) == 0
    assert files(out) == [
        "build.json",
        f"learner/{START}.ipynb",
        f"learner/{FURTHER}.ipynb",
        "nbgrader/nbgrader_config.py",
        f"nbgrader/source/{START}/{START}.ipynb",
        f"teacher/{START}.ipynb",
        f"teacher/{FURTHER}.ipynb",
    ]
    said = capsys.readouterr().out.splitlines()
    assert said[0].split(maxsplit=1) == [START, "5 exercises, 8 points"]
    assert said[1].split(maxsplit=1) == [FURTHER, "0 exercises, 0 points"]
    assert said[2] == f"the editions: {out}"


def test_build_json_says_what_was_asked_for(tmp_path):
    classroom.build(ROOT, tmp_path, [START, FREE], graded=True, variant=3)
    assert json.loads((tmp_path / "build.json").read_text("utf-8")) == {
        "version": companion.__version__,
        "graded": True,
        "variant": 3,
        "lessons": [f"{START}.ipynb", f"{FREE}.ipynb"],
    }


def test_without_names_every_lesson_is_built(tmp_path):
    assert classroom.build(ROOT, tmp_path) == 0
    for edition in ("learner", "teacher"):
        assert files(tmp_path / edition) == sorted(f"{name}.ipynb" for name in NOTEBOOKS)
    with_exercises = sorted(name for name, lesson in NOTEBOOKS.items() if places(lesson))
    sources = tmp_path / "nbgrader" / "source"
    assert files(sources) == [f"{name}/{name}.ipynb" for name in with_exercises]


@pytest.mark.parametrize("graded", [False, True])
def test_what_is_written_are_the_editions(tmp_path, graded):
    classroom.build(ROOT, tmp_path, [START], graded=graded, variant=5)
    lesson = NOTEBOOKS[START]
    handed_out = read(tmp_path, "learner", f"{START}.ipynb")
    assert handed_out.cells == learner(lesson, graded, 5).cells
    source = read(tmp_path, "nbgrader", "source", START, f"{START}.ipynb")
    assert source.cells == nbgrader_source(lesson, 5).cells
    assert "DRAW = 1005" in text(handed_out) and "DRAW = 1005" in text(source)
    own = read(tmp_path, "teacher", f"{START}.ipynb")
    assert "DRAW = 0  #" in text(own), "its outputs are those of the lesson's own draw"
    assert own.cells[1].source.startswith("## For the teacher: Lab 1")
    minutes = re.findall(r"^> \*\*Teacher\.\*\* Minutes (\d+-\d+)\.", text(own), re.M)
    assert minutes == [row["minutes"] for row in lab_rows(own.cells[1].source)]


def test_nbgraders_configuration_compiles_and_names_the_stub_and_the_limits(tmp_path):
    classroom.build(ROOT, tmp_path, [START])
    config = (tmp_path / "nbgrader" / "nbgrader_config.py").read_text("utf-8")
    compile(config, "nbgrader_config.py", "exec")
    assert "code_stub = {\"python\": '...  # your code here'}" in config
    assert "(6 * 2**30, 6 * 2**30)" in config
    assert "c.Execute.timeout = 900" in config
    assert str(tmp_path) not in config, "the folder may be moved"


# build: into what folder -------------------------------------------------------------------------


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path):
    for name in ("thesis.txt", "learner/own.ipynb", "nbgrader/source/own.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("keep")
    before = files(tmp_path)
    with pytest.raises(FileExistsError) as caught:
        classroom.build(ROOT, tmp_path, [START])
    assert str(caught.value) == (
        f"expected a new or empty folder, or an earlier build, found other files in {tmp_path}; "
        "name another folder"
    )
    assert files(tmp_path) == before
    assert {(tmp_path / name).read_text() for name in before} == {"keep"}


def test_an_empty_folder_will_do(tmp_path):
    (tmp_path / "new").mkdir()
    assert classroom.build(ROOT, tmp_path / "new", [FREE]) == 0


def test_building_again_takes_away_old_lessons_and_keeps_what_nbgrader_made(tmp_path):
    classroom.build(ROOT, tmp_path, [START, FREE])
    made = ["gradebook.db", f"submitted/anna/{START}/{START}.ipynb", f"release/{START}/x.ipynb"]
    for name in made:
        path = tmp_path / "nbgrader" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("keep")
    (tmp_path / "nbgrader" / "nbgrader_config.py").write_text("the teacher's")
    classroom.build(ROOT, tmp_path, [FREE])
    assert files(tmp_path) == sorted(
        [
            "build.json",
            f"learner/{FREE}.ipynb",
            "nbgrader/nbgrader_config.py",
            f"nbgrader/source/{FREE}/{FREE}.ipynb",
            f"teacher/{FREE}.ipynb",
            *(f"nbgrader/{name}" for name in made),
        ]
    )
    assert {(tmp_path / "nbgrader" / name).read_text() for name in made} == {"keep"}
    assert (tmp_path / "nbgrader" / "nbgrader_config.py").read_text() == "the teacher's"
    assert json.loads((tmp_path / "build.json").read_text())["lessons"] == [f"{FREE}.ipynb"]


def test_an_unknown_lesson_is_refused_before_anything_is_written(tmp_path):
    classroom.build(ROOT, tmp_path, [FREE])
    before = files(tmp_path)
    with pytest.raises(FileNotFoundError, match="did you mean: 00_start_here"):
        classroom.build(ROOT, tmp_path, [START, "00_start_her"])
    assert files(tmp_path) == before


def test_a_variant_below_0_is_refused_before_anything_is_taken_away(tmp_path):
    classroom.build(ROOT, tmp_path, [FREE])
    before = files(tmp_path)
    with pytest.raises(ValueError, match="expected a variant of 0 or more, found -1"):
        classroom.build(ROOT, tmp_path, [FREE], variant=-1)
    assert files(tmp_path) == before


def test_after_a_build_that_stopped_the_next_one_works(tmp_path):
    broken = new_notebook(cells=[new_code_cell("x = 1", metadata={"tags": ["exercise"]})])
    nbformat.write(broken, tmp_path / "broken.ipynb")
    with pytest.raises(ValueError, match="cell 1: expected the stub"):
        classroom.build(ROOT, tmp_path / "out", [FREE, str(tmp_path / "broken.ipynb")])
    assert classroom.build(ROOT, tmp_path / "out", [FREE]) == 0


# build: what is free for any use -----------------------------------------------------------------


def test_permissive_leaves_out_and_says_why(tmp_path, capsys):
    assert classroom.build(ROOT, tmp_path, [START, FREE, FURTHER], permissive=True) == 0
    assert files(tmp_path / "learner") == [f"{FREE}.ipynb"]
    assert files(tmp_path / "teacher") == [f"{FREE}.ipynb"]
    assert files(tmp_path / "nbgrader" / "source") == [f"{FREE}/{FREE}.ipynb"]
    said = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert said[0] == [START, "left out: elpv (CC BY-NC-SA 4.0)"]
    assert said[1] == [FURTHER, "left out: elpv (CC BY-NC-SA 4.0)"]
    assert said[2][0] == FREE


def test_permissive_says_every_reason(tmp_path, capsys):
    assert classroom.build(ROOT, tmp_path, ["05_domain_adaptation"], permissive=True) == 1
    said = capsys.readouterr().out
    for name in ("bbc-news", "opinion-tweets"):
        assert f"left out: {name} ({ASSETS[name].licence})" in said
    assert not (tmp_path / "learner").exists()


def test_a_copy_of_a_lesson_under_another_name_is_not_taken_for_free(tmp_path):
    copied = tmp_path / "week_1.ipynb"
    nbformat.write(NOTEBOOKS[START], copied)
    classroom.build(ROOT, tmp_path / "out", [str(copied), FREE], permissive=True)
    assert files(tmp_path / "out" / "learner") == [f"{FREE}.ipynb"]


# What in a lesson's code shows that it reads a set with conditions on its use.
READS = {
    "elpv": r"load_elpv|on_elpv|write_sample_folder|\blive\(",
    "bbc-news": r"load_bbc_news|on_news|on_domains",
    "opinion-tweets": r"load_tweets|on_tweets|write_sample_table",
    "drug-reviews": r"load_drug_reviews",
    "wnut-2016": r"load_wnut",
}
# Its recorded trials are shown there; the set itself is not read.
SHOWN_ONLY = [
    ("elpv", "02x_shift_and_leaks"),
    ("opinion-tweets", "05x_going_further"),
    ("drug-reviews", "05x_going_further"),
    ("bbc-news", "07_your_own_data"),
    ("drug-reviews", "07_your_own_data"),
]


def code_of(name):
    """Return a lesson's code without its imports: `live` may be imported and never called."""
    source = "\n".join(c.source for c in NOTEBOOKS[name].cells if c.cell_type == "code")
    return re.sub(r"^from companion\.teaching\S* import .*$", "", source, flags=re.M)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_lesson_reads_what_the_catalogue_does_not_list(name):
    found = {asset for asset, pattern in READS.items() if re.search(pattern, code_of(name))}
    assert found <= set(not_free(name))


def test_what_is_free_are_these_two():
    free = {name for name in NOTEBOOKS if not not_free(name)}
    assert free == {"refreshers", "04b_answers_in_licences"}


@pytest.mark.parametrize(
    ("asset", "name"),
    [
        (asset, name)
        for name in NOTEBOOKS
        for asset in not_free(name)
        if (asset, name) not in SHOWN_ONLY
    ],
)
def test_every_lesson_that_the_catalogue_lists_reads_the_set(asset, name):
    assert re.search(READS[asset], code_of(name))


def test_each_set_with_conditions_is_looked_for_here():
    assert set(READS) == {asset for name in NOTEBOOKS for asset in not_free(name)}
    assert all(ASSETS[asset].kind == "data" for asset in READS)


# grade: what is found in a folder ----------------------------------------------------------------


@pytest.fixture
def ran(monkeypatch):
    """Let no kernel start: each check of a submission gives its result at once; return the runs."""
    runs = []

    def run_submission(notebook, root, limits):
        runs.append((notebook, root, limits))
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.outputs = [new_output("execute_result", {"text/plain": "1.0"})]
        return Outcome(notebook, 2.5, ("cell 3 took more than 60 s",))

    monkeypatch.setattr(grades, "run_submission", run_submission)
    return runs


def hand_in(folder, *names, notebook=None):
    """Write a notebook (default: lesson 00's graded edition) under each of these names."""
    notebook = learner(NOTEBOOKS[START], graded=True) if notebook is None else notebook
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / name)


def rows_of(folder, out):
    assert grades.grade(ROOT, folder, out, Limits()) == 0
    with out.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_notebooks_is_told(tmp_path, make):
    folder = tmp_path / "in"
    if make:
        hand_in(folder, ".ipynb_checkpoints/anna-checkpoint.ipynb")
        (folder / "notes.txt").write_text("none")
    with pytest.raises(FileNotFoundError) as caught:
        grades.grade(ROOT, folder, tmp_path / "grades.csv", Limits())
    assert str(caught.value) == (
        f"expected submissions (STUDENT/LESSON.ipynb) in {folder}, found no notebook; name the "
        "folder that holds the students' folders"
    )
    assert not (tmp_path / "grades.csv").exists()


def test_three_layouts_are_understood_and_checkpoints_are_not_graded(tmp_path, ran):
    hand_in(
        tmp_path / "in",
        "anna.ipynb",
        "ben/00_start_here.ipynb",
        "ben/.ipynb_checkpoints/00_start_here-checkpoint.ipynb",
        "cleo/00_start_here/00_start_here.ipynb",
        ".ipynb_checkpoints/anna-checkpoint.ipynb",
    )
    rows = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert [row["student"] for row in rows] == ["anna", "ben", "cleo"]
    assert {row["lesson"] for row in rows} == {START}
    assert len(ran) == 3


def test_what_macos_puts_into_archives_is_not_graded(tmp_path, ran):
    hand_in(tmp_path / "in", "anna/homework.ipynb")
    for name in ("__MACOSX/anna/homework.ipynb", "anna/._homework.ipynb"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"\x00\x05\x16\x07")
    rows = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert [(row["student"], row["lesson"]) for row in rows] == [("anna", START)]


def test_a_folder_whose_name_is_no_utf8_stops_nobody(tmp_path, ran, capsys):
    """As an archive packed on Windows leaves it on Linux."""
    hand_in(tmp_path / "in", "zoe/homework.ipynb")
    odd_name = os.fsencode(tmp_path / "in") + b"/M\xfcller"
    try:
        os.rename(os.fsencode(tmp_path / "in" / "zoe"), odd_name)
    except OSError:
        pytest.skip("this system refuses such names")
    hand_in(tmp_path / "in", "anna.ipynb", "zoe.ipynb")
    rows = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert [row["score"] for row in rows] == ["5", "5", "5"]


def test_a_file_of_another_course_whose_name_is_no_utf8_stops_nobody(tmp_path, ran, capsys):
    """capsys is as strict as a terminal in UTF-8."""
    hand_in(tmp_path / "in", "zoe.ipynb", notebook=new_notebook(cells=[new_code_cell("print(1)")]))
    try:
        os.rename(tmp_path / "in" / "zoe.ipynb", os.fsencode(tmp_path / "in") + b"/M\xfcller.ipynb")
    except OSError:
        pytest.skip("this system refuses such names")
    hand_in(tmp_path / "in", "zoe.ipynb")
    rows = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert [row["score"] for row in rows] == ["0", "5"]


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("05_domain_adaptation", {"graded": True, "variant": 3}, "DRAW = 1003"),  # it trains
        (START, {}, "import check, hint"),
    ],
)
def test_the_lessons_own_cells_keep_their_time_in_every_edition(tmp_path, ran, name, options, line):
    hand_in(tmp_path / "in", "anna.ipynb", notebook=learner(NOTEBOOKS[name], **options))
    rows_of(tmp_path / "in", tmp_path / "grades.csv")
    ((notebook, _, _),) = ran
    (cell,) = [c for c in notebook.cells if c.cell_type == "code" and line in c.source]
    assert cell.metadata["seconds"] == LESSON_CELL_SECONDS


def test_a_full_disk_is_not_blamed_on_the_submission(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(grades, "run_submission", full)
    hand_in(tmp_path / "in", "anna.ipynb")
    (row,) = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert "No space left on device" in row["remarks"]
    assert "is no notebook" not in row["remarks"]


def test_the_columns_are_scores_exercises_and_remarks(tmp_path, ran, capsys):
    hand_in(tmp_path / "in", "anna.ipynb")
    hand_in(
        tmp_path / "in",
        "ben/homework.ipynb",
        notebook=learner(NOTEBOOKS["04a_names_in_tweets"], graded=True),
    )
    out = tmp_path / "of" / "2026" / "grades.csv"
    anna, ben = rows_of(tmp_path / "in", out)
    exercises = ["00.1", "00.2", "00.3", "00.4", "00.5", "04.1", "04.2"]
    assert list(anna) == ["student", "lesson", "score", "max_score", *exercises, "remarks"]
    assert (anna["score"], anna["max_score"]) == ("5", "8")
    assert [anna[one] for one in exercises] == ["1"] * 5 + [""] * 2
    assert (ben["lesson"], ben["score"], ben["max_score"]) == ("04a_names_in_tweets", "2", "4")
    assert [ben[one] for one in exercises] == [""] * 5 + ["1"] * 2
    assert anna["remarks"] == ben["remarks"] == "cell 3 took more than 60 s"
    said = capsys.readouterr().out
    assert re.search(rf"^anna +{START} +5 of 8 points in 2 s  \(1 remarks\)$", said, re.M)
    assert said.endswith(f"\ngrades: {out}\n")


def test_what_is_run_is_restored_and_the_limits_are_passed_on(tmp_path, ran):
    changed = learner(NOTEBOOKS[START], graded=True)
    place = places(changed)[0]
    changed.cells[place.check].source = "3.0"
    hand_in(tmp_path / "in", "anna.ipynb", notebook=changed)
    limits = Limits(cell_seconds=7, seconds=8, gibibytes=9)
    grades.grade(ROOT, tmp_path / "in", tmp_path / "grades.csv", limits)
    ((notebook, root, given),) = ran
    assert (root, given) == (ROOT, limits)
    assert notebook.cells[place.check].source.endswith(
        'check("00.1", majority_baseline, strict=True)'
    )
    assert notebook.cells[place.check].metadata["seconds"] == 7
    assert "the check had been changed" in (tmp_path / "grades.csv").read_text()


def test_what_cannot_be_graded_becomes_a_row_and_stops_nobody(tmp_path, ran):
    folder = tmp_path / "in"
    hand_in(folder, "zoe.ipynb")
    hand_in(folder, "ann/poem.ipynb", notebook=new_notebook(cells=[new_code_cell("print(1)")]))
    (folder / "bob.ipynb").write_text("not\nJSON, at all " + "x" * 5000)
    (folder / "cat.ipynb").write_bytes(b"\xff\xfe\x00")
    (folder / "dan.ipynb").write_text("[]")
    (folder / "eve.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    (folder / "fay.ipynb").mkdir()
    (folder / "gus.ipynb").write_text("")
    rows = {row["student"]: row for row in rows_of(folder, tmp_path / "grades.csv")}
    assert list(rows) == ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "zoe"]
    assert rows["ann"]["remarks"] == "poem.ipynb: no lesson of this course"
    for student, row in rows.items():
        if student != "zoe":
            assert (row["lesson"], row["score"], row["max_score"]) == ("", "0", "0")
            assert row["00.1"] == ""
        if student not in ("ann", "zoe"):
            assert row["remarks"].startswith(f"{student}.ipynb is no notebook: ")
            assert len(row["remarks"]) < 240 and "\n" not in row["remarks"]
    assert rows["zoe"]["score"] == "5"
    assert len(ran) == 1


def test_a_submission_that_gave_nothing_back_earns_nothing(tmp_path, monkeypatch):
    gone = Outcome(None, 1.0, ("its process ended by itself (status 1)",))
    monkeypatch.setattr(grades, "run_submission", lambda *_: gone)
    shown = learner(NOTEBOOKS[START], graded=True)
    for place in places(shown):
        result = new_output("execute_result", {"text/plain": "2.0"})
        shown.cells[place.check].outputs = [result]
    hand_in(tmp_path / "in", "anna.ipynb", notebook=shown)
    (row,) = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert (row["score"], row["max_score"]) == ("0", "8")
    assert row["remarks"] == "its process ended by itself (status 1)"


def odd(change):
    """Return the text of a notebook whose JSON is readable, and which nbformat cannot write."""
    content = json.loads(nbformat.writes(learner(NOTEBOOKS[START], graded=True)))
    change(content["cells"])
    return json.dumps(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[3].update(source="x = '\ud83d'"),  # half of an emoji
        lambda cells: [cell.pop("outputs", None) for cell in cells],
    ],
    ids=["a lone surrogate", "no outputs"],
)
def test_a_notebook_that_cannot_be_written_stops_nobody(tmp_path, monkeypatch, change):
    def no_process(*_, **__):
        raise OSError("no kernel in this test")

    monkeypatch.setattr(grading.subprocess, "Popen", no_process)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.ipynb").write_text(odd(change))
    try:
        rows_of(tmp_path / "in", tmp_path / "grades.csv")
    except OSError as error:
        assert "no kernel in this test" in str(error)  # it came as far as its process


def test_a_check_and_the_next_answer_in_one_cell_are_graded(tmp_path, ran):
    edition = learner(NOTEBOOKS[START], graded=True)
    first, second = places(edition)[:2]
    pasted = edition.cells[first.check].source + "\n\n" + edition.cells[second.stub].source
    cells = [new_code_cell(edition.cells[first.stub].source), new_code_cell(pasted)]
    hand_in(tmp_path / "in", "anna.ipynb", notebook=new_notebook(cells=cells))
    (row,) = rows_of(tmp_path / "in", tmp_path / "grades.csv")
    assert row["lesson"] == START


def test_the_rows_so_far_are_there_when_grading_is_interrupted(tmp_path, ran, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    hand_in(tmp_path / "in", "anna.ipynb", "ben.ipynb")
    one = grades.run_submission
    monkeypatch.setattr(grades, "run_submission", lambda *a: interrupted() if ran else one(*a))
    with pytest.raises(KeyboardInterrupt):
        grades.grade(ROOT, tmp_path / "in", tmp_path / "grades.csv", Limits())
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["student"] for row in csv.DictReader(file)] == ["anna"]


def test_grades_that_are_there_are_not_overwritten(tmp_path, ran):
    hand_in(tmp_path / "in", "anna.ipynb")
    (tmp_path / "grades.csv").write_text("last week's")
    with pytest.raises(
        FileExistsError, match="expected a new file for the grades, found .*move it"
    ):
        grades.grade(ROOT, tmp_path / "in", tmp_path / "grades.csv", Limits())
    assert (tmp_path / "grades.csv").read_text() == "last week's"


# The summary -------------------------------------------------------------------------------------


def graded(exercise_id, points, said):
    one = Grade(EXERCISES[exercise_id], points, said)
    return Graded("anna", START, [one], [], Outcome(None, 0.0, ()))


def test_the_summary_counts_states_and_causes():
    rows = [
        graded("00.2", 2.0, "00.2 passed: You seem to be done."),
        *[graded("00.2", 0.0, "00.2 not yet: for k = 2. You seem to take np.sort. Draw.")] * 2,
        graded("00.2", 0.0, "00.2 not yet: You seem to forget: the seed. x"),
        graded("00.2", 0.0, "00.2 not yet: expected one number."),
        graded("00.1", 0.0, "00.1 not attempted yet. Score it."),
        graded("00.1", 0.0, "the check did not run"),
        Graded("ben", "", [], ["no notebook"], Outcome(None, 0.0, ())),
    ]
    assert summary(rows).splitlines() == [
        "00.1  1 not attempted yet, 1 no result",
        "00.2  4 not yet, 1 passed",
        "      2 x You seem to take np.sort.",
        "      1 x You seem to forget:",
    ]


def test_the_summary_names_the_three_most_frequent_causes():
    rows = [
        graded("00.1", 0.0, f"00.1 not yet: You seem to do {name}.")
        for name, count in {"a": 1, "b": 4, "c": 3, "d": 2}.items()
        for _ in range(count)
    ]
    assert summary(rows).splitlines() == [
        "00.1  10 not yet",
        "      4 x You seem to do b.",
        "      3 x You seem to do c.",
        "      2 x You seem to do d.",
    ]
    assert summary([]) == ""


# The commands ------------------------------------------------------------------------------------


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_build_command_passes_its_options_on(at_root, tmp_path, capsys):
    words = ["classroom", "build", START, "--out", str(tmp_path), "--graded", "--variant", "2"]
    assert cli.main(words) == 0
    facts = json.loads((tmp_path / "build.json").read_text())
    assert (facts["graded"], facts["variant"]) == (True, 2)
    assert cli.main([*words, "--permissive"]) == 1
    assert "left out: elpv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["build", "--out", "{in}"], "expected a new or empty folder, or an earlier build"),
        (["build", "00_start_her", "--out", "{in}/new"], "did you mean: 00_start_here"),
        (["build", "--out", "{in}/thesis.txt"], "Not a directory"),
        (["grade", "{in}", "--out", "{in}/grades.csv"], "expected submissions (STUDENT/LESSON.ip"),
    ],
)
def test_a_refusal_is_one_line_and_exit_2(at_root, tmp_path, capsys, words, told):
    (tmp_path / "thesis.txt").write_text("keep")
    words = [word.replace("{in}", str(tmp_path)) for word in words]
    assert cli.main(["classroom", *words]) == 2
    line = capsys.readouterr().err
    assert line.startswith("companion: ") and told in line
    assert line.count("\n") == 1
    assert files(tmp_path) == ["thesis.txt"]


def test_the_grade_command_passes_its_limits_on(at_root, tmp_path, ran):
    hand_in(tmp_path / "in", "anna.ipynb")
    words = ["classroom", "grade", str(tmp_path / "in"), "--out"]
    assert cli.main([*words, str(tmp_path / "one.csv")]) == 0
    words.append(str(tmp_path / "two.csv"))
    assert cli.main([*words, "--cell-seconds", "5", "--seconds", "50", "--memory", "1.5"]) == 0
    assert [limits for _, _, limits in ran] == [Limits(), Limits(5, 50, 1.5)]


@pytest.mark.parametrize(
    "words", [[], ["build"], ["grade", "somewhere"], ["grade", "--out", "grades.csv"], ["mark"]]
)
def test_wrong_words_exit_2(at_root, words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["classroom", *words])
    assert stop.value.code == 2
    assert "usage: companion classroom" in capsys.readouterr().err


def test_grade_ids_of_the_source_are_those_of_the_graded_edition(tmp_path):
    classroom.build(ROOT, tmp_path, [START], graded=True)
    wanted = {name for p in places(NOTEBOOKS[START]) for name in grade_ids(p.exercise)}
    for parts in (("learner",), ("nbgrader", "source", START)):
        cells = read(tmp_path, *parts, f"{START}.ipynb").cells
        found = [c.metadata["nbgrader"]["grade_id"] for c in cells if "nbgrader" in c.metadata]
        assert sorted(found) == sorted(wanted)
