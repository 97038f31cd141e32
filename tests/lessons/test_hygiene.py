"""What every page of the course owes its readers: order, words for pictures, links that lead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib as mpl
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.colors import is_color_like, to_rgb
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from companion.cli.settle import code_of
from companion.teaching import checks
from companion.teaching.figures import OKABE_ITO
from companion.teaching.lesson_page import NO_ALT
from tests.conftest import ROOT
from tests.lessons import pages
from tests.lessons.pages import FOLDER, NOTEBOOKS, PAGES, SUMMARY, name_of

MODULES = sorted((ROOT / "companion").rglob("*.py"))
# Maps whose lightness rises or falls all the way, so that order survives print and every kind of
# colour vision. All others, jet and rainbow first, show borders where there are none.
ORDERED_MAPS = {"gray", "Greys", "Blues", "viridis", "cividis"}
COLOUR_WORDS = {"white", "black", "none", "gray"}
COLOUR_ARGUMENTS = {
    "color", "c", "colors", "mfc", "mec", "fc", "ec", "facecolor", "edgecolor", "facecolors",
    "edgecolors", "markerfacecolor", "markeredgecolor", "ecolor",
}  # fmt: skip
NO_LINK_TEXT = {"", "here", "this", "link", "click here", "this page", "this link", "see here"}

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)


@each_page
def test_headings_come_in_order(page: Path) -> None:
    found = pages.headings(page)
    levels = [int(heading.about[1]) for heading in found]
    first = pages.MARKDOWN.parse(pages.markdown(page)[0][1])[0]
    assert first.tag == "h1", f"{name_of(page)}: expected its title first, found {first.tag}"
    assert levels.count(1) == 1, [heading for heading in found if heading.about == "h1"]
    jumps = [
        heading
        for before, level, heading in zip(levels, levels[1:], found[1:], strict=False)
        if level > before + 1
    ]
    assert jumps == []
    written = [tag for _, tag, _ in pages.tags(page) if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
    assert written == [], "headings in HTML stand in no table of contents"


@each_page
def test_every_heading_can_be_linked_to(page: Path) -> None:
    """Two headings of one name on a page have one address between them."""
    ids = [pages.book_id(heading.text) for heading in pages.headings(page)]
    assert "" not in ids
    assert [name for name in ids if ids.count(name) > 1] == []


def test_no_two_pages_have_one_title() -> None:
    titles = [pages.headings(page)[0].text for page in PAGES]
    twice = {title for title in titles if titles.count(title) > 1}
    assert twice <= {pages.headings(ROOT / "README.md")[0].text}  # the book's first page is its own


def test_every_page_is_in_the_summary() -> None:
    listed = {link.about for link in pages.links(SUMMARY)}
    assert listed == {page.name for page in PAGES if page.parent == FOLDER}


@each_page
def test_every_picture_is_described(page: Path) -> None:
    poor = [x for x in pages.pictures(page) if len(x.about.strip()) < 5 or x.about == NO_ALT]
    assert poor == [], "draw it with companion.teaching.figures.show(fig, alt) or give it alt text"


FAULTY = """\
# Title with `code`

```
# no heading
![](no-picture.png)
```

Setext
------

![](dot.png) and <img src="x.png"> and [here](gone.md#x), `[no](link)`, <a href="http://a.b">b</a>
"""


def test_the_reader_of_pages_is_not_blind(tmp_path: Path) -> None:
    """Every kind of heading, link and picture is seen, and nothing that stands in code."""
    shown = [
        {"image/png": "AAAA"},
        {"image/png": "AAAA", "text/html": '<figure><img alt="dots" src="data:x"></figure>'},
        {"text/markdown": "![](data:image/png;y)"},
        {"image/svg+xml": "<svg/>"},
    ]
    results = [new_output("display_data", data=data) for data in shown]
    cells = [new_markdown_cell(FAULTY), new_code_cell("# no heading", outputs=results)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "faulty.ipynb")
    page = tmp_path / "faulty.ipynb"
    assert [heading[1:] for heading in pages.headings(page)] == [
        ("Title with code", "h1"),
        ("Setext", "h2"),
    ]
    assert [picture[1:] for picture in pages.pictures(page)] == [
        ("dot.png", ""),
        ("data:image/png;y", ""),
        ("x.png", ""),
        ("data:x", "dots"),
        ("image/png", ""),
        ("image/svg+xml", ""),
    ]
    assert [link[1:] for link in pages.links(page)] == [
        ("here", "gone.md#x"),
        ("(HTML)", "http://a.b"),
    ]


def test_addresses_are_formed_as_programs_form_them() -> None:
    assert pages.book_id("ViT-S/14, saliency `x_y`") == "vit-s14-saliency-x_y"
    assert pages.lab_id("Adam and warm-up") == "Adam-and-warm-up"


def sources() -> Iterator[tuple[str, str]]:
    """Yield (where, code) for the package's modules and the notebooks' cells."""
    for module in MODULES:
        yield name_of(module), module.read_text("utf-8")
    for notebook in NOTEBOOKS:
        for number, cell in enumerate(pages.read(notebook).cells, 1):
            if cell.cell_type == "code":
                code = TransformerManager().transform_cell(cell.source)
                yield f"{name_of(notebook)}, cell {number}", code


@cache
def code_nodes() -> list[tuple[str, ast.AST]]:
    return [
        (f"{where}:{getattr(node, 'lineno', 0)}", node)
        for where, code in sources()
        for node in ast.walk(ast.parse(code))
    ]


def maps_named(node: ast.AST) -> list[str]:
    """Return the colour maps that a piece of code names: cmap="x", colormaps["x"], plt.cm.x."""
    named: list[ast.AST | str] = []
    if isinstance(node, ast.keyword) and node.arg == "cmap":
        named.append(node.value)
    if isinstance(node, ast.Subscript) and "colormaps" in ast.unparse(node.value):
        named.append(node.slice)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        named += node.args[1:2] if called in ("imshow", "matshow", "pcolormesh") else []
        named += node.args[:1] if called in ("get_cmap", "set_cmap") else []
        named += [called] if called in mpl.colormaps else []  # plt.jet()
    if isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] == "cm":
        named.append(node.attr)
    constants = [x.value if isinstance(x, ast.Constant) else x for x in named]
    return [name for name in constants if isinstance(name, str)]


@pytest.mark.parametrize(
    "code",
    [
        'ax.imshow(x, cmap="jet")',
        'ax.imshow(x, "jet")',
        "plt.cm.jet(0.5)",
        'mpl.colormaps["jet"]',
        'plt.get_cmap("jet")',
        "plt.jet()",
    ],
)
def test_the_scan_sees_a_colour_map(code: str) -> None:
    assert {name for node in ast.walk(ast.parse(code)) for name in maps_named(node)} == {"jet"}


def test_colour_maps_have_an_order() -> None:
    found = [(where, name) for where, node in code_nodes() for name in maps_named(node)]
    assert len(found) >= 2
    assert [(where, name) for where, name in found if name not in ORDERED_MAPS] == []


def allowed_colour(name: str) -> bool:
    """Say whether a colour is of the palette, or a grey."""
    if name.upper() in OKABE_ITO or name in COLOUR_WORDS:
        return True
    red, green, blue = to_rgb(name)
    return red == green == blue


def test_colours_come_from_one_palette() -> None:
    """Every #RRGGBB, and every colour given by name, is one of Okabe and Ito's or a grey."""
    strange = []
    for where, node in code_nodes():
        named = [node.value] if isinstance(node, ast.keyword) else []
        if isinstance(node, ast.Constant) and str(node.value).startswith("#"):
            named.append(node)
        elif not (isinstance(node, ast.keyword) and node.arg in COLOUR_ARGUMENTS):
            continue
        values = [x.value for x in named if isinstance(x, ast.Constant)]
        strange += [
            (where, value)
            for value in values
            if isinstance(value, str) and is_color_like(value) and not allowed_colour(value)
        ]
    assert strange == []


def test_no_line_is_coloured_by_a_letter() -> None:
    """In plot(x, y, "r--") the letter chooses a colour outside of the palette."""
    for where, node in code_nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".plot"):
            styles = [x.value for x in node.args if isinstance(x, ast.Constant)]
            lettered = [x for x in styles if isinstance(x, str) and set(x) & set("bgrcmykw")]
            assert lettered == [], where


def test_the_checks_have_the_palettes_colours() -> None:
    assert set(checks._BARS.values()) <= set(OKABE_ITO)


@each_notebook
def test_outputs_belong_to_the_code_beside_them(notebook: Path) -> None:
    found = pages.read(notebook)
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert "google.colab" in code[0].source, "the hash leaves the first cell out: the setup cell"
    counts = [cell.execution_count for cell in code]
    cure = f"run `companion run {notebook.stem} --write`"
    assert counts == list(range(1, len(counts) + 1)), f"not run once from top to bottom: {cure}"
    stamped = found.metadata.get("companion", {}).get("code")
    assert stamped == code_of(found), f"code was changed after its outputs were made: {cure}"


@each_page
def test_links_inside_the_course_lead_somewhere(page: Path) -> None:
    """Files are there; headings are there under the name that the page's readers need.

    In Markdown that is the name that GitHub and mdBook give. In a notebook it is JupyterLab's, to
    which the book answers through an anchor of the same name (tests/teaching/test_book.py).
    """
    dead = []
    for link in pages.links(page):
        parts = urlsplit(link.about)
        if parts.scheme:
            continue
        target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
        if not target.exists() or ROOT not in (target, *target.parents):
            dead.append((link, "no such file"))
        elif parts.fragment and unquote(parts.fragment) not in addresses(target):
            dead.append((link, f"no such heading; there are: {sorted(addresses(target))}"))
    assert dead == []


def addresses(page: Path) -> set[str]:
    """Return the addresses of a page's headings, as its readers' programs make them."""
    make = pages.lab_id if page.suffix == ".ipynb" else pages.book_id
    return {make(heading.text) for heading in pages.headings(page)}


@each_page
def test_links_say_where_they_lead(page: Path) -> None:
    found = pages.links(page)
    mute = [link for link in found if link.text.strip(" .").lower() in NO_LINK_TEXT]
    assert mute == [], "expected words that make sense when only the links are read"
    outside = [link for link in found if urlsplit(link.about).scheme]
    odd = [link for link in outside if not well_formed(link.about)]
    assert odd == []


def well_formed(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme == "https" and "." in host and not set(address) & set(" <>\"'{}|\\^`")
