"""The book, built by the real mdBook from a notebook that a real kernel has run."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from companion.teaching import book, lesson_page
from companion.teaching.address import read_address

ROOT = Path(book.__file__).parents[2]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
TITLE = """\
# A small lesson

[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/x)

See [the next one](second.ipynb#what-follows), [a word](words.md#backbone) and
[the source](../companion/device.py); `[not a link](second.ipynb)` is code.
"""
SOLUTION = """\
<details>
<summary>Solution</summary>

```python
answer = "{{#include words.md}} and {{#include words.md}}"
```

</details>
"""
CODE = rf'''
# cell: include
print("{{{{#include words.md}}}}")

# cell: ansi
print("\x1b[31mred\x1b[0m", "1 < 2")
print(" 9 %\r10 %")
print("b", end="")

# cell: stderr
import sys
print("to stderr", file=sys.stderr)

# cell: figure
from IPython.display import HTML, SVG, Image, Markdown, display
display(HTML('<figure><img alt="A dot" src="data:image/png;base64,{PIXEL}">'
             '<figcaption>Small</figcaption></figure>'))

# cell: frame
class Frame:
    def _repr_html_(self):
        return """<div>
<style scoped>
    .dataframe tbody tr th {{ vertical-align: top; }}

</style>
<table border="1" class="dataframe">

  <tr><th></th><th>cells</th></tr>
      <tr><th>0</th><td>a&lt;b</td></tr>

      <tr><th>1</th><td>[c](d)</td></tr>
</table>
</div>"""
Frame()

# cell: markdown
display(Markdown("| a | b |\n|---|---|\n| [go](second.ipynb) | 2 |"))

# cell: svg
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))

# cell: png
import base64
display(Image(base64.b64decode("{PIXEL}")), metadata={{"image/png": {{"alt": "One dot"}}}})

# cell: blank
display(HTML("<div style='white-space:pre-wrap'>one\n\n\ntwo</div>"
             "<script>1</script><style>p{{}}</style><b>end</b>"))

# cell: widget
import ipywidgets
ipywidgets.IntSlider(value=3, description="depth")

# cell: plain
{{"kept": "```"}}

# cell: error
raise ValueError("told so")
'''
STAMP = {
    "verified": "2026-11-22",
    "commit": "0123456-dirty",
    "versions": {"torch": "2.14.1"},
    "device": "2 CPU cores",
    "seconds": 41.6,
    "peak_memory": int(1.5 * 2**30),
}


class Page(HTMLParser):
    """What a browser would fetch, follow and announce on one page of the book."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.alts: list[str] = []
        self.details: list[dict] = []
        self.html = path.read_text("utf-8")
        self.main = re.search(r"<main>(.*)</main>", self.html, re.S)[1]
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs["id"]} if "id" in attrs else set()
        if tag in ("script", "img", "iframe", "source", "object") and attrs.get("src"):
            self.fetched.append(attrs["src"])
        if tag == "link":
            self.fetched.append(attrs["href"])
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag == "img":
            self.alts.append(attrs.get("alt", ""))
        if tag == "details":
            self.details.append(attrs)

    def output(self, marker: str) -> str:
        """The HTML from the cell whose code holds `marker` to the next cell."""
        start = self.main.index(marker)
        return self.main[start : self.main.find('<code class="language-python', start)]


def ran_notebook() -> nbformat.NotebookNode:
    cells = [new_markdown_cell(TITLE)]
    cells += [new_code_cell(code.strip()) for code in re.split("(?m)^(?=# cell:)", CODE)[1:]]
    cells[-1].metadata.tags = ["raises-exception"]
    cells.append(new_code_cell('print("seen", 40 + 2)', metadata={"tags": ["remove-input"]}))
    cells.append(new_code_cell('print("never shown")', metadata={"tags": ["remove-cell"]}))
    cells.append(new_markdown_cell(SOLUTION))
    pictured = new_markdown_cell("![Attached dot](attachment:dot.png)")
    pictured.attachments = {"dot.png": {"image/png": PIXEL}}
    notebook = new_notebook(cells=[*cells, pictured])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    notebook.metadata.companion = STAMP
    return notebook


def lay_out(root: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a book of two notebooks and one page, with the course's own book.toml."""
    notebooks = root / "notebooks"
    notebooks.mkdir(parents=True)
    shutil.copy(ROOT / "book.toml", root)
    copy_looks(root)
    (notebooks / "SUMMARY.md").write_text(
        "# Summary\n\n[Front](README.md)\n\n- [One](first.ipynb)\n- [Two](second.ipynb)\n"
        "- [Words](words.md)\n"
    )
    (notebooks / "README.md").write_text("# Front\n\n[One](first.ipynb)\n")
    (notebooks / "words.md").write_text("# Words\n\n## Backbone\n\n[Front](README.md)\n")
    second = new_notebook(cells=[new_markdown_cell("# Second\n\n## What follows\n\nText.")])
    nbformat.write(notebook, notebooks / "first.ipynb")
    nbformat.write(second, notebooks / "second.ipynb")


def copy_looks(root: Path) -> None:
    """Copy what book.toml names beside the pages."""
    folder = root / "companion" / "teaching"
    folder.mkdir(parents=True)
    for name in ("book.css", "book.js"):
        shutil.copy(ROOT / "companion" / "teaching" / name, folder)


def leave_files_about(notebooks: Path) -> None:
    (notebooks / ".ipynb_checkpoints").mkdir()
    for name in (".ipynb_checkpoints/first.ipynb", "weights.pt", "mine.ipynb", ".secret", "a.csv"):
        (notebooks / name).write_text("private")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("book with space")
    lay_out(root, ran_notebook())
    leave_files_about(root / "notebooks")
    return book.build_book(root).parent


@pytest.fixture(scope="module")
def first(built) -> Page:
    return Page(built / "first.html")


def test_pages_and_downloads_are_there_and_nothing_else(built):
    assert {"index.html", "first.html", "second.html", "words.html"} <= {
        path.name for path in built.glob("*.html")
    }
    assert {path.name for path in built.rglob("*.ipynb")} == {"first.ipynb", "second.ipynb"}
    assert not list(built.rglob("*checkpoints*")) + list(built.rglob("*.pt"))
    assert not [path for path in built.rglob("*") if path.name in (".secret", "a.csv")]


def test_no_page_asks_the_network_for_anything(built):
    for path in built.glob("*.html"):
        text = path.read_text("utf-8")
        assert not re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?(?:https?:)?//", text
        )
    for path in built.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//|@import", path.read_text("utf-8")), path


def test_links_lead_to_pages_of_the_book(built, first):
    assert "second.html#what-follows" in first.links
    assert "second.html" in first.links, "a link in a Markdown output"
    assert "words.html#backbone" in first.links
    tag = read_address(ROOT).tag
    assert any(x.endswith(f"/blob/{tag}/companion/device.py") for x in first.links)
    assert "[not a link](second.ipynb)" in first.main
    assert broken_links(built) == []


def test_links_to_colab_and_the_file_stand_under_the_title(first):
    head = first.main[: first.main.index("cell: include")]
    here = read_address(ROOT)
    colab = f"https://colab.research.google.com/github/{here.repository}/blob/{here.tag}/"
    assert f'href="{colab}notebooks/first.ipynb"' in head
    assert re.search(r'<a href="first.ipynb" download(="")?>Download the notebook</a>', head)
    assert "colab-badge" not in first.html


def test_the_stamp_says_when_where_and_with_what(first):
    stamp = re.search(r'<p class="nb-stamp">(.*?)</p>', first.main)[1]
    assert stamp == (
        "Last verified 2026-11-22; on 2 CPU cores; in 42 s; peak memory 1.5 GiB; "
        "commit 0123456-dirty; with torch 2.14.1."
    )


def test_a_notebook_without_a_run_has_no_stamp(built):
    assert "nb-stamp" not in Page(built / "second.html").main


def test_every_picture_keeps_its_words(first):
    assert first.alts == ["A dot", lesson_page.NO_ALT, "One dot", "Attached dot"]
    assert all(x.startswith("data:") for x in first.fetched if "image" in x)
    assert "<figcaption>Small</figcaption>" in first.main


def test_printed_text_is_clean(first):
    assert "\x1b" not in first.html
    shown = first.output("cell: ansi")
    assert '<pre class="nb-output nb-stdout">red 1 &lt; 2\n10 %\nb</pre>' in shown
    assert '<pre class="nb-output nb-stderr">to stderr</pre>' in first.output("cell: stderr")
    assert "ValueError: told so" in re.sub("<[^>]*>", "", first.output("cell: error"))


def test_tables_come_through_whole(first):
    table = first.output("cell: frame")
    assert "<td>a&lt;b</td>" in table and "<td>[c](d)</td>" in table
    assert table.count("<tr") == 3 and "<style" not in table
    assert "<table>" in first.output("cell: markdown")


def test_a_blank_line_does_not_end_an_html_output(first):
    shown = first.output("cell: blank")
    assert "one\n\n\ntwo" in shown.replace("<!-- -->", "")
    assert "<b>end</b>" in shown and "<script" not in shown and "<style" not in shown


def test_a_widget_becomes_a_sentence(first):
    assert lesson_page.WIDGET_SENTENCE in first.output("cell: widget")
    assert "IntSlider(value" not in first.output("cell: widget").split("</code>", 1)[1]


def test_solutions_stay_folded(first):
    assert first.details == [{}]
    assert re.search(
        r"<details>\s*<summary>Solution</summary>.*?answer.*?</details>", first.main, re.S
    )


def test_double_braces_in_code_survive(first):
    assert "print(&quot;{{#include words.md}}&quot;)" in first.main.replace('"', "&quot;")
    assert '<pre class="nb-output nb-stdout">{{#include words.md}}</pre>' in first.main
    assert "{{#include words.md}} and {{#include words.md}}" in first.main
    assert "\\{{#" not in first.main


def test_tags_hide_what_they_say(first):
    assert "seen 42" in first.main and "40 + 2" not in first.main
    assert "never shown" not in first.main


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("## No title", "expected a first line '# title', found '## No title'"),
        ("# T\n\n![A net](https://example.org/net.png)", "found https://example.org/net.png"),
        ('# T\n\n<img alt="A net" src="net.png">', "found net.png"),
    ],
)
def test_a_page_that_cannot_stand_is_refused_by_name(tmp_path, source, message):
    lay_out(tmp_path, new_notebook(cells=[new_markdown_cell(source)]))
    with pytest.raises(RuntimeError, match="first.ipynb: expected") as caught:
        book.build_book(tmp_path)
    assert message in str(caught.value)


def test_a_missing_lesson_is_an_error_and_not_an_empty_page(tmp_path):
    lay_out(tmp_path, new_notebook(cells=[new_markdown_cell("# T")]))
    (tmp_path / "notebooks/second.ipynb").unlink()
    with pytest.raises(RuntimeError, match=r"second\.ipynb"):
        book.build_book(tmp_path)
    assert not (tmp_path / "notebooks/second.ipynb").exists()


def test_without_mdbook_the_cure_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(book.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(book.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r'pip install "transfer-learning-measured\[book\]"'
    ):
        book.find_mdbook()


def test_another_mdbook_is_refused():
    with pytest.raises(ValueError, match=r"expected mdBook 0\.5, found 0\.4\.52"):
        book.convert_book({"mdbook_version": "0.4.52"}, {"sections": []})


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """The course's own book, built from a copy."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copy(ROOT / "book.toml", root)
    copy_looks(root)
    return book.build_book(root).parent


def test_every_link_of_the_course_leads_somewhere(course):
    assert broken_links(course) == []


def test_every_picture_of_the_course_is_described(course):
    for path in sorted(course.glob("*.html")):
        if path.name not in ("toc.html", "404.html"):
            poor = [alt for alt in Page(path).alts if len(alt) < 5 or alt == lesson_page.NO_ALT]
            assert not poor, f"{path.name}: pictures without a description: {poor}"


def broken_links(folder: Path) -> list[str]:
    """Links of the pages in `folder` that lead to no file or no heading of it."""
    pages = {path.name: Page(path) for path in folder.glob("*.html") if path.name != "toc.html"}
    pages.pop("404.html")
    broken = []
    for name, page in pages.items():
        for link in (x for x in page.links if not urlsplit(x).scheme):
            file = unquote(urlsplit(link).path) or name
            anchor = unquote(urlsplit(link).fragment)
            there = (folder / file).is_file()
            if not there or (anchor and anchor not in pages[file].ids):
                broken.append(f"{name}: {link}")
    return broken
