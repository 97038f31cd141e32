"""What needs no network: regular expressions and a list of known names, chosen on training data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import NamedTuple

from companion.evidence.bio import Entity, entities_of, tags_of

_SIGN = r"(?i:copyright|\(c\)|©)[\s,:]*(?:(?i:\(c\))|©)?[\s,:]*(?:\d{4}[\s,–-]*)*(?i:by\s+)?"
_WROTE = r"(?i:written|developed|created|contributed|made|maintained|authored)\s+(?i:by|at)\s+"
_NAMES = (
    r"[^.,;:()<>]{2,60}",  # up to the next mark
    r"[^;:()<>]{2,60}?(?=\.\s|\.$|;|:|\(|<| All | all |$)",  # commas may belong to it
    r"(?:the )?[A-Z][\w&.'-]*(?:,? (?:of|and|the|for|[A-Z][\w&.'-]*))*",  # words with a capital
)
# What may be tried for each kind of question on licences; the first group is the answer.
PATTERNS = {
    "holders": tuple(_SIGN + f"({name})" for name in _NAMES),
    "authors": tuple(
        f"{said}({name})" for said, name in product((_WROTE, r"(?i:\bby|authors?:)\s+"), _NAMES)
    ),
    "emails": (r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", r"([^\s<>()]+@[^\s<>()]+)"),
}

Score = Callable[[Sequence[str], Sequence[Sequence[str]]], float]


def first_match(pattern: str, context: str) -> str:
    """Return what the first group holds at the first place that fits, "" where none does."""
    found = re.search(pattern, context)
    return found.group(1).strip() if found else ""


def best_pattern(
    patterns: Sequence[str],
    contexts: Sequence[str],
    truths: Sequence[Sequence[str]],
    score: Score,
) -> str:
    """Return the pattern whose answers score highest on these contexts (N,), of equals the first.

    `truths` (N,) are the right answers to each.
    """
    return max(patterns, key=lambda p: score([first_match(p, c) for c in contexts], truths))


class NameRule(NamedTuple):
    """How names are found by rule: what counts as a name, and which names are known."""

    capitals: bool  # runs of words with a capital
    first_too: bool  # also where a sentence begins
    known: frozenset[tuple[str, ...]]  # names in lower case


def tags_by_rule(rule: NameRule, words: Sequence[str], kind: str = "entity") -> list[str]:
    """Return BIO tags (N,) of one text: known names, the longest first, then capitals."""
    taken = [False] * len(words)
    found = []
    lower = [word.lower() for word in words]
    longest = max(map(len, rule.known), default=0)
    for size in range(min(longest, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            span = slice(start, start + size)
            if tuple(lower[span]) in rule.known and not any(taken[span]):
                taken[span] = [True] * size
                found.append(Entity(kind, start, start + size))
    for start, end in capital_runs(words, rule.first_too) if rule.capitals else ():
        if not any(taken[start:end]):
            found.append(Entity(kind, start, end))
    return tags_of(found, len(words))


def capital_runs(words: Sequence[str], first_too: bool) -> Iterable[tuple[int, int]]:
    """Yield (start, end) of each run of words that begin with a capital and go on in small."""
    start = None
    for i, word in enumerate([*words, "."]):
        begins = i == 0 or words[i - 1] in {".", "!", "?", ":", "..."}
        named = word[:1].isupper() and not word.isupper() and (first_too or not begins)
        if named and start is None:
            start = i
        elif not named and start is not None:
            yield start, i
            start = None


def known_names(
    words: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]
) -> frozenset[tuple[str, ...]]:
    """Return the names that are tagged in these texts, in lower case."""
    return frozenset(
        tuple(word.lower() for word in row[entity.start : entity.end])
        for row, answers in zip(words, tags, strict=True)
        for entity in entities_of(answers)
    )


def best_rule(
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    score: Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], float],
) -> NameRule:
    """Return the rule that scores highest on texts whose names it does not know.

    Names are learned on one half of the texts and the rule is judged on the other; the best rule
    then learns from all.
    """
    half = len(words) // 2
    learned = known_names(words[:half], tags[:half])
    rules = [
        NameRule(capitals, first_too, known)
        for capitals, first_too in ((False, False), (True, False), (True, True))
        for known in (frozenset(), learned)
    ]
    found = max(
        rules,
        key=lambda rule: score(tags[half:], [tags_by_rule(rule, row) for row in words[half:]]),
    )
    return found._replace(known=known_names(words, tags)) if found.known else found
