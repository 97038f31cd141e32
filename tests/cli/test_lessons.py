"""Running notebooks: on copies, in this interpreter, with the failing cell named."""

import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from companion.cli import house, settle
from companion.cli.lessons import Outcome, run_notebook


def write(path, *sources):
    cells = [new_markdown_cell("# A lesson"), *(new_code_cell(source) for source in sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture
def checkout(tmp_path):
    """A small checkout: one lesson that runs, one whose third cell fails."""
    (tmp_path / "book.toml").write_text("[book]\n")
    folder = tmp_path / "notebooks"
    write(folder / "00_start_here.ipynb", "import sys\nprint(sys.executable)", "6 * 7")
    write(folder / "01_broken.ipynb", "x = 1", "\n# why\nprint(y)", "print('never')")
    (folder / "SUMMARY.md").write_text(
        "# Summary\n[About](README.md)\n- [Start](00_start_here.ipynb)\n- [B](01_broken.ipynb)\n"
    )
    return tmp_path


def test_run_uses_this_interpreter_and_leaves_the_notebook_alone(checkout, monkeypatch, capsys):
    source = checkout / "notebooks" / "00_start_here.ipynb"
    before = source.read_bytes()
    # a kernel named python3 that is somebody else's must not be used
    kernel = checkout / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(checkout / "data"))
    assert house.run(checkout, ["00_start_here"]) == 0
    ran = nbformat.read(checkout / "_build" / "lessons" / source.name, as_version=4)
    assert ran.cells[1].outputs[0].text.strip() == sys.executable
    assert source.read_bytes() == before
    assert " s " in capsys.readouterr().out


def test_a_failing_cell_is_named_and_the_others_still_run(checkout, capsys):
    assert house.run(checkout) == 1
    told = capsys.readouterr().out
    assert "01_broken.ipynb, cell 3 ('# why'): NameError: name 'y' is not defined" in told
    assert "00_start_here.ipynb" in told
    assert (checkout / "_build" / "lessons" / "01_broken.ipynb").is_file()


def test_peak_memory_counts_what_a_cell_held(tmp_path):
    source = write(tmp_path / "big.ipynb", "b = bytearray(b'x') * 300_000_000; del b", "1 + 1")
    outcome = run_notebook(source, tmp_path / "out" / "big.ipynb", tmp_path)
    assert outcome.failure is None
    assert 300e6 < outcome.peak_bytes < 800e6
    assert 0 < outcome.seconds < 60


def test_a_dead_kernel_is_a_failure(tmp_path):
    source = write(tmp_path / "dies.ipynb", "import os; os._exit(1)")
    outcome = run_notebook(source, tmp_path / "out" / "dies.ipynb", tmp_path)
    assert "dies.ipynb, cell 2" in outcome.failure
    assert "kernel died" in outcome.failure


def test_write_keeps_outputs_and_stamps_but_not_a_broken_run(checkout):
    broken = checkout / "notebooks" / "01_broken.ipynb"
    before = broken.read_bytes()
    assert house.run(checkout, write=True) == 1
    assert broken.read_bytes() == before
    kept = nbformat.read(checkout / "notebooks" / "00_start_here.ipynb", as_version=4)
    nbformat.validate(kept)
    assert kept.cells[2].outputs[0].data["text/plain"] == "42"
    stamp = kept.metadata["companion"]
    assert set(stamp) == {
        "verified", "commit", "code", "versions", "device", "seconds", "peak_memory"
    }  # fmt: skip
    assert stamp["code"] == settle.code_of(kept)
    assert stamp["versions"]["torch"]
    assert stamp["peak_memory"] > 1e7
    assert "execution" not in kept.cells[1].metadata
    assert [path.name for path in broken.parent.iterdir() if path.name.startswith(".")] == []


def test_the_stamp_knows_the_code_that_ran():
    def code_of(*sources):
        cells = [new_markdown_cell("# A lesson"), *(new_code_cell(source) for source in sources)]
        return settle.code_of(new_notebook(cells=cells))

    before = code_of("setup", "x = 1", "x")
    assert before != code_of("setup", "x = 2", "x")
    assert before != code_of("setup", "x = 1\nx")
    assert before == code_of("another setup", "x = 1", "x"), "the course's address stands in it"


def test_settle_drops_progress_and_widget_state_and_keeps_the_rest(tmp_path):
    code = [
        "from tqdm import tqdm\nimport sys\nfor _ in tqdm(range(3)): pass\n"
        "print('a warning to keep', file=sys.stderr)",
        "from tqdm.notebook import tqdm as bar\nfor _ in bar(range(3)): pass",
        "from ipywidgets import FloatSlider, VBox\n"
        "VBox([FloatSlider(description=name) for name in 'abc'])",
        "print('result 100%')",
    ]
    source = write(tmp_path / "bars.ipynb", *code)
    copy = tmp_path / "out" / "bars.ipynb"
    outcome = run_notebook(source, copy, tmp_path)
    assert outcome.failure is None
    notebook = nbformat.read(copy, as_version=4)
    notebook.metadata["widgets"] = {"state": {}}
    settle.settle(notebook)
    console, widget, slider, result = (cell.outputs for cell in notebook.cells[1:])
    assert [output.text.strip() for output in console] == ["a warning to keep"]
    assert widget == []
    assert dict(slider[0].data) == {
        "text/plain": "(an interactive control: run the notebook to use it)"
    }
    assert result[0].text == "result 100%\n"
    assert "widgets" not in notebook.metadata


def test_a_write_that_fails_leaves_the_notebook(tmp_path, monkeypatch):
    source, copy = write(tmp_path / "a.ipynb", "1"), write(tmp_path / "b.ipynb", "2")
    before = source.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settle.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        settle.keep_outputs(source, copy, Outcome("a.ipynb", 1.0, 1), tmp_path)
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "b.ipynb"]
