"""What a lesson puts on its page: HTML where a page is shown, the same words as text elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Piece:
    """A piece of a page that Jupyter, Colab and the book show as HTML and a terminal as text."""

    def __init__(self, text: str, page: str) -> None:
        self.text, self.page = text, page

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.page


def put(text: str, page: str) -> None:
    """Show HTML `page`, or `text` where there is no page (plain Python, a terminal)."""
    from IPython.display import display

    display(Piece(text, page))


def look(width: str = "36em") -> dict:
    """Return what all controls share: the whole description is shown, on narrow screens too."""
    import ipywidgets as widgets

    return {
        "style": {"description_width": "initial"},
        "layout": widgets.Layout(width="95%", max_width=width),
    }


def controlled(controls: Sequence[object], page_of: Callable[..., str]) -> object:
    """Return an ipywidgets box: the controls, and below them the page made of their values.

    `page_of` is a pure function of the values, in the controls' order, and returns HTML. Only what
    ipywidgets 7.7 and 8 share may be used; all of these controls answer to the keyboard.
    """
    import ipywidgets as widgets

    page = widgets.HTML(value=page_of(*(item.value for item in controls)))

    def redraw(_change: object) -> None:
        page.value = page_of(*(item.value for item in controls))

    for item in controls:
        item.observe(redraw, "value")
    return widgets.VBox([*controls, page])
