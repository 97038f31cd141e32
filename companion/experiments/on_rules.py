"""What the experiments on licence rules share: the task of saying what a rule is of a licence."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from companion.data.assets import asset_path
from companion.data.licence_categories import SHORTEST, read_files
from companion.data.text import Texts

# A rule is a licence's text, a notice of it, a reference to it or a tag: from pages to a few words.
KINDS = ("text", "notice", "reference", "tag")
TESTED = 300  # rules that judge


@lru_cache(maxsize=1)
def all_rules() -> Texts:
    """Return the English licence rules, labelled with what they are of a licence."""
    files = asset_path("licences").glob("rules/*.RULE")
    rows = {
        text: kind
        for text, notes in read_files(files)
        if "language" not in notes and len(text.split()) >= SHORTEST
        for kind in KINDS
        if notes.get(f"is_license_{kind}")
    }
    kinds = np.array(list(rows.values()))
    return Texts(
        name="licence rules",
        texts=tuple(rows),
        labels=np.array([KINDS.index(kind) for kind in kinds]),
        classes=KINDS,
        groups=np.arange(len(rows)),
        kinds=kinds,
        confidence=np.full(len(rows), np.nan),
    )


def drawn_rules(n: int, seed: int) -> Texts:
    """Return `n` rules to train on, and after them TESTED rules that judge."""
    everything = all_rules()
    some = np.random.default_rng(seed).permutation(len(everything))[: n + TESTED]
    return replace(
        everything,
        texts=tuple(everything.texts[i] for i in some),
        labels=everything.labels[some],
        groups=everything.groups[some],
        kinds=everything.kinds[some],
        confidence=everything.confidence[some],
    )
