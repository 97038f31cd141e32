"""A learner's own examples as they are found: here pictures in folders; see also `own_tables`.

Nothing is cleaned, split or decoded here, and nothing is left out in silence: what is no example
is listed with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
# What folders of a set that is split already are called, and what we call them.
PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_DIVIDERS = ("|", ";", ",")  # between the labels of an example that has several
_MANY = 20  # different numbers in the label column: no longer classes

Kind = Literal["pictures", "texts"]


@dataclass(frozen=True)
class Found:
    """Examples as they were found.

    `items` (N,) texts, or paths of pictures; `labels` (N,) as they are written; `groups` (N,) what
    must not be split, "" where nothing was said; `parts` (N,) "train", "validation" or "test", ""
    where the set is not split; `places` (N,) where each stands, to name it by; `passed_over` what
    is no example: (place, reason).
    """

    name: str
    kind: Kind
    items: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    parts: tuple[str, ...]
    places: tuple[str, ...]
    passed_over: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.items)


def find_pictures(folder: Path | str) -> Found:
    """Return the pictures in a folder that has one folder for each class.

    The classes may stand in folders called train, validation (or val) and test. A folder that holds
    one other folder and nothing else is looked through. What lies deeper than a class's folder
    belongs to that class.

    Raises:
        ValueError: there is no such folder, or not at least two classes with pictures.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"expected a folder of pictures, found none at {folder}. Check the path.")
    top = below_wrappers(folder)
    split = is_split(top)
    rows, passed_over = [], []
    for path in files_below(top):
        parts = path.relative_to(top).parts
        place = path.relative_to(folder).as_posix()
        reason = why_no_example(path, parts[1:] if split else parts)
        if reason:
            passed_over.append((place, reason))
        else:
            part = PARTS[parts[0].lower()] if split else ""
            rows.append((str(path), parts[1] if split else parts[0], "", part, place))
    return collected(folder.name, "pictures", rows, passed_over)


def collected(
    name: str, kind: Kind, rows: Sequence[tuple], passed_over: Sequence[tuple[str, str]]
) -> Found:
    """Return rows of (item, label, group, part, place) as `Found`.

    Raises:
        ValueError: fewer than two classes, several labels in one, or numbers for labels.
    """
    refuse_several_labels(name, [row[1] for row in rows])
    refuse_numbers(name, [row[1] for row in rows])
    classes = sorted({row[1] for row in rows})
    if len(classes) < 2:
        where = "one folder for each" if kind == "pictures" else "one name in the label column"
        reasons = ""
        if passed_over:
            place, reason = passed_over[0]
            reasons = f" {len(passed_over)} were passed over, the first, {place}: {reason}."
        raise ValueError(
            f"{name}: expected at least two classes, {where}, found "
            f"{', '.join(map(repr, classes)) or 'none'}.{reasons} Check that it is the right one."
        )
    items, labels, groups, parts, places = zip(*rows, strict=True)
    return Found(name, kind, items, labels, groups, parts, places, tuple(passed_over))


# Folders


def below_wrappers(folder: Path) -> Path:
    """Return the first folder, from this one down, that is more than a wrapper of another."""
    while True:
        inside = [p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        if not any(p.is_dir() for p in inside[0].iterdir()):
            return folder  # the only class, which is told later
        folder = inside[0]


def is_split(folder: Path) -> bool:
    """Say whether the folders in this one are the parts of a set that is split already."""
    names = [p.name.lower() for p in folder.iterdir() if p.is_dir() and p.name[0] not in "._"]
    return "train" in {PARTS.get(name) for name in names} and all(n in PARTS for n in names)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder in the order of their names; links to folders are not gone
    into, which could go round in circles."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(files))


def why_no_example(path: Path, parts: Sequence[str]) -> str | None:
    """Return why a file, so many folders below, is no example, or None if it is one."""
    if path.name.startswith(".") or "__MACOSX" in path.parts or path.name == "Thumbs.db":
        return "left there by the system"
    if path.suffix.lower() not in SUFFIXES:
        return f"no picture: it ends in {path.suffix or 'nothing'}"
    if len(parts) < 2:
        return "in no class's folder"
    return None


# Labels


def refuse_several_labels(name: str, labels: Iterable[str]) -> None:
    """Refuse labels that are lists of labels, such as "red|round" beside "red" and "round".

    Raises:
        ValueError: they are.
    """
    known = set(labels)
    for divider in _DIVIDERS:
        several = sorted(x for x in known if divider in x)
        made_of = [x for x in several if all(part.strip() in known for part in x.split(divider))]
        if made_of:
            raise ValueError(
                f"{name}: expected one label for each example, found {made_of[0]!r}, which names "
                f"several divided by {divider!r}. An example with several labels is not trained "
                "on here: make a column for each label that says yes or no, and train one model "
                "for each."
            )


def refuse_numbers(name: str, labels: Sequence[str]) -> None:
    """Refuse a label column of measurements: many different numbers are no classes.

    Raises:
        ValueError: it is one.
    """
    known = set(labels)
    if len(known) > _MANY and all(map(is_number, known)):
        raise ValueError(
            f"{name}: expected classes in the label column, found {len(known)} different numbers "
            f"for {len(labels)} examples. To predict a number is another task (regression), which "
            "this does not do; cut the numbers into a few ranges if classes are what you need."
        )


def is_number(text: str) -> bool:
    """Say whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
