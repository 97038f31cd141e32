"""Finding the checkout, the learner's own copies, and what clean spares."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from companion.cli import house


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "book.toml").write_text("[book]\n")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    output = new_output("stream", name="stdout", text="42\n")
    cell = new_code_cell("print(42)", outputs=[output], execution_count=1)
    for name in ("00_start_here.ipynb", "refreshers.ipynb"):
        nbformat.write(new_notebook(cells=[cell]), folder / name)
    (folder / "SUMMARY.md").write_text("- [S](00_start_here.ipynb)\n- [R](refreshers.ipynb)\n")
    return tmp_path


def test_the_root_is_found_from_below(checkout):
    below = checkout / "notebooks" / "pictures"
    below.mkdir()
    assert house.course_root(below) == checkout


def test_the_nearest_lesson_is_suggested(checkout):
    assert house.find(checkout, "refreshers.ipynb").name == "refreshers.ipynb"
    with pytest.raises(FileNotFoundError, match="did you mean: 00_start_here"):
        house.find(checkout, "00_start_her")


def test_a_lesson_that_summary_lists_must_exist(checkout):
    (checkout / "notebooks" / "refreshers.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match=r"refreshers\.ipynb"):
        house.lessons(checkout)


def test_own_copies_are_cleared_and_never_overwritten(checkout):
    mine = checkout / "my-lessons" / "00_start_here.ipynb"
    mine.parent.mkdir()
    mine.write_text("my own work")
    new = list(house.own_copies(checkout))
    assert [path.name for path in new] == ["refreshers.ipynb"]
    assert mine.read_text() == "my own work"
    cell = nbformat.read(new[0], as_version=4).cells[0]
    assert (cell.outputs, cell.execution_count) == ([], None)
    assert list(house.own_copies(checkout)) == []


def test_own_copies_ask_the_network_for_no_badge(checkout):
    badge = (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://x)"
    )
    title = new_markdown_cell(f"# Start\n\n{badge}\n\nA question.")
    nbformat.write(new_notebook(cells=[title]), checkout / "notebooks" / "refreshers.ipynb")
    copy = list(house.own_copies(checkout))[1]
    assert nbformat.read(copy, as_version=4).cells[0].source == "# Start\n\nA question."


def test_links_to_pages_hold_in_the_copies_too(checkout):
    (checkout / "notebooks" / "glossary.md").write_text("# Glossary\n")
    house.copy_pages(checkout)
    mine = checkout / "my-lessons" / "glossary.md"
    assert mine.read_text() == "# Glossary\n"
    mine.write_text("my own notes")
    house.copy_pages(checkout)
    assert mine.read_text() == "my own notes"
    assert [path.name for path in mine.parent.iterdir()] == ["glossary.md"]


def test_lab_opens_the_copy_without_a_browser(checkout, monkeypatch):
    started = []

    def start(command, cwd, env):
        started.append((command, cwd, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(house.subprocess, "run", start)
    assert house.lab(checkout, browser=False, port=8899) == 0
    command, folder, around = started[0]
    assert around["OMP_WAIT_POLICY"] == "passive", "or kernels side by side starve each other"
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert command[3] == str(checkout / "my-lessons" / "00_start_here.ipynb")
    assert {"--no-browser", "--ServerApp.port=8899"} <= set(command)
    assert folder == checkout / "my-lessons"


def test_clean_spares_the_learner_and_the_environment(checkout):
    gone = ["_build/lessons", "_book", "notebooks/__pycache__", ".ruff_cache", "a.egg-info"]
    kept = ["my-lessons/__pycache__", ".venv/lib/__pycache__", ".git/__pycache__", "notebooks"]
    for name in [*gone, *kept]:
        (checkout / name).mkdir(parents=True, exist_ok=True)
    assert house.clean(checkout) == 0
    assert [name for name in gone if (checkout / name).exists()] == []
    assert [name for name in kept if not (checkout / name).exists()] == []
    assert house.clean(checkout, environment=True) == 0
    assert not (checkout / ".venv").exists()
    assert (checkout / "my-lessons").is_dir()
