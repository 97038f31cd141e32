"""Several learners at once: one cache that nobody can write to, their time and their memory."""

import re
import shutil
import subprocess
import sys

import pytest

from companion.cli import rehearsal
from tests.conftest import ROOT

SECONDS_EACH = 110  # so that eight are done in less than 15 minutes
GIB_FOR_EACH = 1.2
AT_ONCE = re.compile(r"^ +(\d+) at once: all done in +(\d+) s, each at most ([\d.]+) GiB$", re.M)


@pytest.mark.alone
@pytest.mark.slow
def test_two_kernels_run_lesson_00_on_one_read_only_cache(capsys, measured):
    assert rehearsal.rehearse(ROOT, "00_start_here", 2) == 0
    told = capsys.readouterr().out
    measured(told)
    rounds = {int(n): (int(seconds), float(gib)) for n, seconds, gib in AT_ONCE.findall(told)}
    assert list(rounds) == [1, 2]
    assert all(seconds <= SECONDS_EACH * learners for learners, (seconds, _) in rounds.items())
    assert max(gib for _, gib in rounds.values()) <= GIB_FOR_EACH
    assert re.search(r"^seconds = -?\d+ \+ \d+\.\d x learners$", told, re.M)


def test_a_learner_cannot_write_to_what_is_read_only(tmp_path):
    """Root, too, once it has given up the rights that permissions do not bind."""
    cache = tmp_path / "transfer-learning-measured"
    cache.mkdir()
    (cache / "entry").write_text("kept")
    rehearsal._protect(tmp_path)
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('changed')"
    bound = rehearsal._bound_by_permissions()
    for name in ("entry", "another"):
        command = [*bound, sys.executable, "-c", code, str(cache / name)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "PermissionError" in done.stderr
    rehearsal._unprotect(tmp_path)
    assert (cache / "entry").read_text() == "kept"
    shutil.rmtree(cache)


def test_a_lesson_that_fails_in_the_first_run_is_not_rehearsed(tmp_path, capsys):
    import nbformat

    lesson = tmp_path / "broken.ipynb"
    cell = nbformat.v4.new_code_cell("1 / 0")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), lesson)
    assert rehearsal.rehearse(ROOT, str(lesson), 2) == 1
    assert "failed: broken.ipynb, cell 1" in capsys.readouterr().out


def test_one_learner_is_no_rehearsal():
    with pytest.raises(ValueError, match="expected at least 2 learners, found 1; for one, use"):
        rehearsal.rehearse(ROOT, "00_start_here", 1)


def test_the_cost_is_the_line_through_the_rounds():
    assert rehearsal._cost([1, 2, 4, 8], [15, 25, 45, 85]) == "seconds = 5 + 10.0 x learners"


def test_a_process_that_ends_without_a_word_has_failed():
    outcome = rehearsal._read("lesson.ipynb", "")
    assert outcome.failure.startswith("its process ended without a word")
