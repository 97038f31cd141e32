"""What a learner's own set is like before anything trains on it, and what may spoil a result."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from companion.data.looks import Fault, look_at_pictures, look_at_texts
from companion.data.own import Found

FEW = 10  # examples of a class: below it no split leaves enough to train, choose and judge
_STEM = re.compile(r"^(.*\d.*?)[ _-]+(?:\(?\d+\)?|[A-Za-z]|[A-Za-z]+\d+)$")


@dataclass(frozen=True)
class DataReport:
    """What a set is like.

    `counts` examples by class, and by (part, class) in `parts` where the set is split; `sizes`
    named quantiles: words of a text, or sides of a picture in pixels; `notes` (what, how many);
    `usable` (N,) which examples can be read at all; `copies` (N,) a number that examples share
    which are copies or near-copies of each other; `groups` (N,) what must not be split: as given,
    else what the file names suggest, else empty.
    """

    name: str
    kind: str
    counts: dict[str, int]
    parts: dict[str, dict[str, int]]
    sizes: dict[str, float]
    notes: dict[str, int]
    faults: tuple[Fault, ...]
    usable: np.ndarray
    copies: np.ndarray
    groups: tuple[str, ...]
    groups_from: str


def examine(found: Found) -> DataReport:
    """Read every example and return what the set is like; nothing is changed or left out.

    Pictures count as near-copies where their greys, at 32 x 32 pixels, correlate by 0.999 or more;
    texts where they share half of their runs of five words (`near_duplicates`). Flipped or cropped
    pictures and translated texts are not found.
    """
    looks = look_at_pictures(found) if found.kind == "pictures" else look_at_texts(found)
    groups, origin = groups_of(found)
    faults = [
        *looks.faults,
        *copy_faults(found, looks.copies, looks.usable),
        *label_faults(Counter(found.labels), found),
    ]
    if found.passed_over:
        places = tuple(f"{place}: {reason}" for place, reason in found.passed_over)
        faults.append(Fault("passed over: no examples", places, "See whether that is right."))
    return DataReport(
        name=found.name,
        kind=found.kind,
        counts=dict(sorted(Counter(found.labels).items())),
        parts=by_part(found),
        sizes=looks.sizes,
        notes=dict(looks.notes.most_common()),
        faults=tuple(fault for fault in faults if fault.places),
        usable=looks.usable,
        copies=looks.copies,
        groups=groups,
        groups_from=origin,
    )


def by_part(found: Found) -> dict[str, dict[str, int]]:
    """Return the number of examples by part and class; empty where the set is not split."""
    counts: dict[str, dict[str, int]] = {}
    for (part, label), count in sorted(
        Counter(zip(found.parts, found.labels, strict=True)).items()
    ):
        if part:
            counts.setdefault(part, {})[label] = count
    return counts


def copy_faults(found: Found, copies: np.ndarray, usable: np.ndarray) -> list[Fault]:
    """Return copies within a part, copies with different labels, and copies across parts."""
    members = defaultdict(list)
    for i in np.flatnonzero(usable):
        members[copies[i]].append(i)
    sets = [ids for ids in members.values() if len(ids) > 1]
    across = [ids for ids in sets if len({found.parts[i] for i in ids}) > 1]
    differ = [ids for ids in sets if len({found.labels[i] for i in ids}) > 1]

    def listed(some: Iterable[list[int]]) -> tuple[str, ...]:
        return tuple(" = ".join(found.places[i] for i in ids) for ids in some)

    return [
        Fault("copies or near-copies", listed(sets), "They will be kept on one side of a split."),
        Fault(
            "copies with different labels",
            listed(differ),
            "One of the labels is wrong; ask whoever gave them. Until then leave them all out.",
        ),
        Fault(
            "copies in more than one part: the test has been seen",
            listed(across),
            "Take them out of training and validation, and leave the test as it is.",
        ),
    ]


def label_faults(counts: Counter, found: Found) -> list[Fault]:
    """Return classes that are too small, and labels that look like one another misspelt."""
    small = tuple(f"{label}: {n}" for label, n in sorted(counts.items()) if n < FEW)
    pairs = sorted((a, b) for a in counts for b in counts if counts[a] <= counts[b] and a != b)
    twins = tuple(
        f"{a!r} ({counts[a]}) and {b!r} ({counts[b]})"
        for a, b in pairs
        if are_misspelt(a, b, counts) and (counts[a] < counts[b] or a < b)
    )
    return [
        Fault(
            f"classes with fewer than {FEW} examples",
            small,
            "Collect more, or merge the class with one like it; a rare class is not deleted "
            "because it is rare.",
        ),
        Fault("labels that look like one", twins, "Write them the same way."),
    ]


def are_misspelt(rarer: str, other: str, counts: Counter) -> bool:
    """Say whether two labels differ in case or space alone, or a rare one by one letter."""
    a, b = ("".join(x.casefold().split()) for x in (rarer, other))
    if a == b:
        return True
    return min(len(a), len(b)) > 3 and counts[rarer] * 5 <= counts[other] and one_letter_apart(a, b)


def one_letter_apart(a: str, b: str) -> bool:
    """Say whether one letter put in, left out or changed makes one word of the other."""
    a, b = sorted((a, b), key=len)
    if len(b) - len(a) > 1:
        return False
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    rest = a[same:] if len(b) > len(a) else a[same + 1 :]
    return rest == b[same + 1 :] and not b[same].isdigit()  # "block1" and "block2" are two


def groups_of(found: Found) -> tuple[tuple[str, ...], str]:
    """Return what must not be split, and where that comes from: a column, file names, or nothing.

    File names suggest groups where parts of them that hold a number are shared: patient07_1.png
    and patient07_2.png, but not IMG_0001.png and IMG_0002.png.
    """
    if any(found.groups):
        return found.groups, "as given"
    if found.kind == "pictures":
        matches = [_STEM.match(Path(item).stem) for item in found.items]
        stems = tuple(
            m[1] if m else Path(item).stem for m, item in zip(matches, found.items, strict=True)
        )
        if sum(m is not None for m in matches) > len(found) / 2 and len(set(stems)) < 0.7 * len(
            found
        ):
            return stems, "suggested by the file names"
    return (), "none"
