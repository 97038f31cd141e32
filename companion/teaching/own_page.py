"""What pages on a learner's own set share: figures in files, short texts, Markdown as HTML."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from companion.teaching.figures import png
from companion.teaching.page import put

FIGURES = "figures"
LONGEST = 160  # characters of a text that are shown
_STYLE = """body{font:17px/1.5 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #999;
padding:.2em .6em;text-align:left}img{max-width:100%;background:#fff}code,pre{background:#f2f2f2}
pre{padding:.6em;overflow-x:auto}"""


def figure(fig: Figure, alt: str, name: str, folder: Path) -> str:
    """Write a figure beside the report and return the line that shows it."""
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    (folder / FIGURES / f"{name}.png").write_bytes(png(fig))
    return f"![{alt.replace('[', '(').replace(']', ')')}]({FIGURES}/{name}.png)"


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text on one line, cut where it is too long, harmless in a Markdown table."""
    line = " ".join(text.split())
    line = line if len(line) <= most else line[: most - 3] + "..."
    return re.sub(r"([*_`\[\]<>#])", r"\\\1", line)


def show_lines(lines: Sequence[str], folder: Path) -> None:
    """Put lines of Markdown on a lesson's page, with their figures, which lie in `folder`."""
    text = "\n".join(lines)
    # A heading of an output stands in no table of contents, and would break the page's order.
    page = re.sub(r"<h\d>(.*?)</h\d>", r"<p><strong>\1</strong></p>", as_html(text, folder))
    put(text, page)


def as_page(text: str, title: str, folder: Path) -> str:
    """Return Markdown as one HTML page that needs no other file: its figures are inside."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n{as_html(text, folder)}</body></html>\n"
    )


def as_html(text: str, folder: Path = Path()) -> str:
    """Return Markdown as HTML, with the figures that lie in `folder` inside."""

    def inside(match: re.Match) -> str:
        data = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return re.sub(rf'src="({FIGURES}/[a-z]+\.png)"', inside, body)
