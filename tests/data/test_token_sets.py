"""WNUT-2016 and the licence questions: cleaned as their cards say, and split without leaks."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.licences import load_licence_questions, with_unanswered
from companion.data.near import near_duplicates, runs_of
from companion.data.spans import Questions
from companion.data.splits import split_by_group
from companion.data.wnut import FOUR, load_wnut, reading
from companion.evidence.bio import entities_of


@cache
def licences() -> Questions:
    return load_licence_questions()


def test_wnut_is_the_same_tweets_in_two_views() -> None:
    untyped, four = load_wnut("untyped"), load_wnut("four kinds")
    assert len(untyped) == 2_281 and untyped.words == four.words
    assert len(untyped.classes) == 3 and len(four.classes) == 9
    names = [e for tags in untyped.tags for e in entities_of(tags)]
    assert len(names) == 1_405
    for mine, theirs in zip(untyped.tags, four.tags, strict=True):
        assert [t[:1] for t in mine] == [t[:1] for t in theirs]
    assert {t[2:] for tags in four.tags for t in tags} == {"", *FOUR.values()}
    readings = {}
    for words, group in zip(untyped.words, untyped.groups, strict=True):
        assert readings.setdefault(reading(words), group) == group


def test_every_answer_stands_in_its_licence() -> None:
    asked = licences()
    assert len(asked) == 644
    assert {k: (asked.kinds == k).sum() for k in ("holders", "authors", "emails")} == COUNTS
    for context, truths in zip(asked.contexts, asked.truths(np.arange(644)), strict=True):
        assert len(context.split()) <= 250 and "  " not in context
        assert truths and all(truth.strip() == truth for truth in truths)


COUNTS = {"holders": 292, "authors": 191, "emails": 161}


def test_no_near_duplicate_crosses_a_split() -> None:
    asked = licences()
    split = split_by_group(asked.groups, np.zeros(len(asked)), seed=3)
    runs = [runs_of(text, 5) for text in asked.contexts]
    for i in split.test:
        for j in split.train:
            assert len(runs[i] & runs[j]) < 0.5 * len(runs[i] | runs[j])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab ", min_size=1, max_size=14).filter(str.strip), min_size=1, max_size=8))
def test_near_duplicates_are_those_of_a_slow_search(texts: list[str]) -> None:
    runs = [runs_of(text, 3) for text in texts]
    group = list(range(len(texts)))
    for i, mine in enumerate(runs):
        for j, theirs in enumerate(runs):
            if len(mine & theirs) >= 0.5 * len(mine | theirs):
                group = [group[i] if g == group[j] else g for g in group]
    found = near_duplicates(texts, run=3)
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert (found[i] == found[j]) == (group[i] == group[j])


def test_questions_without_an_answer_are_those_that_nobody_noted() -> None:
    asked = licences()
    more = with_unanswered(asked)
    assert len(more) == 3 * len(set(asked.contexts))
    assert more.answers[: len(asked)] == asked.answers and not any(more.answers[len(asked) :])
    pairs = list(zip(more.questions, more.contexts, strict=True))
    assert len(set(pairs)) == len(pairs)
    groups: dict[str, set] = {}
    for context, group in zip(more.contexts, more.groups, strict=True):
        groups.setdefault(context, set()).add(group)
    assert all(len(held) == 1 for held in groups.values())
