"""Where the course is published: one repository and one tag, named in many files, set in one place.

book.toml holds the setting. The Colab links and the first cell of every notebook repeat it,
because each must work alone.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-]")
_TAG = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_PAGES = ("*.md", "*.toml", "*.yml", "notebooks/*.ipynb", "notebooks/*.md")
_SETTING = rb"(?m)^(\[preprocessor\.companion\]\r?\n(?:(?!\[).*\n)*?%s *= *\")[^\"\n]*(?=\")"


@dataclass(frozen=True)
class Address:
    """A repository on GitHub, as owner/name, and the tag that a class works with."""

    repository: str
    tag: str


def read_address(root: Path) -> Address:
    """Return the address that book.toml gives.

    Raises:
        ValueError: it gives none, or one that cannot be.
    """
    book = tomllib.loads((root / "book.toml").read_text("utf-8"))
    given = book.get("preprocessor", {}).get("companion", {})
    return checked(Address(str(given.get("repository", "")), str(given.get("tag", ""))))


def checked(address: Address) -> Address:
    """Return the address itself where it can be one.

    Raises:
        ValueError: the repository is not owner/name, or the tag no tag's name.
    """
    name = address.repository
    if not _REPOSITORY.fullmatch(name) or name.endswith(".git"):
        raise ValueError(
            f"expected a repository as owner/name, found {name!r}; give the last two words of its "
            "address on GitHub, as in --repository ada/my-course"
        )
    if not _TAG.fullmatch(address.tag) or ".." in address.tag or address.tag.endswith(".lock"):
        raise ValueError(
            "expected a tag of letters, digits, dots, hyphens and underscores, found "
            f"{address.tag!r}; give one that the repository has, as in --tag autumn-2026"
        )
    return address


def move(root: Path, repository: str | None = None, tag: str | None = None) -> list[Path]:
    """Write another repository or tag wherever the present one stands; return the changed files.

    Nothing else in a file changes, and either all files change or none.

    Raises:
        ValueError: the new address, or the one in book.toml, cannot be one.
        OSError: a file cannot be read or written.
    """
    old = read_address(root)
    repository = old.repository if repository is None else repository
    new = checked(Address(repository, old.tag if tag is None else tag))
    before = {path: path.read_bytes() for path in named_in(root)}
    after = {path: renamed(text, old, new) for path, text in before.items()}
    book = root / "book.toml"
    after[book] = set_in_book(after[book], new)
    changed = {path: text for path, text in after.items() if text != before[path]}
    replace_all(changed, before)
    return sorted(changed)


def named_in(root: Path) -> Iterator[Path]:
    """Yield the files that may name the address; a learner's own copies are left alone."""
    for pattern in _PAGES:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file())


def renamed(text: bytes, old: Address, new: Address) -> bytes:
    """Return a text in which every address of the old repository on GitHub is the new one's.

    The tag is changed where it belongs to that address: after `@`, `/blob/`, `/tree/`, `/raw/`.
    """
    pattern = (
        rf"(github\.com/|/github/){re.escape(old.repository)}(?![\w-]|\.(?!git\b)\w)"
        rf"(?:((?:\.git)?@|/(?:blob|tree|raw)/){re.escape(old.tag)}(?![\w-]|\.\w))?"
    )

    def put(found: re.Match[bytes]) -> bytes:
        at = found[2] + new.tag.encode() if found[2] else b""
        return found[1] + new.repository.encode() + at

    return re.sub(pattern.encode(), put, text)


def set_in_book(text: bytes, new: Address) -> bytes:
    """Return the text of book.toml with the setting changed, comments and all else kept."""
    for name, value in (("repository", new.repository), ("tag", new.tag)):
        pattern = _SETTING % name.encode()
        text = re.sub(pattern, lambda found, v=value: found[1] + v.encode(), text, count=1)
    return text


def replace_all(changed: dict[Path, bytes], before: dict[Path, bytes]) -> None:
    """Write files so that a failure leaves all of them as they were.

    Raises:
        OSError: one could not be written.
    """
    new = {path: path.with_name(f".{path.name}.new") for path in changed}
    done = []
    try:
        for path, text in changed.items():
            new[path].write_bytes(text)
            shutil.copymode(path, new[path])
        for path in changed:
            os.replace(new[path], path)
            done.append(path)
    except OSError:
        for path in done:
            path.write_bytes(before[path])
        raise
    finally:
        for path in new.values():
            path.unlink(missing_ok=True)
