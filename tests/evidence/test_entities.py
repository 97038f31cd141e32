"""Entities against seqeval, on its own cases and on a thousand drawn ones."""

from __future__ import annotations

import random
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from companion.evidence.bio import Entity, entities_of, tags_of
from companion.evidence.entities import entity_score, word_accuracy

# The rows of seqeval's README and of its tests, those in the BIO scheme.
SEQEVAL = [
    (["O", "O", "B-MISC", "I-MISC", "B-MISC", "I-MISC", "O"], None),
    (
        ["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"],
        ["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"],
    ),
    (["B-PER", "I-PER", "O"], ["B-PER", "I-PER", "O"]),
    (["O", "B-ORG", "B-ORG", "I-PER"], ["I-ORG", "I-ORG", "B-PER", "I-PER"]),
    (["I-PER", "I-PER", "I-LOC"], ["O", "I-PER", "B-LOC"]),
]
TAGS = ["O", "B-a", "I-a", "B-b", "I-b"]


def same_as_seqeval(truth: list[list[str]], answers: list[list[str]]) -> None:
    score = entity_score(truth, answers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where a share of nothing is asked
        theirs = [f(truth, answers) for f in (precision_score, recall_score, f1_score)]
    assert [score.precision, score.recall, score.f1] == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(("truth", "answer"), SEQEVAL)
def test_seqevals_own_cases(truth: list[str], answer: list[str] | None) -> None:
    same_as_seqeval([truth], [answer or truth])


def test_a_thousand_drawn_cases() -> None:
    draw = random.Random(0)
    for _ in range(1000):
        lengths = [draw.randint(1, 9) for _ in range(draw.randint(1, 6))]
        truth, answers = ([draw.choices(TAGS, k=n) for n in lengths] for _ in range(2))
        same_as_seqeval(truth, answers)


@given(st.lists(st.sampled_from(TAGS), max_size=20))
def test_entities_are_seqevals_and_go_back_to_tags(tags: list[str]) -> None:
    found = entities_of(tags)
    theirs = [Entity(kind, start, end + 1) for kind, start, end in get_entities(tags)]
    assert found == theirs
    assert entities_of(tags_of(found, len(tags))) == found


def test_naming_nothing_scores_on_words_and_not_on_entities() -> None:
    truth = [["O"] * 18 + ["B-a", "I-a"]]
    assert word_accuracy(truth, [["O"] * 20]) == 0.9
    assert entity_score(truth, [["O"] * 20]).f1 == 0


def test_a_kind_is_scored_alone() -> None:
    truth, answers = [["B-a", "O", "B-b"]], [["B-a", "O", "B-a"]]
    assert entity_score(truth, answers, "a").precision == 0.5
    assert entity_score(truth, answers, "b").recall == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: entities_of(["O", "person"]), "found 'person' at place 1. Rewrite the tags in th"),
        (lambda: entity_score([["O"]], []), "expected answers for 1 texts, found 0. Score all"),
        (
            lambda: entity_score([["O", "O"]], [["O"]]),
            "text 0 has 2 words and 1 answers, expected one for each word.",
        ),
        (
            lambda: tags_of([Entity("a", 0, 2), Entity("b", 1, 3)], 3),
            "the entity 'b' of words 1 to 2 overlaps another; BIO tags can name a word once only.",
        ),
        (lambda: tags_of([Entity("a", 2, 4)], 3), "words 2 to 3 lies outside a text of 3 words."),
    ],
)
def test_what_cannot_be_scored_is_told(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
