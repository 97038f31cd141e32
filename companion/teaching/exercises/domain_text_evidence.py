"""Exercises 05.2, 05.3 and 05.4: a fall in loss, leaked texts, runs that are not paired."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from companion.teaching.exercise import Mistake, NotYet, compare, ends, number, short

# 05.2 --------------------------------------------------------------------------------------------

_NAMES = (
    "new head, first step",
    "warmed head, training",
    "warmed head, held out",
    "after, training",
    "after, held out",
    "after, held out, other masks",
)
_LOSSES = (  # made up; nats per hidden token
    (10.41, 5.70, 6.02, 4.61, 5.13, 5.31),
    (10.52, 5.20, 5.44, 3.10, 5.61, 5.40),  # it learned its training text by heart
    (10.33, 4.90, 5.00, 4.80, 4.85, 4.99),
)
_LOSS_CASES = tuple({"losses": dict(zip(_NAMES, row, strict=True))} for row in _LOSSES)


def _fall(before: str, after: str) -> Any:
    return lambda losses: losses[before] - losses[after]


_right_gain = _fall("warmed head, held out", "after, held out")
_GAIN_MISTAKES = (
    Mistake(
        _fall("new head, first step", "after, held out"),
        "You start from a head that knew nothing. Most of that fall is the head learning which "
        "tokens are frequent, on any text: start from the warmed head.",
    ),
    Mistake(
        _fall("new head, first step", "after, training"),
        "You start from a head that knew nothing, and you end on text that was read in training.",
    ),
    Mistake(
        _fall("warmed head, training", "after, training"),
        "Both are losses on training text. What was read can be learned by heart: take held-out "
        "text.",
    ),
    Mistake(
        _fall("warmed head, held out", "after, training"),
        "Held-out text before, training text after: two texts, so the difference is of both.",
    ),
    Mistake(
        _fall("warmed head, held out", "after, held out, other masks"),
        "Other tokens were hidden the second time. Some tokens are harder than others: both "
        "networks have to guess the same ones.",
    ),
    Mistake(
        lambda losses: -_right_gain(losses),
        "The right two losses, the wrong way round: a gain is before minus after.",
    ),
    Mistake(
        lambda losses: _right_gain(losses) / losses["warmed head, held out"],
        "You divided by the loss before. Return nats: loss before minus loss after.",
    ),
)


def gaining(function: Any) -> str | None:
    """Judge `function(losses) -> nats`."""
    return compare(function, _LOSS_CASES, _right_gain, _GAIN_MISTAKES, number)


# 05.3 --------------------------------------------------------------------------------------------

_TRAIN = [
    "Redistribution and use in source and binary forms, with or without modification, are "
    "permitted.",
    "A reduced number of red blood cells in the blood.",
    "An abnormal curvature of the spine to one side of the body.",
    "This program is free software and you can share it with anyone you like.",
]
_TEST = [
    "* Redistribution (and use), in SOURCE and BINARY forms (with, or without, modification) "
    "are permitted!",  # other signs
    "A reduced number of white blood cells in the blood.",  # half of its runs are there
    "An abnormal curvature of the spine to one side of the trunk.",  # one word differs
    "A reduced number of red blood cells in the blood.",  # a copy
    "Hearing loss in both ears from birth on.",
    "Hearing loss in both ears from birth on.",  # a copy within the test part
    "The spine of the body to one curvature of an abnormal side.",  # the same words, mixed
    "Redistribution and use in source and binary forms of a reduced number of red blood cells in "
    "the blood.",  # made of two training texts
    "An Abnormal Curvature Of The Spine To One Side Of The Body.",  # other capitals
]
_LEAK_CASES = (
    {"train": _TRAIN, "test": _TEST},
    {"train": _TRAIN[::-1], "test": _TEST[2:]},
    {"train": _TRAIN[:2], "test": _TEST},
)
_SHARE = 0.7


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _runs(words: Sequence[str], length: int = 3) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def _leaking(
    train: Sequence[str],
    test: Sequence[str],
    *,
    split: Any = _words,
    length: int = 3,
    together: bool = False,
) -> tuple[float, ...]:
    """Return the places of test texts that share enough runs with a training text."""
    known = [_runs(split(text), length) for text in train]
    known = [set().union(*known)] if together else known
    asked = [_runs(split(text), length) for text in test]
    return tuple(
        float(i)
        for i, runs in enumerate(asked)
        if any(len(runs & other) >= _SHARE * len(runs) for other in known)
    )


def _equal(train: Sequence[str], test: Sequence[str], read: Any) -> tuple[float, ...]:
    known = {read(text) for text in train}
    return tuple(float(i) for i, text in enumerate(test) if read(text) in known)


def _within(train: Sequence[str], test: Sequence[str]) -> tuple[float, ...]:
    """Return the places of test texts that come again in the test part."""
    return tuple(float(i) for i, text in enumerate(test) if test.count(text) > 1)


def _either(train: Sequence[str], test: Sequence[str]) -> tuple[float, ...]:
    return tuple(sorted({*_leaking(train, test), *_within(train, test)}))


_LEAK_MISTAKES = (
    Mistake(
        lambda a, b: _equal(a, b, str),
        "You found exact copies only. A changed capital or word hides the others: compare runs of "
        "three words.",
    ),
    Mistake(
        lambda a, b: _equal(a, b, lambda t: tuple(_words(t))),
        "You found copies with other capitals or signs, but not the one with a changed word: "
        "compare runs of three words.",
    ),
    Mistake(
        lambda a, b: _leaking(a, b, split=str.split),
        "Capitals and signs make words differ in your comparison. Bring both sides to small "
        "letters and words first.",
    ),
    Mistake(
        lambda a, b: _leaking(a, b, split=lambda t: t.lower().split()),
        "A comma or bracket that sticks to a word makes it another word in your comparison. Take "
        "the words without signs.",
    ),
    Mistake(
        _within,
        "You looked for copies within the test part. The leak is from one part to the other.",
    ),
    Mistake(
        _either,
        "You also report copies within the test part. They are a fault of another kind: asked for "
        "is what stands in a training text.",
    ),
    Mistake(
        lambda a, b: _leaking(a, b, length=1),
        "You compare single words. Texts of one field share most words: compare runs of three.",
    ),
    Mistake(
        lambda a, b: _leaking(a, b, together=True),
        "You put the runs of all training texts together. A text made of common phrases is then "
        "reported though no single text holds it: compare with one at a time.",
    ),
)


def _places(value: Any) -> tuple[float, ...]:
    try:
        found = sorted({int(place) for place in value})
    except (TypeError, ValueError):
        raise NotYet(f"expected a list of places in test, found {short(value)}.") from None
    return tuple(map(float, found))


def finding_leaks(function: Any) -> str | None:
    """Judge `function(train, test) -> places in test`."""
    return compare(function, _LEAK_CASES, _leaking, _LEAK_MISTAKES, _places)


# 05.4 --------------------------------------------------------------------------------------------

# Runs of a replication on HyperPartisan, five per arm; the lesson names its source.
PLAIN = np.array([86.8, 91.8, 91.9, 78.7, 87.0])
TASK = np.array([92.1, 68.9, 79.5, 74.7, 88.9])
DOMAIN = np.array([93.6, 92.1, 69.7, 93.5, 73.3])
_RUN_CASES = (
    {"before": PLAIN, "after": TASK},
    {"before": PLAIN, "after": DOMAIN},
    {"before": np.array([1.0, 2.0, 3.0]), "after": np.array([6.0, 6.5, 7.0, 6.5, 6.0, 7.0])},
)


def _welch(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    found = stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    return found.low, found.high


def _around(before: np.ndarray, after: np.ndarray, half: float) -> tuple[float, float]:
    middle = float(after.mean() - before.mean())
    return middle - half, middle + half


def _half(before: np.ndarray, after: np.ndarray, *, ddof: int, factor: Any = None) -> float:
    parts = [values.var(ddof=ddof) / len(values) for values in (before, after)]
    if factor is None:
        sizes = [len(values) - 1 for values in (before, after)]
        df = sum(parts) ** 2 / sum(p**2 / m for p, m in zip(parts, sizes, strict=True))
        factor = stats.t.ppf(0.975, df)
    return float(factor * np.sqrt(sum(parts)))


def _pooled(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    found = stats.ttest_ind(after, before, equal_var=True).confidence_interval()
    return found.low, found.high


def _paired(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    n = min(len(before), len(after))
    gaps = after[:n] - before[:n]
    half = stats.t.ppf(0.975, n - 1) * gaps.std(ddof=1) / np.sqrt(n)
    return gaps.mean() - half, gaps.mean() + half


def _reversed(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    low, high = _welch(before, after)
    return -high, -low


_RUN_MISTAKES = (
    Mistake(
        lambda b, a: _around(b, a, _half(b, a, ddof=0)),
        "Your spread divides by n. With five runs that is a tenth too small: divide by n - 1 "
        "(ddof=1).",
    ),
    Mistake(
        lambda b, a: _around(b, a, _half(b, a, ddof=1, factor=1.96)),
        "1.96 is for hundreds of runs. With five, take the t distribution.",
    ),
    Mistake(
        _paired,
        "You paired the runs. Nobody says that the first of one set belongs to the first of the "
        "other.",
    ),
    Mistake(
        _pooled,
        "You gave both sets one common spread. One spreads far more than the other: let each keep "
        "its own (equal_var=False).",
    ),
    Mistake(_reversed, "Your difference is the other way round: after minus before."),
    Mistake(
        lambda b, a: _around(b, a, _half(b, a, ddof=1, factor=stats.t.ppf(0.95, 1e9))),
        "That is the interval of 90 %, with a factor for hundreds of runs.",
    ),
    Mistake(
        lambda b, a: (a.max() - b.max(), a.max() - b.max()),
        "You compare the best runs. The best of five says how lucky one was.",
    ),
)


def judging(function: Any) -> str | None:
    """Judge `function(before, after) -> (low, high)`."""
    return compare(function, _RUN_CASES, _welch, _RUN_MISTAKES, ends)
