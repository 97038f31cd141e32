"""The course's pages as a reader meets them: headings, links and pictures, with where they stand.

Markdown is read by a Markdown parser, HTML by an HTML parser; code is neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import ROOT

FOLDER = ROOT / "notebooks"
SUMMARY = FOLDER / "SUMMARY.md"  # a list for mdBook, whose parts are headings; no page of its own
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted(FOLDER.glob("*.md")) if page != SUMMARY),
    *NOTEBOOKS,
]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_PICTURE_TYPES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif")


class Found(NamedTuple):
    """A piece of a page: where it stands, and what it says.

    A heading has its level in `about`, a link its address, a picture its alt text.
    """

    where: str
    text: str
    about: str


class Tags(HTMLParser):
    """The tags of a piece of HTML, with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@cache
def read(page: Path) -> nbformat.NotebookNode:
    return nbformat.read(page, as_version=4)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT) if ROOT in page.parents else page.name)


@cache
def markdown(page: Path) -> list[tuple[str, str]]:
    """Return (where, Markdown) for the page, or for each Markdown cell of the notebook."""
    if page.suffix == ".md":
        return [(name_of(page), page.read_text("utf-8"))]
    return [
        (f"{name_of(page)}, cell {number}", cell.source)
        for number, cell in enumerate(read(page).cells, 1)
        if cell.cell_type == "markdown"
    ]


def outputs(page: Path) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Yield (where, output) for what the code cells of a notebook have stored."""
    for number, cell in enumerate(read(page).cells, 1):
        for output in cell.get("outputs", []):
            yield f"{name_of(page)}, output of cell {number}", output


def texts(page: Path) -> list[tuple[str, str]]:
    """Return (where, Markdown) for what the page says and what its outputs display as Markdown."""
    shown = [] if page.suffix == ".md" else outputs(page)
    displayed = [(where, output.get("data", {}).get("text/markdown")) for where, output in shown]
    return markdown(page) + [(where, text) for where, text in displayed if text]


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of Markdown, those inside lines too."""
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or []


def tags(page: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield (where, tag, attributes) for the HTML in the page's Markdown and in its outputs."""
    for where, text in texts(page):
        for token in tokens(text):
            if token.type in ("html_block", "html_inline"):
                yield from ((where, *found) for found in Tags(token.content).found)
    if page.suffix == ".ipynb":
        for where, output in outputs(page):
            yield from (
                (where, *x) for x in Tags(output.get("data", {}).get("text/html", "")).found
            )


def headings(page: Path) -> list[Found]:
    """Return the page's Markdown headings in their order, fenced code left out."""
    found = []
    for where, text in markdown(page):
        block = MARKDOWN.parse(text)
        for token, inline in zip(block, block[1:], strict=False):
            if token.type == "heading_open":
                words = "".join(
                    child.content
                    for child in inline.children or []
                    if child.type in ("text", "code_inline")
                )
                found.append(Found(where, words, token.tag))
    return found


def links(page: Path) -> list[Found]:
    """Return the page's links: their words (of a linked picture its alt text) and addresses."""
    found = []
    for where, text in texts(page):
        address, words = "", []
        for token in tokens(text):
            if token.type == "link_open":
                address, words = str(token.attrs["href"]), []
            elif token.type == "link_close":
                found.append(Found(where, "".join(words), address))
            elif token.type in ("text", "code_inline", "image"):
                words.append(token.content)
    found += [
        Found(where, "(HTML)", attributes["href"])
        for where, tag, attributes in tags(page)
        if tag == "a" and "href" in attributes
    ]
    return found


def pictures(page: Path) -> list[Found]:
    """Return every picture of the page and of its stored outputs, with its alt text."""
    found = []
    for where, text in texts(page):
        images = (token for token in tokens(text) if token.type == "image")
        found += [Found(where, str(token.attrs["src"])[:60], token.content) for token in images]
    for where, tag, attributes in tags(page):
        if tag == "img":
            found.append(Found(where, attributes.get("src", "")[:60], attributes.get("alt", "")))
        elif tag == "svg":
            found.append(Found(where, "<svg>", attributes.get("aria-label", "")))
    for where, output in outputs(page) if page.suffix == ".ipynb" else ():
        data, metadata = output.get("data", {}), output.get("metadata", {})
        if "text/html" not in data:  # a page shows the richest form, and that one's alt text
            kinds = [kind for kind in _PICTURE_TYPES if kind in data]
            alts = [metadata.get(k, {}).get("alt") or metadata.get("alt", "") for k in kinds]
            found += [Found(where, *pair) for pair in zip(kinds, alts, strict=True)]
    return found


def book_id(heading: str) -> str:
    """Return the id that GitHub gives to a heading, and mdBook to all of the course's."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def lab_id(heading: str) -> str:
    """Return the id that JupyterLab gives to a heading."""
    return heading.replace(" ", "-")
