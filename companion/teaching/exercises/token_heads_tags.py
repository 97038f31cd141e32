"""Exercises 04.1 and 04.2: labels for tokens, and entity F1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from companion.evidence.bio import Entity, entities_of
from companion.evidence.entities import entity_score
from companion.teaching.exercise import Mistake, NotYet, compare, number, numbers

# 04.1 --------------------------------------------------------------------------------------------

_IGNORED = -100
# What a tokenizer of 30,000 lower-case pieces makes of six texts; labels: 0 O, 1 B, 2 I.
_TEXTS: tuple[tuple[list[int | None], list[int]], ...] = (
    # Jets coach Rex Ryan
    ([None, 0, 1, 2, 3, None], [1, 0, 1, 2]),
    # Copa Sudamericana #2010: four and two pieces
    ([None, 0, 0, 1, 1, 1, 1, 2, 2, None], [1, 2, 0]),
    # an emoji of several characters is one unknown piece: I <emoji> White Eagle
    ([None, 0, 1, 2, 3, None], [0, 0, 1, 2]),
    # a sign that changes how a heart is drawn stands alone, and has no piece at all
    ([None, 0, 1, 3, 4, 4, None], [0, 0, 0, 1, 2]),
    # cut after six pieces: the last two words are not read
    ([None, 0, 1, 1, 2, None], [0, 1, 2, 0, 1]),
    # one word, five pieces
    ([None, 0, 0, 0, 0, 0, None], [1]),
)
_LABEL_CASES = tuple({"words": words, "labels": labels} for words, labels in _TEXTS)


def _labelled(
    words: Sequence[int | None],
    labels: Sequence[int],
    *,
    special: int = _IGNORED,
    again: Callable[[int], int] = lambda label: _IGNORED,
) -> tuple[float, ...]:
    """Return labels of tokens; `again` labels those that go on with a word whose label it gets."""
    out, last = [], None
    for word in words:
        if word is None:
            out.append(special)
        else:
            out.append(again(labels[word]) if word == last else labels[word])
        last = word
    return numbers(out)


def _counted(words: Sequence[int | None], labels: Sequence[int]) -> tuple[float, ...]:
    """Count the words as they come, whatever their places are."""
    seen = list(dict.fromkeys(word for word in words if word is not None))
    return _labelled([None if word is None else seen.index(word) for word in words], labels)


def _at_the_end(words: Sequence[int | None], labels: Sequence[int]) -> tuple[float, ...]:
    """Label the last token of each word."""
    return _labelled(words[::-1], labels)[::-1]


def _shifted(words: Sequence[int | None], labels: Sequence[int]) -> tuple[float, ...]:
    """Give every word the label of the word before it."""
    return _labelled(words, [*labels[-1:], *labels[:-1]])


_LABEL_MISTAKES = (
    Mistake(
        lambda w, y: _labelled(w, y, again=lambda label: label),
        "You seem to label every token of a word. Then a long word counts several times: label its "
        "first token only.",
    ),
    Mistake(
        lambda w, y: _labelled(w, y, special=0),
        "Special tokens got O. They stand for no word: give them -100, so that the loss leaves "
        "them out.",
    ),
    Mistake(
        lambda w, y: _labelled(w, y, special=0, again=lambda label: 0),
        "You seem to give O to all tokens that begin no word. O is an answer too, and is learned: "
        "use -100.",
    ),
    Mistake(
        lambda w, y: _labelled(w, y, again=lambda label: 2 if label else 0),
        "Tokens that go on with a word got I-, or O. Some do it so; here they get -100, so that "
        "each word has one answer.",
    ),
    Mistake(
        _counted,
        "You seem to count the words as they come. One word has no token at all, and all labels "
        "after it slip: use the place that stands in words.",
    ),
    Mistake(
        _at_the_end, "You seem to label the last token of each word; here the first one speaks."
    ),
    Mistake(
        _shifted,
        "Your labels are off by one: each word got the label of the one before it.",
    ),
    Mistake(
        lambda w, y: tuple(x for x in _labelled(w, y) if x != _IGNORED),
        "Return a label for every token. Those that are not to count get -100.",
    ),
)


def labelling(function: Any) -> str | None:
    """Judge `function(words, labels) -> labels of tokens`."""
    return compare(function, _LABEL_CASES, _labelled, _LABEL_MISTAKES, numbers)


# 04.2 --------------------------------------------------------------------------------------------

_ROWS = (
    ("O B-person I-person O", "O B-person I-person O"),  # right
    ("B-place I-place O O", "B-place O O O"),  # cut short
    ("O O B-person O", "O O B-place O"),  # another kind
    ("B-person O B-place I-place", "I-person O I-place I-place"),  # begun with I-
    ("O B-person O O", "O B-person I-place O"),  # another kind goes on
    ("O O O O", "O B-place O O"),  # nothing there
    ("O B-place I-place O", "O O B-place O"),  # begun late
)
_SPLIT = tuple(tuple(text.split() for text in row) for row in _ROWS)


def _case(*places: int) -> dict[str, list[list[str]]]:
    chosen = [_SPLIT[i] for i in places]
    return {"truth": [t for t, _ in chosen], "answers": [a for _, a in chosen]}


_SCORE_CASES = (
    _case(0, 1, 2, 3, 4, 5),
    _case(0, 6),
    _case(0, 3),
    _case(1, 4),
    _case(2, 5),
    _case(0, 5),
)

Rows = Sequence[Sequence[str]]


def _f1(truth: Sequence, answers: Sequence, read: Callable[[Sequence[str]], set]) -> float:
    """Return the F1 of what `read` finds in the rows of tags, all rows together."""
    pairs = [(read(t), read(a)) for t, a in zip(truth, answers, strict=True)]
    right = sum(len(t & a) for t, a in pairs)
    both = sum(len(t) + len(a) for t, a in pairs)
    return 2 * right / both if both else 0.0


def _right(truth: Rows, answers: Rows) -> float:
    return entity_score(truth, answers).f1


def _overlap(truth: Rows, answers: Rows) -> float:
    """Count a name as found if any word of it was named with its kind."""
    right = both = 0
    for t, a in zip(truth, answers, strict=True):
        wanted, got = entities_of(t), entities_of(a)
        met = [e for e in wanted if any(_meet(e, g) for g in got)]
        right, both = right + len(met), both + len(wanted) + len(got)
    return 2 * right / both if both else 0.0


def _meet(one: Entity, other: Entity) -> bool:
    return one.kind == other.kind and one.start < other.end and other.start < one.end


def _strict(tags: Sequence[str]) -> set[Entity]:
    """Return the names that begin with B-; a stray I- names nothing."""
    begun = list(tags)
    for i, tag in enumerate(tags):
        before = begun[i - 1] if i else "O"
        if tag.startswith("I-") and before[2:] != tag[2:]:
            begun[i] = "O"
    return set(entities_of(begun))


def _any_goes_on(tags: Sequence[str]) -> set[Entity]:
    """Return the names if I- of any kind goes on with the name before it."""
    same, kind = [], ""
    for tag in tags:
        kind = kind if tag.startswith("I-") and kind else tag[2:]
        same.append(tag if tag == "O" else f"{tag[0]}-{kind}")
    return set(entities_of(same))


def _words(tags: Sequence[str]) -> set:
    return {(i, tag) for i, tag in enumerate(tags) if tag != "O"}


def _all_words(truth: Rows, answers: Rows) -> float:
    pairs = [p for t, a in zip(truth, answers, strict=True) for p in zip(t, a, strict=True)]
    return float(np.mean([t == a for t, a in pairs]))


def _without_kind(tags: Sequence[str]) -> set:
    return {tuple(entity)[1:] for entity in entities_of(tags)}


def _starts(tags: Sequence[str]) -> set:
    return {(entity.kind, entity.start) for entity in entities_of(tags)}


def _mean_of_texts(truth: Rows, answers: Rows) -> float:
    return float(np.mean([_right([t], [a]) for t, a in zip(truth, answers, strict=True)]))


_SCORE_MISTAKES = (
    Mistake(
        _all_words,
        "That is the share of words with the right tag, O included. A row of O alone would score "
        "high. Count whole names.",
    ),
    Mistake(
        lambda t, a: _f1(t, a, _words),
        "That is F1 over words. A name of two words of which one was found is not found: count "
        "whole names.",
    ),
    Mistake(
        _overlap,
        "You seem to count a name as found if a part of it was. Both ends have to be right.",
    ),
    Mistake(
        lambda t, a: _f1(t, a, _starts),
        "You seem to compare only where names begin. Their ends have to be right too.",
    ),
    Mistake(
        lambda t, a: _f1(t, a, _without_kind),
        "You seem to leave the kind out: a person named as a place is wrong.",
    ),
    Mistake(
        lambda t, a: _f1(t, a, _strict),
        "A stray I-, with nothing of its kind before it, begins a name here. You seem to drop it.",
    ),
    Mistake(
        lambda t, a: _f1(t, a, _any_goes_on),
        "You seem to let I- of another kind go on with a name. After B-person, I-place begins a "
        "place.",
    ),
    Mistake(
        _mean_of_texts,
        "You seem to average F1 over the texts. A text without names has none to give: add up "
        "right, found and true over all texts, then divide once.",
    ),
    Mistake(
        lambda t, a: entity_score(t, a).precision,
        "That is the precision, right / found. F1 asks for the missed names too.",
    ),
    Mistake(
        lambda t, a: entity_score(t, a).recall,
        "That is the recall, right / true. F1 asks for the wrongly found names too.",
    ),
)


def scoring(function: Any) -> str | None:
    """Judge `function(truth, answers) -> F1`."""
    return compare(function, _SCORE_CASES, _right, _SCORE_MISTAKES, _share)


def _share(value: Any) -> float:
    found = number(value)
    if not 0 <= found <= 1:
        raise NotYet(f"expected a share from 0 to 1, found {found:.4g}.")
    return found
