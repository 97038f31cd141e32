"""Exercises 01.1, 01.3 and 01.4: neighbours by cosine, three scores, labels saved."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.evidence.curves import labels_needed
from companion.teaching.exercise import Mistake, NotYet, compare, kind, number, short

# 01.1 --------------------------------------------------------------------------------------------


def _cosines(features: np.ndarray, query: int) -> np.ndarray:
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    return units @ units[query]


def _first_five(likeness: np.ndarray, query: int | None) -> np.ndarray:
    """Return the five most like, the query left out if it is given."""
    likeness = likeness.astype(float).copy()
    if query is not None:
        likeness[query] = -np.inf
    return np.argsort(-likeness, kind="stable")[:5]


def _five(features: np.ndarray, query: int) -> np.ndarray:
    return _first_five(_cosines(features, query), query)


def _distances(features: np.ndarray, query: int) -> np.ndarray:
    return np.linalg.norm(features - features[query], axis=1)


_NEIGHBOUR_MISTAKES = (
    Mistake(
        lambda f, q: _first_five(_cosines(f, q), None),
        "You seem to count the query as its own neighbour. It is always the most like itself: "
        "leave it out.",
    ),
    Mistake(
        lambda f, q: _first_five(f @ f[q], q),
        "You seem to compare plain products. A long embedding then is like everything: divide "
        "each by its length first.",
    ),
    Mistake(
        lambda f, q: _five(f, q)[::-1],
        "Those are the right five, the least like of them first. Turn them round.",
    ),
    Mistake(
        lambda f, q: _first_five(-_cosines(f, q), q),
        "You seem to return the five least like. np.argsort sorts upwards: sort the negative.",
    ),
    Mistake(
        lambda f, q: _first_five(-_distances(f, q), q),
        "You seem to go by the distance between the points. Two embeddings of one direction and "
        "different lengths are far apart, and alike by the cosine.",
    ),
    Mistake(
        lambda f, q: np.sort(_cosines(f, q))[::-1][1:6],
        "Those are the cosines. Return the places of the examples: np.argsort.",
    ),
)


def _neighbour_case(seed: int, query: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.3, 3, (14, 1))
    return {"features": rng.normal(0.4, 1, (14, 4)) * lengths, "query": query}


_NEIGHBOUR_CASES = tuple(_neighbour_case(seed, query) for seed, query in ((0, 3), (1, 0), (2, 13)))


def _places(value: Any) -> tuple[float, ...]:
    """Read five numbers.

    Raises: NotYet if it is anything else.
    """
    if isinstance(value, (str, dict, set)) or np.shape(value) != (5,):
        raise NotYet(f"expected five places in features, found {short(value)} ({kind(value)}).")
    return tuple(number(place) for place in value)


def neighbours(function: Any) -> str | None:
    """Judge `function(features, query) -> five places`."""
    return compare(function, _NEIGHBOUR_CASES, _five, _NEIGHBOUR_MISTAKES, _places)


# 01.3 --------------------------------------------------------------------------------------------


def _accuracy(labels: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean(answers == labels))


def _recalls(labels: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean([np.mean(answers[labels == c] == c) for c in (0, 1)]))


def _precisions(labels: np.ndarray, answers: np.ndarray) -> float:
    named = [labels[answers == c] == c for c in (0, 1)]
    return float(np.mean([np.mean(hits) if len(hits) else 0.0 for hits in named]))


def _auroc(labels: np.ndarray, chances: np.ndarray) -> float:
    ones, zeros = chances[labels == 1][:, None], chances[labels == 0][None]
    return float(np.mean((ones > zeros) + 0.5 * (ones == zeros)))


def _three(labels: np.ndarray, chances: np.ndarray) -> tuple[float, float, float]:
    answers = (chances >= 0.5).astype(int)
    return _accuracy(labels, answers), _recalls(labels, answers), _auroc(labels, chances)


def _at_best_threshold(labels: np.ndarray, chances: np.ndarray) -> tuple[float, float, float]:
    cuts = [(chances >= cut).astype(int) for cut in np.unique(chances)]
    answers = max(cuts, key=lambda answers: _accuracy(labels, answers))
    return _accuracy(labels, answers), _recalls(labels, answers), _auroc(labels, chances)


def _with(change: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple]) -> Callable:
    """Return a rule made of labels, answers and chances."""
    return lambda labels, chances: change(labels, (chances >= 0.5).astype(int), chances)


_SCORE_MISTAKES = (
    Mistake(
        _with(lambda y, a, p: (_accuracy(y, a), _recalls(y, a), _auroc(y, a))),
        "Your AUROC seems to be asked of the answers 0 and 1. Of those it is only the balanced "
        "accuracy: give it the chances.",
    ),
    Mistake(
        _with(lambda y, a, p: (_accuracy(y, a), _precisions(y, a), _auroc(y, p))),
        "Your balanced accuracy seems to average over what was answered 0 and 1. Average over "
        "what really is 0 and 1: how much of each class was recognised?",
    ),
    Mistake(
        _at_best_threshold,
        "You seem to choose the threshold that suits these labels best. They are the test: the "
        "threshold is one half, whatever it costs.",
    ),
    Mistake(
        _with(lambda y, a, p: (_accuracy(y, a), _accuracy(y, a), _auroc(y, p))),
        "Your balanced accuracy is the accuracy. Take the share of each class that was "
        "recognised, then the mean of the two.",
    ),
    Mistake(
        _with(lambda y, a, p: (_accuracy(y, a), _recalls(y, a), 1 - _auroc(y, p))),
        "Your AUROC seems to be turned round. It is the share of pairs in which the one has the "
        "higher chance.",
    ),
)
_SCORE_CASES = (
    {
        "labels": np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1]),
        "chances": np.array([0.1, 0.15, 0.2, 0.05, 0.3, 0.45, 0.12, 0.35, 0.4, 0.25]),
    },
    {
        "labels": np.array([0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0]),
        "chances": np.array([0.2, 0.7, 0.6, 0.4, 0.1, 0.5, 0.9, 0.3, 0.4, 0.2, 0.8, 0.55]),
    },
    {
        "labels": np.array([1, 1, 0, 0, 0, 0, 0, 0]),
        "chances": np.array([0.97, 0.99, 0.9, 0.95, 0.8, 0.98, 0.4, 0.3]),
    },
)


def _three_numbers(value: Any) -> tuple[float, ...]:
    """Read three numbers.

    Raises: NotYet if it is anything else.
    """
    if isinstance(value, (str, dict, set)) or np.shape(value) != (3,):
        raise NotYet(
            "expected three numbers, (accuracy, balanced accuracy, AUROC), found "
            f"{short(value)} ({kind(value)})."
        )
    return tuple(number(part) for part in value)


def scoring(function: Any) -> str | None:
    """Judge `function(labels, chances) -> (accuracy, balanced accuracy, AUROC)`."""
    return compare(function, _SCORE_CASES, _three, _SCORE_MISTAKES, _three_numbers)


# 01.4 --------------------------------------------------------------------------------------------

_Curve = Callable[[np.ndarray, np.ndarray, float], float]


def _needed(labels: np.ndarray, scores: np.ndarray, target: float) -> float:
    return labels_needed(labels, scores.mean(axis=0), target)


def _linear(labels: np.ndarray, scores: np.ndarray, target: float) -> float:
    mean = scores.mean(axis=0)
    reached = np.flatnonzero(mean >= target)
    if len(reached) == 0 or reached[0] == 0:
        return _needed(labels, scores, target)
    i = int(reached[0])
    return float(np.interp(target, mean[i - 1 : i + 1], labels[i - 1 : i + 1]))


def _beyond(labels: np.ndarray, scores: np.ndarray, target: float) -> float:
    found, mean = _needed(labels, scores, target), scores.mean(axis=0)
    if math.isfinite(found):
        return found
    slope = (mean[-1] - mean[-2]) / np.log(labels[-1] / labels[-2])
    return float(labels[-1] * np.exp((target - mean[-1]) / slope))


def _on_grid(labels: np.ndarray, scores: np.ndarray, target: float) -> float:
    reached = np.flatnonzero(scores.mean(axis=0) >= target)
    return float(labels[reached[0]]) if len(reached) else math.inf


def _of(pick: Callable[[np.ndarray], np.ndarray]) -> _Curve:
    return lambda labels, scores, target: labels_needed(labels, pick(scores), target)


_SAVING_MISTAKES = (
    Mistake(
        _linear,
        "You seem to go along the curve in labels. Labels count by their ratio: go along it in "
        "the logarithm of the labels.",
    ),
    Mistake(
        _beyond,
        "You seem to extend the curve beyond its last point. Nobody measured there: answer "
        "math.inf, which says more than were tried.",
    ),
    Mistake(
        _of(lambda scores: scores.max(axis=0)),
        "You seem to take the best seed at each number of labels. You will not have the best of "
        "several draws: take the mean over seeds.",
    ),
    Mistake(
        _of(lambda scores: scores[0]),
        "You seem to read the first seed only. Take the mean over seeds first.",
    ),
    Mistake(
        _on_grid,
        "You seem to return the first number of labels that was tried and reached it. Between "
        "two points, take the curve to be straight in the logarithm of the labels.",
    ),
    Mistake(
        lambda labels, scores, target: min(_needed(labels, scores, target), float(labels[-1])),
        "Where the target is never reached you seem to return the last number of labels. That "
        "says it was reached there: answer math.inf.",
    ),
)
_LABELS = np.array([20, 50, 200, 1000])
_SCORES = np.array([[0.52, 0.60, 0.69, 0.74], [0.58, 0.66, 0.70, 0.77], [0.55, 0.57, 0.71, 0.75]])
_SAVING_CASES = tuple(
    {"labels": _LABELS, "scores": _SCORES, "target": target}
    for target in (0.66, 0.80, 0.72, 0.50, 0.70)
)


def _labels(value: Any) -> float:
    """Read a number of labels, or math.inf.

    Raises: NotYet if it is neither.
    """
    if isinstance(value, (float, np.floating)) and math.isinf(value) and value > 0:
        return math.inf
    return number(value)


def saving(function: Any) -> str | None:
    """Judge `function(labels, scores, target) -> number of labels`."""
    return compare(function, _SAVING_CASES, _needed, _SAVING_MISTAKES, _labels)
