"""Exercises 00.1, 00.3 and 00.4: the right rule, the plausible wrong ones, what to say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy import stats

from companion.evidence.intervals import paired_difference, verdict
from companion.teaching.exercise import Mistake, NotYet, compare, ends, number, short

# 00.1 ------------------------------------------------------------------------------------------


def _top(labels: np.ndarray) -> int:
    return int(Counter(labels.tolist()).most_common(1)[0][0])


def _share(label: int, labels: np.ndarray) -> float:
    return float(np.mean(labels == label))


_BASELINE_CASES = (
    {"train_labels": np.array([0, 1, 0, 0]), "test_labels": np.array([0, 0, 0, 1, 0])},
    {"train_labels": np.array([1, 0, 0, 1, 0]), "test_labels": np.array([1, 0, 1, 1])},
    {
        "train_labels": np.array([2, 0, 2, 1, 2, 1]),
        "test_labels": np.array([1, 2, 1, 0, 1, 2, 0, 1, 1, 0]),
    },
)
_BASELINE_MISTAKES = (
    Mistake(
        lambda train, test: _share(_top(test), test),
        "You seem to take the most common label of the test set. A baseline is chosen before the "
        "test set is opened: take the most common training label.",
    ),
    Mistake(
        lambda train, test: 1 / len(set(train.tolist())),
        "You seem to return 1 / number of classes, which is the score of guessing at random. The "
        "majority baseline gives the same answer every time.",
    ),
    Mistake(
        lambda train, test: _top(train),
        "You seem to return the class itself. Return how often that answer is right on the test "
        "labels.",
    ),
    Mistake(
        lambda train, test: _share(_top(train), train),
        "You seem to score on the training labels. The label comes from training, the score "
        "from the test labels.",
    ),
    Mistake(
        lambda train, test: np.sum(test == _top(train)),
        "You seem to return a count. Divide by the number of test labels.",
    ),
    Mistake(
        lambda train, test: 100 * _share(_top(train), test),
        "You seem to return a percentage. Return a share between 0 and 1.",
    ),
    Mistake(
        lambda train, test: _share(round(float(np.mean(train))), test),
        "You seem to round the mean label. Labels are names, and names have no mean: count them.",
    ),
)


def baseline(function: Any) -> str | None:
    """Judge `function(train_labels, test_labels) -> float`."""

    def right(train: np.ndarray, test: np.ndarray) -> float:
        return _share(_top(train), test)

    return compare(function, _BASELINE_CASES, right, _BASELINE_MISTAKES, number)


# 00.3 ------------------------------------------------------------------------------------------

_PAIRS = (  # made-up accuracies of A and B for seeds 0 to 4
    {
        "a": np.array([0.78, 0.74, 0.81, 0.70, 0.77]),
        "b": np.array([0.73, 0.71, 0.74, 0.68, 0.72]),
    },
    {
        "a": np.array([0.61, 0.66, 0.58, 0.70, 0.63]),
        "b": np.array([0.69, 0.65, 0.71, 0.72, 0.66]),
    },
    {
        "a": np.array([0.90, 0.52, 0.75, 0.83, 0.60]),
        "b": np.array([0.86, 0.55, 0.70, 0.80, 0.61]),
    },
)


_T4 = float(stats.t.ppf(0.975, 4))


def _right_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    found = paired_difference(a, b)
    return found.low, found.high


def _almost(
    a: np.ndarray, b: np.ndarray, quantile: float = _T4, ddof: int = 1
) -> tuple[float, float]:
    """Return the paired interval with the quantile or the spread of a mistake."""
    middle = np.mean(a - b)
    half = quantile * np.std(a - b, ddof=ddof) / np.sqrt(len(a))
    return middle - half, middle + half


def _spread_only(a: np.ndarray, b: np.ndarray, quantile: float) -> tuple[float, float]:
    middle, half = np.mean(a - b), quantile * np.std(a - b, ddof=1)
    return middle - half, middle + half


_UNPAIRED = (
    "You seem to treat A and B as unpaired. Both were scored on the same five splits: subtract "
    "seed by seed first, and what makes a split hard for both drops out."
)
_WITH_N = (
    "You seem to use the standard deviation with n. np.std divides by n unless told otherwise; "
    "for a sample use ddof=1, or the interval comes out too narrow."
)
_ONE_96 = (
    "You seem to use 1.96, which is right when the spread is known or n is large. With five "
    "seeds t(0.975, 4 degrees of freedom) = 2.776."
)
_NO_ROOT = (
    "You seem to use the standard deviation where the standard error belongs. Divide it by the "
    "square root of 5: the interval is about the mean, not about one more seed."
)
_INTERVAL_MISTAKES = (
    Mistake(lambda a, b: tuple(stats.ttest_ind(a, b).confidence_interval()), _UNPAIRED),
    Mistake(
        lambda a, b: tuple(stats.ttest_ind(a, b, equal_var=False).confidence_interval()), _UNPAIRED
    ),
    Mistake(lambda a, b: _almost(a, b, ddof=0), _WITH_N),
    Mistake(lambda a, b: _almost(a, b, quantile=1.96), _ONE_96),
    Mistake(lambda a, b: _almost(a, b, quantile=1.96, ddof=0), f"{_ONE_96} And: {_WITH_N}"),
    Mistake(
        lambda a, b: _almost(b, a),
        "You seem to have swapped the sign: the difference is A minus B, so that above 0 means A "
        "is better.",
    ),
    Mistake(lambda a, b: _spread_only(a, b, _T4), _NO_ROOT),
    Mistake(lambda a, b: _spread_only(a, b, 1.96), f"{_NO_ROOT} And: {_ONE_96}"),
    Mistake(
        lambda a, b: _almost(a, b, quantile=float(stats.t.ppf(0.975, 5))),
        "You seem to use t with 5 degrees of freedom. One is spent on the mean: take n - 1 = 4.",
    ),
    Mistake(
        lambda a, b: _almost(a, b, quantile=float(stats.t.ppf(0.95, 4))),
        "You seem to use t(0.95), which leaves 5 % on each side: a 90 % interval. Take t(0.975).",
    ),
    Mistake(
        lambda a, b: _almost(a, b)[::-1],
        "You seem to return (high, low). The low end comes first.",
    ),
    Mistake(
        lambda a, b: (np.mean(a - b), _almost(a, b)[1] - np.mean(a - b)),
        "You seem to return the mean and the half-width. Return mean - half and mean + half.",
    ),
)


def interval(function: Any) -> str | None:
    """Judge `function(a, b) -> (low, high)` on five made-up pairs."""
    return compare(function, _PAIRS, _right_interval, _INTERVAL_MISTAKES, ends)


# 00.4 ------------------------------------------------------------------------------------------

_VERDICTS = ("supported", "contradicted", "undecided")
# Four made-up results, then the cases that pull the wrong rules apart, then the two edges.
_RESULTS = (
    {"low": 0.031, "high": 0.089, "delta": 0.01},
    {"low": 0.004, "high": 0.052, "delta": 0.01},
    {"low": -0.060, "high": 0.006, "delta": 0.01},
    {"low": -0.020, "high": 0.030, "delta": 0.01},
    {"low": 0.002, "high": 0.008, "delta": 0.01},
    {"low": -0.090, "high": -0.040, "delta": 0.01},
    {"low": 0.020, "high": 0.060, "delta": 0.05},
    {"low": 0.010, "high": 0.050, "delta": 0.01},
    {"low": -0.030, "high": 0.010, "delta": 0.01},
)


def _by(supported: bool, contradicted: bool) -> str:
    return "supported" if supported else "contradicted" if contradicted else "undecided"


_VERDICT_MISTAKES = (
    Mistake(
        lambda low, high, delta: _by(low > delta, True),
        "You seem to read an interval that overlaps delta as equal, that is, as contradicted. It "
        "holds values on both sides, so this experiment cannot tell: undecided.",
    ),
    Mistake(
        lambda low, high, delta: _by(low > 0, True),
        "You seem to read an interval that includes 0 as no effect. Not shown is not the same as "
        "shown to be absent; and the claim is about delta, not about 0.",
    ),
    Mistake(
        lambda low, high, delta: _by(low > 0, high < 0),
        "You seem to ignore delta. A gain above 0 that may be smaller than the smallest effect "
        "that matters does not support the claim.",
    ),
    Mistake(
        lambda low, high, delta: _by((low + high) / 2 > delta, True),
        "You seem to judge by the middle of the interval alone. The ends decide: they say how far "
        "the middle may be off.",
    ),
    Mistake(
        lambda low, high, delta: _by(high > delta, low < delta),
        "You seem to use the wrong ends. To support the claim even the low end must be above "
        "delta; to contradict it even the high end must be below.",
    ),
    Mistake(
        lambda low, high, delta: _by(low >= delta, high <= delta),
        "The rule is right but for its edges: an end exactly at delta leaves the claim undecided.",
    ),
    Mistake(
        lambda low, high, delta: _by(low > delta, high < -delta),
        "You seem to ask that B beats A by delta. The claim is already contradicted where A "
        "cannot be better by delta: high < delta.",
    ),
)


def _word(value: Any) -> str:
    word = str(value).strip().lower()
    if word not in _VERDICTS:
        raise NotYet(f"expected one of the words {', '.join(_VERDICTS)}; found {short(value)}.")
    return word


def reading(function: Any) -> str | None:
    """Judge `function(low, high, delta) -> word`."""
    return compare(function, _RESULTS, verdict, _VERDICT_MISTAKES, _word)
