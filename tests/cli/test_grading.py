"""Ten and more submissions, graded by the course's own grader and by nbgrader: the same scores."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from companion.cli import classroom, grades
from companion.cli.grading import Limits
from companion.teaching.editions import learner, nbgrader_source
from tests.cli.submissions import CASES, shortened, solutions_of, submission
from tests.conftest import ROOT

LESSON = "00_start_here"
LIMITS = Limits(cell_seconds=12, seconds=120, gibibytes=4)


@pytest.fixture(scope="module")
def lesson():
    return nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def class_room(tmp_path_factory, lesson):
    """A course folder whose lesson is cut down, with a submission of each case."""
    room = tmp_path_factory.mktemp("class")
    classroom.build(ROOT, room / "built", [LESSON], graded=True)
    graded = room / "built" / "nbgrader"
    source = graded / "source" / LESSON / f"{LESSON}.ipynb"
    nbformat.write(shortened(nbgrader_source(lesson)), source)
    edition, solutions = shortened(learner(lesson, graded=True)), solutions_of(lesson)
    for name in CASES:
        path = graded / "submitted" / name / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(submission(name, edition, solutions), path)
    return room


def write_limits(config: Path) -> None:
    """Let nbgrader keep the limits that the test gives the course's own grader."""
    text = config.read_text()
    text = text.replace("6 * 2**30", f"{LIMITS.gibibytes} * 2**30")
    config.write_text(text + f"c.RestoreCells.seconds = {LIMITS.cell_seconds}\n")


@pytest.fixture(scope="module")
def ours(class_room):
    out = class_room / "grades.csv"
    assert grades.grade(ROOT, class_room / "built" / "nbgrader" / "submitted", out, LIMITS) == 0
    with out.open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def theirs(class_room):
    folder = class_room / "built" / "nbgrader"
    write_limits(folder / "nbgrader_config.py")

    def nbgrader(*words):
        command = [sys.executable, "-m", "nbgrader", *words]
        # As with an environment that is activated: nbgrader looks for its tools on the path.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    nbgrader("generate_assignment", LESSON)
    log = nbgrader("autograde", LESSON)
    nbgrader("export", "--to", "grades.csv")
    nbgrader("generate_feedback", LESSON, "--student=perfect")
    with (folder / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    return folder, rows, log


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_submission_gets_what_it_earned(ours, name):
    assert float(ours[name]["score"]) == CASES[name][2], ours[name]
    assert ours[name]["max_score"] == "8"


@pytest.mark.slow
def test_nbgrader_says_what_it_put_back_and_writes_feedback(theirs):
    folder, _, log = theirs
    assert "pasted: 00.1: the cell had lost its grade id and was found by the name" in log
    assert "tampered: 00.1: the check had been changed and was put back" in log
    page = folder / "feedback" / "perfect" / LESSON / f"{LESSON}.html"
    assert "00.1 passed" in page.read_text("utf-8")


@pytest.mark.slow
def test_both_graders_give_the_same_scores(ours, theirs, measured):
    _, rows, _ = theirs
    measured("submission      ours  nbgrader")
    for name in CASES:
        measured(f"{name:15} {float(ours[name]['score']):4g}  {float(rows[name]['score']):8g}")
    assert {n: float(r["score"]) for n, r in rows.items()} == {
        n: float(r["score"]) for n, r in ours.items()
    }
