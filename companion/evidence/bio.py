"""BIO tags: the entities that a row of them names, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = "O"


class Entity(NamedTuple):
    """Words `start` to `end` - 1 of a text, and what they name."""

    kind: str
    start: int
    end: int


def classes_of(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the tags for entities of these kinds: O, then B- and I- of each."""
    return (OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI"))


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """Return the entities that the BIO tags (N,) of one text name, in order.

    A tag such as "I-person" that goes on with nothing of its kind begins an entity: the repair of
    conlleval and seqeval (Tjong Kim Sang and De Meulder 2003).

    Raises:
        ValueError: a tag is neither O nor B- or I- with a kind.
    """
    found: list[Entity] = []
    for i, tag in enumerate(tags):
        if tag == OUTSIDE:
            continue
        prefix, _, kind = tag.partition("-")
        if prefix not in ("B", "I") or not kind:
            raise ValueError(
                f"expected tags such as O, B-person or I-person, found {tag!r} at place {i}. "
                "Rewrite the tags in this scheme (BIO)."
            )
        goes_on = prefix == "I" and found and found[-1].end == i and found[-1].kind == kind
        if goes_on:
            found[-1] = found[-1]._replace(end=i + 1)
        else:
            found.append(Entity(kind, i, i + 1))
    return found


def tags_of(entities: Sequence[Entity], words: int) -> list[str]:
    """Return the BIO tags (words,) that name these entities.

    Raises:
        ValueError: two entities share a word, or one lies outside the text.
    """
    tags = [OUTSIDE] * words
    for entity in sorted(entities, key=lambda e: e.start):
        kind, start, end = entity
        if not 0 <= start < end <= words:
            raise ValueError(
                f"the entity of words {start} to {end - 1} lies outside a text of {words} words. "
                "Count words from 0, and give the end as the word after the last."
            )
        if any(tag != OUTSIDE for tag in tags[start:end]):
            raise ValueError(
                f"the entity {kind!r} of words {start} to {end - 1} overlaps another; BIO tags "
                "can name a word once only. Keep one of the two."
            )
        tags[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return tags
