"""What a lesson puts on its page: HTML where a page is shown, the same words as text elsewhere."""

from __future__ import annotations


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
