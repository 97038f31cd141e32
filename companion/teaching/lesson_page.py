"""One page of the book: a notebook with its stored outputs, written as Markdown for mdBook."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_SENTENCE = "An interactive control stands here: open the notebook to use it."
PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
NO_ALT = "Figure drawn by the code above"

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # what a progress bar wrote over
UNSAFE = re.compile(r"<(script|style)\b.*?</\1\s*>|<link\b[^>]*>", re.S | re.I)
TAG = re.compile(r"<[^>]*>")
BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
INCLUDE = re.compile(r"(?m)^(.*?)(\{\{#.*\}\})")
# A fenced block or a code span: matched first, so that what stands in code is never rewritten.
CODE = r"(?P<code>^ {0,3}(?P<ticks>`{3,}|~{3,})[^\n]*\n.*?^ {0,3}(?P=ticks)[ \t]*$|`[^`\n]+`)"
LINK = re.compile(
    CODE + r'|(?P<open>\]\(|\bhref=")(?![a-z]+:|#|/)(?P<file>[^)"\s#]+)', re.S | re.M | re.I
)
BADGE_PICTURE = r"https://colab\.research\.google\.com/assets/colab-badge\.svg"
BADGE = re.compile(
    rf"\[!\[[^\]]*\]\({BADGE_PICTURE}\)\]\([^)]*\)|<a\b[^>]*>\s*<img\b[^>]*{BADGE_PICTURE}.*?</a>",
    re.S,
)
PICTURE = re.compile(
    CODE + r'|(?:!\[[^\]]*\]\(|<img\b[^>]*?\bsrc=")(?!data:)(?P<source>[^)"\s]+)', re.S | re.M
)
ATTACHMENT = re.compile(r"!\[(?P<alt>[^\]]*)\]\(attachment:(?P<name>[^)\s]+)[^)]*\)")


@dataclass(frozen=True)
class Course:
    """Where the notebooks lie: `source` under the book's root, `repository` at `tag` on GitHub."""

    source: str
    repository: str
    tag: str

    @property
    def github(self) -> str:
        """The address of the repository's files at the tag."""
        return f"https://github.com/{self.repository}/blob/{self.tag}"

    def colab(self, notebook: str) -> str:
        """Return the address that opens `notebook`, a path within `source`, on Colab."""
        return self.github.replace("github.com", "colab.research.google.com/github", 1) + (
            f"/{self.source}/{notebook}"
        )


def notebook_page(path: Path, name: str, course: Course) -> str:
    """Return the notebook at `path` as Markdown; `name` is its path within the book's source.

    Under the title stand the links to Colab and to the file, and the stamp of the last run.

    Raises:
        ValueError: it does not begin with a title, or shows a picture that is not inside it.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    cells = [_cell(cell, name, course) for cell in notebook.cells]
    title, _, rest = "\n\n".join(filter(None, cells)).lstrip().partition("\n")
    if not title.startswith("# "):
        raise ValueError(f"{name}: expected a first line '# title', found {title[:60]!r}")
    head = [title, _links(name, course), _stamp(notebook.metadata.get("companion", {}))]
    return INCLUDE.sub(r"\1\\\2", "\n\n".join(filter(None, [*head, rest.lstrip()])) + "\n")


def tidy_markdown(text: str, name: str, course: Course) -> str:
    """Return a page's Markdown with links that hold in the book, and without Colab badges.

    Raises:
        ValueError: the page shows a picture from the network or from a file beside it.
    """
    text = BADGE.sub("", text)
    outside = next((m["source"] for m in PICTURE.finditer(text) if m["source"]), None)
    if outside:
        raise ValueError(
            f"{name}: expected pictures inside the page, found {outside}; draw it in a cell or "
            "attach it to the cell, so that the book opens without a network"
        )
    return LINK.sub(lambda m: m["code"] or m["open"] + _target(m["file"], course), text)


def _target(link: str, course: Course) -> str:
    """Return where a relative link of a notebook leads in the book."""
    if link.startswith("../"):
        return f"{course.github}/{link.removeprefix('../')}"
    if link == "README.md":  # mdBook names its page index.html, but forgets to in links to it
        return "index.md"
    return link.removesuffix(".ipynb") + ".md" if link.endswith(".ipynb") else link


def _links(name: str, course: Course) -> str:
    file = html.escape(Path(name).name)
    return (
        f'<p class="nb-links"><a href="{html.escape(course.colab(name))}">Open in Colab</a>'
        f' <a href="{file}" download>Download the notebook</a></p>'
    )


def _stamp(run: dict[str, Any]) -> str:
    """Return when, where and with what the stored outputs were made; "" if it is not recorded."""
    if not run.get("verified"):
        return ""
    versions = ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items())
    parts = [
        f"Last verified {run['verified']}",
        f"on {run['device']}" if run.get("device") else "",
        f"in {run['seconds']:.0f} s" if run.get("seconds") else "",
        f"peak memory {_memory(run['peak_memory'])}" if run.get("peak_memory") else "",
        f"commit {run['commit']}" if run.get("commit") else "",
        f"with {versions}" if versions else "",
    ]
    return f'<p class="nb-stamp">{html.escape("; ".join(filter(None, parts)))}.</p>'


def _memory(peak: float | str) -> str:
    return peak if isinstance(peak, str) else f"{peak / 2**30:.1f} GiB"  # a number is bytes


def _cell(cell: NotebookNode, name: str, course: Course) -> str:
    tags = cell.metadata.get("tags", [])
    if "remove-cell" in tags:
        return ""
    if cell.cell_type == "markdown":
        text = ATTACHMENT.sub(lambda m: _attached(cell, m), cell.source)
        return tidy_markdown(text, name, course).strip()
    if cell.cell_type != "code":
        return ""
    shown = "" if "remove-input" in tags or not cell.source.strip() else _fenced(cell.source)
    outputs = [_output(output, name, course) for output in _joined(cell.outputs)]
    return "\n\n".join(filter(None, [shown, *outputs]))


def _attached(cell: NotebookNode, found: re.Match[str]) -> str:
    mime, data = next(iter(cell.attachments[found["name"]].items()))
    return _picture(mime, data, found["alt"])


def _fenced(source: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{source}\n{fence}"


def _joined(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Yield the outputs; what was printed in pieces to one stream comes as one."""
    last = None
    for output in outputs:
        if last and output.output_type == "stream" and output.get("name") == last.get("name"):
            last.text += output.text
            continue
        if last:
            yield last
        last = output
    if last:
        yield last


def _output(output: NotebookNode, name: str, course: Course) -> str:
    if output.output_type == "stream":
        return _preformatted(output.text, output.name)
    if output.output_type == "error":
        return _preformatted("\n".join(output.traceback), "stderr")
    return _display(output.data, output.metadata, name, course)


def _display(data: dict, metadata: dict, name: str, course: Course) -> str:
    """Return the richest form of a displayed object that a page without a kernel can show."""
    if WIDGET in data:
        return f'<p class="nb-output nb-widget">{WIDGET_SENTENCE}</p>'
    if "text/html" in data:
        return f'<div class="nb-output">{_one_block(data["text/html"], name, course)}</div>'
    if "text/markdown" in data:
        text = tidy_markdown(data["text/markdown"], name, course)
        return f'<div class="nb-output">\n\n{text.strip()}\n\n</div>'
    for mime in PICTURES:
        if mime in data:
            alt = metadata.get(mime, {}).get("alt") or metadata.get("alt") or NO_ALT
            return f'<figure class="nb-output">{_picture(mime, data[mime], alt)}</figure>'
    return _preformatted(data.get("text/plain", ""), "stdout")


def _preformatted(text: str, stream: str) -> str:
    text = OVERWRITTEN.sub("", ANSI.sub("", text).replace("\r\n", "\n")).rstrip()
    return f'<pre class="nb-output nb-{stream}">{html.escape(text)}</pre>' if text.strip() else ""


def _one_block(markup: str, name: str, course: Course) -> str:
    """Return HTML that Markdown passes through whole: a blank line would end it."""
    markup = tidy_markdown(UNSAFE.sub("", markup), name, course).strip()
    markup = TAG.sub(lambda m: BLANK_LINES.sub("\n", m[0]), markup)  # a comment is no attribute
    return BLANK_LINES.sub(lambda m: "\n" + "<!-- -->\n" * (m[0].count("\n") - 1), markup)


def _picture(mime: str, data: str, alt: str) -> str:
    if mime == "image/svg+xml":  # the one kind that notebooks store as text
        data = base64.b64encode(data.encode()).decode()
    encoded = "".join(data.split())
    return f'<img alt="{html.escape(alt)}" src="data:{mime};base64,{encoded}">'
