"""Any text, tags, spans and cuts: labels and answers survive, or are counted as lost."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.spans import Questions, SpanFetch, cut_windows, located, recovered
from companion.data.tags import IGNORED, TagFetch, TaggedTexts, align, answers_in_words
from companion.evidence.bio import Entity, classes_of, tags_of
from companion.models.text import load_tokenizer

# Emoji of several code points, combining characters, scripts without spaces, signs of no token.
PIECES = [
    "cat",
    "Ünder",
    "e\u0301",
    "n\u0303o",
    "😀",
    "👩‍👩‍👧",
    "🇫🇷",
    "你好",
    "ไทย",
    "हिन्दी",
    "don't",
    "#tag",
]
PIECES += ["@who", "a-b", "3.14", "\u200d", "\ufe0f", "\u00ad", "ﬁn", "İ", "..", "unbelievably"]
WORDS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)


@cache
def tokenizer() -> object:
    return load_tokenizer("minilm_l6")


@st.composite
def tagged(draw: st.DrawFn) -> TaggedTexts:
    words = ("start", *draw(st.lists(WORDS, min_size=1, max_size=12)))
    entities, at = [], 0
    while at < len(words):
        at += draw(st.integers(0, 3))
        end = at + draw(st.integers(1, 3))
        if end <= len(words):
            entities.append(Entity(draw(st.sampled_from(["a", "b"])), at, end))
        at = end
    tags = tuple(tags_of(entities, len(words)))
    return TaggedTexts("drawn", (words,), (tags,), classes_of(["a", "b"]), np.zeros(1))


@settings(max_examples=300, deadline=None)
@given(tagged(), st.integers(4, 30))
def test_every_tag_survives_or_its_entity_is_lost(texts: TaggedTexts, cap: int) -> None:
    aligned = align(texts, tokenizer(), cap=cap)
    fetch = TagFetch(texts, aligned, device="cpu")
    ids = np.array([0])
    assert len(aligned.labels) == len(aligned.words) == aligned.tokens.offsets[-1] <= cap
    assert set(aligned.labels[aligned.words < 0]) <= {IGNORED}  # special tokens have no label
    labelled = aligned.words[aligned.labels != IGNORED]
    assert len(set(labelled)) == len(labelled)  # each word once
    said = answers_in_words(fetch, ids, [np.maximum(aligned.labels, 0)])[0]
    for word, (mine, tag) in enumerate(zip(said, texts.tags[0], strict=True)):
        assert mine == (tag if word in labelled else "O")
    lost = {entity for _, entity in aligned.lost}
    for entity in lost:
        assert set(range(entity.start, entity.end)) - set(labelled)
    found = {(e.kind, e.start, e.end) for e in map(tuple_of, entities(said))}
    assert {tuple(e) for e in entities(texts.tags[0])} - found <= {tuple(e) for e in lost}


def entities(tags: object) -> list[Entity]:
    from companion.evidence.bio import entities_of

    return entities_of(tags)


def tuple_of(entity: Entity) -> Entity:
    return entity


@st.composite
def asked(draw: st.DrawFn) -> Questions:
    context = " ".join(draw(st.lists(WORDS, min_size=1, max_size=25)))
    start = draw(st.integers(0, len(context) - 1))
    end = draw(st.integers(start + 1, min(len(context), start + 25)))
    spans = ((start, end),) if draw(st.booleans()) else ()
    return Questions("drawn", ("who?",), ("at " + context,), spans_after(spans, 3), zero(), zero())


def spans_after(spans: tuple, by: int) -> tuple:
    return (tuple((a + by, b + by) for a, b in spans),)


def zero() -> np.ndarray:
    return np.zeros(1)


@settings(max_examples=300, deadline=None)
@given(asked(), st.integers(12, 60), st.integers(0, 5))
def test_every_answer_survives_or_is_counted(drawn: Questions, cap: int, stride: int) -> None:
    windows = cut_windows(drawn, tokenizer(), cap=cap, stride=stride)
    assert (windows.tokens.lengths <= cap).all()
    held = np.flatnonzero(windows.targets.any(axis=1))
    truths = drawn.truths(np.array([0]))[0]
    assert (0 in windows.lost) == bool(truths and not held.size)
    for window in held:
        text = recovered(drawn, windows, window, windows.targets[window])
        assert text == truths[0] or 0 in windows.inexact
    read = windows.characters[windows.characters[:, 0] >= 0]
    unread = set(range(len(drawn.contexts[0]))) - {c for a, b in read for c in range(a, b)}
    alone = tokenizer()(drawn.contexts[0], add_special_tokens=False, verbose=False)
    known = {c for a, b in alone.encodings[0].offsets for c in range(a, b)}
    assert not unread & known  # no token of the context is in no window


def test_an_answer_that_no_window_holds_whole_is_lost() -> None:
    context = "by " + "very " * 30 + "long"
    asked = Questions("long", ("who?",), (context,), (((0, len(context)),),), zero(), zero())
    windows = cut_windows(asked, tokenizer(), cap=20, stride=4)
    assert windows.lost == (0,) and not windows.targets.any() and windows.tokens.cut > 1
    inexact = Questions("part", ("who?",), ("unbelievably",), (((0, 4),),), zero(), zero())
    assert cut_windows(inexact, tokenizer(), cap=20, stride=4).inexact == (0,)


def test_batches_of_windows_and_tags_are_padded() -> None:
    asked = Questions(
        "two", ("who?",) * 2, ("by Ann", "by Ann Lee of Kent"), (((3, 6),), ()), *[np.zeros(2)] * 2
    )
    windows = cut_windows(asked, tokenizer(), cap=20, stride=4)
    batch = SpanFetch(asked, windows, device="cpu")(np.array([0, 1]))
    assert batch.inputs.lengths.tolist() == [7, 10]
    assert batch.targets.tolist() == [[5, 5], [0, 0]]
    texts = TaggedTexts(
        "t",
        (("Ann",), ("unbelievably", "x")),
        (("B-a",), ("O", "B-a")),
        classes_of(["a"]),
        np.zeros(2),
    )
    batch = TagFetch(texts, align(texts, tokenizer()), device="cpu")(np.array([0, 1]))
    x = IGNORED
    assert batch.targets.tolist() == [[x, 1, x, x, x, x, x, x], [x, 0, x, x, x, x, 1, x]]


def tags_with(tags: tuple, words: tuple = ("a", "b")) -> TaggedTexts:
    return TaggedTexts("mine", (words,), (tags,), classes_of(["x"]), zero())


def one(context: str, span: tuple[int, int], question: str = "who?") -> Questions:
    return Questions("mine", (question,), (context,), ((span,),), zero(), zero())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tags_with(("O",)), "mine: text 0 has 2 words and 1 tags, expected at least one"),
        (lambda: tags_with(("O", "B-y")), "text 0 has the tag 'B-y', expected one of O, B-x, I-x."),
        (lambda: one("by Ann", (3, 9)), "is characters 3 to 8, which are not in its context of 6"),
        (lambda: one("by Ann", (3, 3)), "the answer to question 0 is characters 3 to 2, which are"),
        (
            lambda: located("by Ann", "Ann", 2),
            "expected the answer 'Ann' at character 2 of its context, found ' An'. It stands at 3.",
        ),
        (lambda: located("by Ann", "Bob", 0), "found 'by '. It stands nowhere in it. Give the con"),
        (
            lambda: cut_windows(one("by Ann", (3, 6), "who " * 20), tokenizer(), cap=24, stride=4),
            "has 20 tokens: with 3 special ones and a stride of 4 nothing new of its context fits "
            "into a window of 24. Use a larger cap, a smaller stride or a shorter question.",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_told(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
