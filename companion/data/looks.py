"""What reading each example of a learner's set shows: sizes, copies, and what cannot be read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from companion.data.cleaning import plain_reading
from companion.data.decode import UnreadablePicture, is_grey, open_upright
from companion.data.near import near_duplicates, near_duplicates_by_minhash
from companion.data.own import Found

GREY = "grey"
SMALL = 32  # pixels; the side at which pictures are compared
# Correlation of two pictures' greys. Of the 2,624 cells of ELPV, which look much alike, no two come
# nearer than 0.9984; of their copies at half the size or as JPEG of quality 40, 19 in 20 do.
ALIKE = 0.999
_BLOCK = 2048  # pictures compared with all others at a time
_EXACT = 5000  # texts up to which all pairs are compared
MOST = 50_000  # texts up to which near-copies are looked for; a quarter of an hour for more
_SHORT = 3  # words
_MOJIBAKE = re.compile("\ufffd|Ã[\u0080-\u00bf©¨¤¶¼±]|â€[™œ\u009d“”]?")


@dataclass(frozen=True)
class Fault:
    """Something that may spoil a result: what it is, the places of all examples, what to do."""

    what: str
    places: tuple[str, ...]
    cure: str


@dataclass
class Looks:
    """What reading every example found, as far as the report needs it."""

    copies: np.ndarray
    sizes: dict[str, float]
    usable: np.ndarray
    notes: Counter = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)


# Pictures


@dataclass(frozen=True)
class Look:
    """One picture: its greys (32 * 32,), standardised so that the product of two is their
    correlation; its sides in pixels; what stands out."""

    greys: np.ndarray
    sides: tuple[int, int]
    notes: tuple[str, ...]


def look_at_pictures(found: Found) -> Looks:
    """Decode every picture, small, and compare each with all others."""
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        seen = list(pool.map(look_at, found.items, found.places))
    usable = np.array([isinstance(one, Look) for one in seen])
    read = [one for one in seen if isinstance(one, Look)]
    sides = np.array([one.sides for one in read]).reshape(-1, 2)
    blank = np.zeros(SMALL**2, np.float32)
    looks = Looks(
        copies=alike(np.stack([one.greys if isinstance(one, Look) else blank for one in seen])),
        sizes=quantiles("shorter side", sides.min(axis=1)) | quantiles("longer side", sides.max(1)),
        usable=usable,
        notes=Counter(note for one in read for note in one.notes),
    )
    pairs = list(zip(found.places, seen, strict=True))
    broken = tuple(f"{place}: {why}" for place, why in pairs if isinstance(why, str))
    looks.faults.append(Fault("cannot be read", broken, "Replace these files, or leave them out."))
    if GREY in looks.notes and looks.notes[GREY] < len(read):
        rare = looks.notes[GREY] <= len(read) / 2
        odd = tuple(p for p, one in pairs if isinstance(one, Look) and (GREY in one.notes) == rare)
        cure = "A class that is told by its colour alone is learned so; make all grey if need be."
        looks.faults.append(Fault(f"{GREY if rare else 'in colour'}, unlike most", odd, cure))
    return looks


def look_at(path: str, place: str) -> Look | str:
    """Return what is seen of one picture, or why it cannot be read."""
    try:
        picture, done = open_upright(Path(path), place, least=8 * SMALL)
        with Image.open(path) as whole:  # a JPEG above was decoded at a part of its size
            sides = whole.size
    except UnreadablePicture as error:
        return error.found
    grey = picture.convert("L").resize((SMALL, SMALL), Image.Resampling.BILINEAR)
    values = np.asarray(grey, dtype=np.float32).ravel()
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    notes = (*done, *([GREY] if is_grey(picture) else []), *([] if length else ["of one tone"]))
    return Look(values / (length or 1), sides, notes)


def alike(greys: np.ndarray) -> np.ndarray:
    """Return a number (N,) that pictures share whose greys (N, 32 * 32) correlate by `ALIKE`."""
    first, second = [], []
    for start in range(0, len(greys), _BLOCK):
        a, b = np.nonzero(greys[start : start + _BLOCK] @ greys.T >= ALIKE)
        first.append(a + start)
        second.append(b)
    return connected(np.concatenate(first), np.concatenate(second), len(greys))


def connected(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """Return a number (n,) that all share who are joined by pairs, directly or through others."""
    pairs = coo_matrix((np.ones(len(first), bool), (first, second)), shape=(n, n))
    return connected_components(pairs, directed=False)[1]


# Texts


def look_at_texts(found: Found) -> Looks:
    """Count the words of every text, and find copies and near-copies."""
    words = np.array([len(text.split()) for text in found.items])
    readings = [plain_reading(text) for text in found.items]
    numbers = {reading: i for i, reading in enumerate(dict.fromkeys(readings))}
    same = np.array([numbers[reading] for reading in readings])
    distinct = near_groups(list(numbers))  # each reading once: so copies cost nothing
    looks = Looks(distinct[same], quantiles("words", words), np.ones(len(found), bool))
    if len(numbers) > MOST:
        looks.notes[f"compared for exact copies alone: more than {MOST:,}"] = len(numbers)
    looks.notes["more than 256 words, cut by most networks"] = int((words > 256).sum())
    looks.notes["not in Latin script"] = sum(map(is_not_latin, found.items))
    looks.notes = +looks.notes
    short = tuple(p for p, w in zip(found.places, words, strict=True) if w < _SHORT)
    looks.faults.append(Fault("fewer than three words", short, "See whether they say enough."))
    pairs = zip(found.places, found.items, strict=True)
    broken = tuple(place for place, text in pairs if _MOJIBAKE.search(text))
    cure = "The file was read or written in another encoding once; export it again as UTF-8."
    looks.faults.append(Fault("letters broken by a wrong encoding", broken, cure))
    return looks


def near_groups(texts: list[str]) -> np.ndarray:
    """Return a number (N,) that near-copies share; each text has its own if they are too many."""
    if len(texts) > MOST:
        return np.arange(len(texts))
    return (near_duplicates if len(texts) <= _EXACT else near_duplicates_by_minhash)(texts)


def is_not_latin(text: str) -> bool:
    """Say whether most letters of a text are of another script than the Latin one."""
    letters = [c for c in text[:1000] if c.isalpha()]
    latin = sum(unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return latin < len(letters) / 2


def quantiles(name: str, values: np.ndarray) -> dict[str, float]:
    """Return the least, median and greatest of some values, named; empty for none."""
    if not len(values):
        return {}
    at = {"least": 0, "median": 0.5, "greatest": 1}
    return {f"{name}, {how}": float(np.quantile(values, q)) for how, q in at.items()}
