"""A learner's own examples, found and examined, made a set to train on and to be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from companion.data.cache import build_once
from companion.data.decode import middle_square, open_upright
from companion.data.looks import Fault, connected
from companion.data.own import Found
from companion.data.report import DataReport
from companion.data.splits import Split
from companion.data.text import Texts
from companion.data.vision import Pictures, digest_of

SIDE = 224
FEWEST = 3  # groups of a class: one each to train, to choose and to judge
_TEST, _VALIDATION = 4, 6  # one in four tests; of the others one in six chooses
_AT_ONCE = 64  # pictures decoded at a time


@dataclass(frozen=True)
class Prepared:
    """A set to train on: `data`, its `split`, and what was left out of it, by reason.

    `rows` (N,) says which of the examples found each of the set is.
    """

    data: Pictures | Texts
    split: Split
    rows: np.ndarray
    left_out: tuple[Fault, ...]


def prepare(found: Found, report: DataReport, *, side: int = SIDE, seed: int = 0) -> Prepared:
    """Return the examples that can be used, and a split of them.

    Left out, and listed: what cannot be read, copies with different labels, and copies of test
    examples in other parts. Copies and groups stand on one side of the split. Parts that the set
    came with stay; what is missing of them is drawn from `seed`, classes in proportion. Of a
    picture the short side is resized to `side` pixels and the middle square kept.

    Raises:
        ValueError: a class has fewer than 3 examples that are no copies and of different groups.
    """
    left_out = reasons_to_leave_out(found, report)
    gone = {i for ids, _ in left_out for i in ids}
    rows = np.array([i for i in range(len(found)) if i not in gone], dtype=np.int64)
    groups = joined_groups(found, report)[rows]
    labels = np.array(found.labels)[rows]
    check_classes(found.name, labels, groups, sorted(set(found.labels)))
    split = split_of(np.array(found.parts)[rows], labels, groups, seed)
    data = as_set(found, rows, labels, groups, side)
    faults = tuple(
        Fault(what, tuple(found.places[i] for i in ids), "") for ids, what in left_out if ids
    )
    return Prepared(data, split, rows, faults)


def reasons_to_leave_out(found: Found, report: DataReport) -> list[tuple[list[int], str]]:
    """Return the examples to leave out, by reason; each under the first that holds."""
    unread = np.flatnonzero(~report.usable).tolist()
    sets: dict[int, list[int]] = {}
    for i in np.flatnonzero(report.usable).tolist():
        sets.setdefault(int(report.copies[i]), []).append(i)
    clash = [i for ids in sets.values() if len({found.labels[j] for j in ids}) > 1 for i in ids]
    seen = [
        i
        for ids in sets.values()
        if "test" in {found.parts[j] for j in ids}
        for i in ids
        if found.parts[i] not in ("test", "")
    ]
    return [
        (unread, "cannot be read"),
        (clash, "copies with different labels"),
        (sorted(set(seen) - set(clash)), "copies of test examples in other parts"),
    ]


def joined_groups(found: Found, report: DataReport) -> np.ndarray:
    """Return a number (N,) that examples share which have a group in common or are copies."""
    n = len(found)
    names = {name: i for i, name in enumerate(dict.fromkeys(report.groups))}
    given = [names[name] for name in report.groups] if names else range(n)
    first_of_group = dict(zip(reversed(list(given)), range(n - 1, -1, -1), strict=True))
    first_of_copies = dict(zip(report.copies[::-1].tolist(), range(n - 1, -1, -1), strict=True))
    ids = np.arange(n)
    same_group = np.array([first_of_group[g] for g in given])
    copy_of = np.array([first_of_copies[c] for c in report.copies.tolist()])
    return connected(np.concatenate([ids, ids]), np.concatenate([same_group, copy_of]), n)


def check_classes(
    name: str, labels: np.ndarray, groups: np.ndarray, classes: Sequence[str]
) -> None:
    """Check that each class can stand on all three sides of a split.

    Raises:
        ValueError: one cannot.
    """
    few = {c: len(np.unique(groups[labels == c])) for c in classes}
    few = {c: n for c, n in few.items() if n < FEWEST}
    if few:
        told = ", ".join(f"{c!r} ({n})" for c, n in few.items())
        raise ValueError(
            f"{name}: expected at least {FEWEST} examples of each class that are no copies and of "
            f"different groups, one each to train, to choose and to judge; found fewer of {told}. "
            "Collect more of them, merge the class with one like it, or leave it out yourself."
        )


def split_of(parts: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> Split:
    """Return a split that keeps the parts there are and draws those that are missing."""
    there = {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")}
    rest = there["train"] if len(there["train"]) else np.arange(len(parts))
    test, validation = there["test"], there["validation"]
    if not len(test):
        rest, test = drawn(rest, labels, groups, _TEST, seed)
    if not len(validation):
        rest, validation = drawn(rest, labels, groups, _VALIDATION, seed)
    return Split(rest, validation, test)


def drawn(
    ids: np.ndarray, labels: np.ndarray, groups: np.ndarray, one_in: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return `ids` without one in so many, and those, classes in proportion, no group in both.

    Where classes have fewer groups than that, more is drawn, so that each is on both sides.
    """
    smallest = min(len(np.unique(groups[ids][labels[ids] == c])) for c in np.unique(labels[ids]))
    alone = len(np.unique(groups[ids])) == len(ids)  # with groups it takes minutes for a million
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    folds = kind(max(2, min(one_in, smallest)), shuffle=True, random_state=seed)
    rest, chosen = next(folds.split(ids, labels[ids], None if alone else groups[ids]))
    return ids[rest], ids[chosen]


def as_set(
    found: Found, rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, side: int
) -> Pictures | Texts:
    """Return the examples `rows` as a set of pictures or of texts."""
    classes = tuple(np.unique(labels).tolist())
    numbers = np.searchsorted(classes, labels)
    kinds = np.full(len(rows), "all")
    items = [found.items[i] for i in rows]
    if found.kind == "texts":
        unknown = np.full(len(rows), np.nan)
        return Texts(found.name, tuple(items), numbers, classes, groups, kinds, unknown)
    digest = digest_of(f"{side}", *(Path(item).read_bytes() for item in items))
    file = build_once("own-pictures", lambda out: store(items, out, side), digest)
    pixels = np.load(file, mmap_mode="r")
    return Pictures(found.name, pixels, numbers, classes, groups, kinds, digest)


def store(items: Sequence[str], target: Path, side: int) -> None:
    """Write pictures as squares to `target`, a .npy file of uint8 (N, 3, side, side)."""
    with open(target, "wb") as file, ThreadPoolExecutor(min(8, cpu_count() or 1)) as pool:
        shape = (len(items), 3, side, side)
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        for start in range(0, len(items), _AT_ONCE):
            some = items[start : start + _AT_ONCE]
            for pixels in pool.map(square, some, [side] * len(some)):
                file.write(pixels.tobytes())


def square(item: str, side: int) -> np.ndarray:
    """Return the middle square of a picture, uint8 (3, side, side)."""
    picture, _ = open_upright(Path(item), Path(item).name, least=side)
    return middle_square(picture, side)
