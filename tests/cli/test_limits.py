"""What a submission does to its own process, and what comes back all the same."""

import re
import time

import nbformat
import pytest

from companion.cli import grading as submission_process
from companion.cli.grading import Limits, run_submission
from companion.teaching.editions import learner, nbgrader_source, places
from companion.teaching.submissions import grades, restore
from tests.cli.submissions import solutions_of, with_answers
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
FIRST = "print('kept')\n1.0"


def run(*sources, **limits):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    for cell in notebook.cells:
        cell.metadata["seconds"] = 5
    return run_submission(notebook, ROOT, Limits(**{"cell_seconds": 5, "seconds": 60} | limits))


def results(outcome):
    """Return the results of the cells that ran, as text."""
    outputs = [o for cell in outcome.notebook.cells for o in cell.outputs]
    return [o.data["text/plain"] for o in outputs if o.output_type == "execute_result"]


def test_a_kernel_that_dies_keeps_what_it_had_and_is_reported():
    outcome = run(FIRST, "import os\nos._exit(1)", "2.0")
    assert results(outcome) == ["1.0"]
    assert outcome.remarks == ("the kernel died; what came after was not run",)


def test_a_cell_that_never_ends_costs_only_itself():
    outcome = run("while True:\n    pass", "2.0")
    assert results(outcome) == ["2.0"]
    assert outcome.remarks == ("cell 1 took more than 5 s",)


def test_code_that_will_not_be_interrupted_is_stopped_in_the_end():
    stubborn = (
        "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n"
        "        pass"
    )
    start = time.perf_counter()
    outcome = run(FIRST, stubborn, stubborn, stubborn, seconds=12)
    assert outcome.remarks[0] == "stopped: all its cells together took more than 12 s"
    assert results(outcome) == ["1.0"], "what was earned before is kept"
    assert time.perf_counter() - start < 45


def test_memory_is_refused_to_a_cell_and_the_next_runs():
    outcome = run("held = bytearray(2 * 2**30)", "2.0", gibibytes=1)
    errors = [
        o.ename for c in outcome.notebook.cells for o in c.outputs if o.output_type == "error"
    ]
    assert errors == ["MemoryError"]
    assert results(outcome) == ["2.0"]


def test_shared_memory_that_no_limit_counts_is_seen_and_stopped():
    greedy = (
        "import mmap, time\nheld = mmap.mmap(-1, 3 * 2**30)\n"
        "for start in range(0, len(held), 2**20):\n    held[start : start + 2**20] = b'x' * 2**20\n"
        "time.sleep(4)"
    )
    outcome = run(greedy, gibibytes=1)
    assert outcome.remarks[0] == "stopped: its processes together held more than 1.5 GiB"


def test_a_process_left_behind_is_ended_too(tmp_path):
    sign = tmp_path / "alive"
    child = (
        "import subprocess, sys\n"
        f"code = \"import time; time.sleep(8); open({str(sign)!r}, 'w')\"\n"
        "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
        "import time; time.sleep(2)\n2.0"
    )
    assert results(run(child)) == ["2.0"]
    time.sleep(9)
    assert not sign.exists()


def test_of_what_a_cell_shows_only_so_much_is_kept():
    outcome = run(
        "for _ in range(30):\n    print('x' * 1_000_000)", "print('y' * 30_000_000)", FIRST
    )
    assert results(outcome) == ["1.0"]
    texts = [o.text for c in outcome.notebook.cells for o in c.outputs if o.output_type == "stream"]
    assert sum(map(len, texts)) < 3_000_000


def test_a_kernel_of_another_machine_does_not_matter():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FIRST)])
    notebook.metadata["kernelspec"] = {"name": "conda-env-mine", "display_name": "Mine"}
    outcome = run_submission(notebook, ROOT, Limits(seconds=60))
    assert (results(outcome), outcome.remarks) == (["1.0"], ())


def test_a_process_that_fails_by_itself_is_reported_with_its_last_words(monkeypatch):
    monkeypatch.setattr(submission_process, "limits_in_words", lambda limits: "no JSON")
    outcome = run(FIRST)
    assert outcome.notebook is None
    assert len(outcome.remarks) == 1
    assert re.match(
        r"its process ended by itself: json\S+JSONDecodeError: .+ Grade a right answer of your own",
        outcome.remarks[0],
    )


def test_a_whole_lesson_of_a_variant_runs_and_earns_everything():
    lesson = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    handed_in = with_answers(learner(lesson, graded=True, variant=7), solutions_of(lesson))
    assert any(cell.source.startswith("from companion.data.splits") and "DRAW = 1007" in cell.source
               for cell in handed_in.cells)  # fmt: skip
    restored, remarks = restore(handed_in, nbgrader_source(lesson))
    outcome = run_submission(restored, ROOT, Limits())
    assert (remarks, outcome.remarks) == ([], ())
    outputs = [o for c in outcome.notebook.cells for o in c.get("outputs", [])]
    assert [o.evalue for o in outputs if o.output_type == "error"] == []
    found = grades(outcome.notebook, [place.exercise for place in places(lesson)])
    assert [grade.points for grade in found] == [grade.exercise.points for grade in found]
