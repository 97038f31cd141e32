"""Licence texts with their legal category, and the collection's rules as text without labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.corpus import Corpus
from companion.data.licences import text_and_notes
from companion.data.near import near_duplicates, near_duplicates_by_minhash
from companion.data.text import Texts

CATEGORIES = ("Commercial", "Copyleft", "Copyleft Limited", "Permissive", "Proprietary Free")
SHORTEST = 8  # words: shorter rules are titles and tags


def load_licence_categories() -> Texts:
    """Return English licence texts with their legal category, one of the five most frequent.

    White space becomes one space; copies and empty texts are left out. `kinds` is the category,
    `groups` keeps near-duplicates together: many licences are versions of one.

    Raises:
        AssetError: the package `licensedcode-data` is missing or damaged.
    """
    files = asset_path("licences").glob("licenses/*.LICENSE")
    rows = [
        (text, notes["category"])
        for text, notes in read_files(files)
        if notes["category"] in CATEGORIES and "language" not in notes
    ]
    kept, _, _ = without_copies([text for text, _ in rows], [category for _, category in rows])
    texts = tuple(rows[i][0] for i in kept)
    kinds = np.array([rows[i][1] for i in kept])
    return Texts(
        name="licence categories",
        texts=texts,
        labels=np.array([CATEGORIES.index(kind) for kind in kinds]),
        classes=CATEGORIES,
        groups=near_duplicates(texts),
        kinds=kinds,
        confidence=np.full(len(texts), np.nan),
    )


def load_licence_rules(*, near_copies: bool = False) -> Corpus:
    """Return the English rules of at least SHORTEST words, which are licences, notices and parts.

    Of near-duplicates only the first stays, unless `near_copies` are wanted: most rules are
    variants of others. White space becomes one space.

    Raises:
        AssetError: the package `licensedcode-data` is missing or damaged.
    """
    files = asset_path("licences").glob("rules/*.RULE")
    found = [text for text, notes in read_files(files) if "language" not in notes]
    long = [text for text in found if len(text.split()) >= SHORTEST]
    kept, _, _ = without_copies(long, [0] * len(long))
    texts = [long[i] for i in kept]
    if not near_copies:
        first = np.unique(near_duplicates_by_minhash(texts), return_index=True)[1]
        texts = [texts[i] for i in np.sort(first)]
    return Corpus("licence rules", tuple(texts))


def read_files(files: Iterator[Path]) -> Iterator[tuple[str, dict]]:
    """Yield text and notes of each file, in the order of their names; empty texts are left out."""
    for path in sorted(files):
        text, notes = text_and_notes(path.read_bytes())
        if text:
            yield text, notes
