"""Every explorer of the lessons: a still view first, controls with names, pages that follow them.

These tests also run under the ipywidgets that Colab ships (test_widget_versions.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest

from companion.data.colour import load_colour_pieces
from companion.data.corpus import cut_documents
from companion.data.masking import masked_fetch
from companion.data.prompts import Prompt
from companion.data.shown import questions_to_show, tweets_to_show
from companion.experiments import on_tokens
from companion.experiments.comparisons import comparisons
from companion.models.heads import add_label_head
from companion.models.text import load_tokenizer
from companion.models.vision import load_backbone
from companion.teaching.depth import Looked
from companion.teaching.page import Piece
from companion.teaching.prompt_figures import Asked
from companion.transfer.answers import Candidate, Ranked
from tests.conftest import ROOT

# Controls that ipywidgets 7.7.1 and 8 share and that answer to the keyboard, and what holds them.
CONTROLS = {"Dropdown", "FloatSlider", "IntSlider", "RadioButtons", "SelectionSlider", "Text"}
HOLDERS = {"HTML", "Layout", "VBox"}
TEACHING = sorted((ROOT / "companion" / "teaching").glob("*.py"))
SUMMARY = (ROOT / "notebooks" / "SUMMARY.md").read_text("utf-8")
NOTEBOOKS = [ROOT / "notebooks" / name for name in re.findall(r"\]\((\w+\.ipynb)\)", SUMMARY)]
TEXTS = ["Reduced transparency of the cornea.", "An abnormal curvature of the spine."]


def pieces_by_colour() -> Looked:
    """Return real pictures, told apart by their colours, or by how bright they are."""
    pieces = load_colour_pieces()
    colours = pieces.pixels.mean(axis=(2, 3))
    return Looked(pieces, {"colours": colours, "brightness": colours.mean(axis=1)[:, None]}, {})


def small_network() -> object:
    return add_label_head(load_backbone("efficientnet_lite0", size=64, pretrained=False), classes=2)


def hidden() -> tuple:
    tokenizer = load_tokenizer("minilm_l6")
    return masked_fetch(cut_documents(TEXTS, tokenizer, length=16), tokenizer, seed=1), tokenizer, 0


def tweets() -> tuple:
    fetch = on_tokens.tag_fetch()
    return fetch, load_tokenizer("minilm_l6"), tweets_to_show(fetch.texts)[:3]


def questions() -> tuple:
    asked = on_tokens.span_fetch().asked
    ids = questions_to_show(asked)[:3]
    return asked, ids, [Ranked((Candidate(str(i), 0, 1, 1.0),), none=0.0) for i in ids]


def prompts() -> dict[str, Asked]:
    scores, free = np.log([0.2, 0.6]), np.log([[0.1, 0.8], [0.3, 0.6]])
    return {text: Asked(Prompt(("art", "sport")), text, scores, free) for text in ("A", "B")}


# Each explorer and how it is called here: with small inputs, and real ones where it reads them.
EXPLORERS = {
    "widgets.interval_explorer": lambda show: show(),
    "seeds.seeds_explorer": lambda show: show("C2e", plain=True),
    "depth.depth_explorer": lambda show: show(pieces_by_colour(), (2, 30)),
    "freeze_depth.depth_explorer": lambda show: show(small_network(), {"pool": "0.700"}),
    "text_figures.token_explorer": lambda show: show(load_tokenizer("minilm_l6"), "a train"),
    "token_figures.label_explorer": lambda show: show(*tweets()),
    "token_figures.answer_explorer": lambda show: show(*questions()),
    "domain_figures.hiding_explorer": lambda show: show(*hidden(), epochs=3),
    "prompt_figures.prompt_explorer": lambda show: show(prompts()),
    "own_explorer.suggestion_explorer": lambda show: show(comparisons()),
}


@pytest.fixture(scope="module")
def displayed() -> dict[str, list]:
    """What each explorer displays, in order; each is called once."""
    shown: dict[str, list] = {}
    for name, call in EXPLORERS.items():
        module, function = name.split(".")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("IPython.display.display", shown.setdefault(name, []).append)
            call(getattr(import_module(f"companion.teaching.{module}"), function))
    return shown


def other_value(control: object) -> object:
    """Return a value that the control does not have now."""
    if hasattr(control, "options"):
        choices = [choice[1] if isinstance(choice, tuple) else choice for choice in control.options]
        return next(value for value in choices if value != control.value)
    if hasattr(control, "max"):
        return control.min if control.value != control.min else control.max
    return f"{control.value} and more"


each_explorer = pytest.mark.parametrize("name", EXPLORERS)


@each_explorer
def test_a_still_view_comes_before_the_control(name, displayed):
    *still, box = displayed[name]
    assert still and all(isinstance(piece, Piece) for piece in still)
    assert all(len(piece.text) > 40 and "<" in piece.page for piece in still)
    assert type(box).__name__ == "VBox"


@each_explorer
def test_every_control_has_a_name_and_answers_to_the_keyboard(name, displayed):
    *controls, page = displayed[name][-1].children
    assert controls and type(page).__name__ == "HTML"
    for control in controls:
        assert type(control).__name__ in CONTROLS
        assert len(control.description) >= 5 and not control.disabled
        assert control.layout.max_width  # it fits a narrow screen


@each_explorer
def test_every_control_rewrites_the_page_and_back(name, displayed):
    *controls, page = displayed[name][-1].children
    before = page.value
    for control in controls:
        had = control.value
        control.value = other_value(control)
        assert page.value != before, control.description
        control.value = had
        assert page.value == before, control.description


@each_explorer
def test_pictures_of_the_pages_have_words(name, displayed):
    *still, box = displayed[name]
    for page in [piece.page for piece in still] + [box.children[-1].value]:
        words = re.findall(r'<img alt="([^"]{20,})"', page)
        assert len(words) == page.count("<img")


# From the source alone ----------------------------------------------------------------------------


def names_called(tree: ast.AST) -> Iterator[str]:
    """Yield the name of every function called, without what it is looked up in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))


def widgets_used(tree: ast.AST) -> set[str]:
    """Return what a module or a cell takes from ipywidgets."""
    used, aliases = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "ipywidgets":
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            aliases |= {a.asname or a.name for a in node.names if a.name == "ipywidgets"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in aliases:
            used.add(node.attr)
    return used


def cells_of(path: Path) -> Iterator[tuple[nbformat.NotebookNode, ast.AST]]:
    """Yield the code cells that are plain Python, parsed."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and not re.search(r"^\s*[%!]", cell.source, re.M):
            yield cell, ast.parse(cell.source)


def explorers_of(path: Path) -> dict[str, nbformat.NotebookNode]:
    """Return the explorers that a notebook imports and calls, and the cells that call them."""
    origin, called = {}, {}
    for cell, tree in cells_of(path):
        for node in ast.walk(tree):
            source = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and source.startswith("companion.teaching."):
                room = source.rpartition(".")[2]
                origin |= {alias.name: f"{room}.{alias.name}" for alias in node.names}
        called |= {origin[name]: cell for name in names_called(tree) if name in origin}
    return {name: cell for name, cell in called.items() if name.endswith("_explorer")}


def test_every_explorer_of_the_companion_is_tested_here():
    found = {
        f"{path.stem}.{node.name}"
        for path in TEACHING
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_explorer")
    }
    assert found == set(EXPLORERS)


def test_nothing_is_taken_from_ipywidgets_that_colab_lacks():
    trees = [(path, ast.parse(path.read_text("utf-8"))) for path in TEACHING]
    trees += [(path, tree) for path in NOTEBOOKS for _, tree in cells_of(path)]
    assert any(widgets_used(tree) for _, tree in trees)
    for path, tree in trees:
        assert widgets_used(tree) <= CONTROLS | HOLDERS, path.name


def test_the_summary_was_read():
    assert len(NOTEBOOKS) >= 14 and all(path.exists() for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_an_explorer_with_a_still_view_before_it(path):
    found = explorers_of(path)
    assert found, "expected a call of an explorer of companion.teaching, found none"
    assert set(found) <= set(EXPLORERS), "these are known to show a still view first"
    for cell in found.values():
        if not cell.outputs:  # to be run yet
            continue
        pages = [o for o in cell.outputs if "text/html" in o.get("data", {})]
        assert pages, "expected the still view among the outputs that are kept"
        assert cell.outputs.index(pages[0]) < len(cell.outputs) - 1
        assert "interactive control" in cell.outputs[-1].data["text/plain"]
