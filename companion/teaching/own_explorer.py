"""The suggestion control: what recorded trials say of a set, by its labels, classes and skill."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from companion.experiments.comparisons import Comparison
from companion.experiments.suggest import suggest
from companion.teaching.own_page import as_html
from companion.teaching.own_report import suggestion_lines
from companion.teaching.page import controlled, look, put

LABELS = (50, 100, 200, 400, 800, 1600, 3200, 6400)
CLASSES = (2, 3, 5, 8, 10)
KINDS = ("pictures", "texts")
SKILLS = (0.0, 0.2, 0.4, 0.6, 0.8)


def suggestion_explorer(known: Sequence[Comparison]) -> None:
    """Show the suggestion for 200 pictures of two classes, then controls for any other set."""
    from IPython.display import display

    first = suggestion_words(known, "pictures", 200, 2, 0.4)
    put(first, as_html(first))
    display(suggestion_control(known))


def suggestion_words(
    known: Sequence[Comparison], kind: str, labels: int, classes: int, skill: float
) -> str:
    """Return in Markdown what the comparisons suggest for a set."""
    found = suggest(kind, labels, classes, skill, known)
    about = f"{labels:,} {kind} of {classes} classes, where a probe has a skill of {skill}:"
    return "\n".join([about, "", *suggestion_lines(found)])


def suggestion_page(
    known: Sequence[Comparison], kind: str, labels: int, classes: int, skill: float
) -> str:
    """Return the HTML that the control shows for its settings."""
    return as_html(suggestion_words(known, kind, labels, classes, skill))


def suggestion_control(known: Sequence[Comparison]) -> object:
    """Return the ipywidgets box: kind, labels, classes and skill, and their page."""
    import ipywidgets as widgets

    controls = [
        widgets.Dropdown(options=KINDS, value="pictures", description="kind of data", **look()),
        widgets.SelectionSlider(options=LABELS, value=200, description="labels", **look()),
        widgets.SelectionSlider(options=CLASSES, value=2, description="classes", **look()),
        widgets.SelectionSlider(options=SKILLS, value=0.4, description="skill", **look()),
    ]
    return controlled(controls, partial(suggestion_page, known))
