"""The first code cell of every notebook: what it brings to Colab, and that it is the same cell."""

import json
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

from companion.cli.colab import PINS, needed, pinned
from companion.cli.house import lessons

ASSETS = """\
    from companion.data.assets import install_assets

    install_assets()"""


@pytest.fixture(scope="module")
def cells(root):
    """{notebook: the source of its first code cell}, without the word that differs in address."""
    found = {}
    for path in lessons(root):
        content = json.loads(path.read_text("utf-8"))
        code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        found[path.stem] = "".join(code[0]["source"])
    return found


def pip_words(source):
    """Return the words of the cell's one %pip line, as IPython reads it."""
    read = TransformerManager().transform_cell(source)
    lines = re.findall(r"run_line_magic\('pip', '([^']+)'\)", read)
    assert len(lines) == 1, "one call, so that all is installed or nothing"
    return lines[0].split()


def test_every_lesson_begins_with_the_same_cell(cells):
    assert len({source for name, source in cells.items() if name != "refreshers"}) == 1
    assert {tuple(pip_words(source)) for source in cells.values()} == {
        tuple(pip_words(cells["00_start_here"]))
    }


def test_lessons_install_the_assets_also_after_an_interruption(cells):
    """They come after the package, whose presence alone must not skip them."""
    for name, source in cells.items():
        if name != "refreshers":  # it uses none of the weights and data
            assert source.endswith(f"\n{ASSETS}")


def test_it_brings_what_colab_lacks_of_the_needs_and_nothing_else(root, cells):
    words = pip_words(cells["00_start_here"])
    assert words[:2] == ["install", "--no-deps"]
    named = {Requirement(word) for word in words[2:-1]}
    lacking = set(needed(root)) - set(pinned(root / PINS))
    assert {need.name for need in named} == lacking == {"onnx", "datasketch", "gguf", "obonet"}
    assert all(re.fullmatch(r"==[\d.]+", str(need.specifier)) for need in named)


def test_what_it_brings_is_within_the_ranges(root, cells):
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    ranges = {need.name: need.specifier for need in map(Requirement, project["dependencies"])}
    for word in pip_words(cells["00_start_here"])[2:-1]:
        name, version = word.split("==")
        assert ranges[name].contains(version), word


def test_it_does_nothing_anywhere_else(cells):
    """Run here, it imports two names: no pip, no assets."""
    for source in set(cells.values()):
        names = {}
        exec(TransformerManager().transform_cell(source), names)  # get_ipython would be missing
        assert "install_assets" not in names
