"""Exercises 06.1, 06.2 and 06.3: prototypes, a label of two tokens, contextual calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from companion.teaching.exercise import Mistake, compare, number, numbers
from companion.transfer.fewshot import nearest_neighbour, nearest_prototype, units

# 06.1 --------------------------------------------------------------------------------------------

_SUPPORT_CASES = (
    {
        "support": np.array([[9.0, 1], [0.1, 0.1], [0.2, 1], [0, 1], [-1, 0.6], [-1.2, 0.1]]),
        "labels": np.array([3, 3, 5, 5, 8, 8]),
        "queries": np.array([[0.5, 0.36], [4, 4.6], [-0.4, 0.5], [0.05, 0.01], [-30, 26.0]]),
    },
    {
        "support": np.array([[1.0, 0, 0], [0, 1, 0], [8, 7, 1], [0, 0, 1], [0.1, 0, 0.3]]),
        "labels": np.array([0, 1, 1, 2, 2]),
        "queries": np.array([[3.0, 2.3, 0], [0.2, 0, 0.28], [7, 0.5, 5], [5, 4, 4.2]]),
    },
    {
        "support": np.array([[2.0, 0.1], [0.3, 2], [0.1, 0.9], [20, 6]]),
        "labels": np.array([1, 0, 0, 1]),
        "queries": np.array([[1.0, 0.85], [0.8, 1], [12, 13], [-1, 0.2]]),
    },
)


def _classes_of(support: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> tuple[float, ...]:
    return _plain(nearest_prototype(support, labels, queries))


def _plain(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _means(support: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    classes = np.unique(labels)
    return np.stack([support[labels == c].mean(axis=0) for c in classes]), classes


def _by_cosine_of_raw_means(s: np.ndarray, y: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    means, classes = _means(s, y)
    return _plain(classes[(units(q) @ units(means).T).argmax(axis=1)])


def _by_distance(s: np.ndarray, y: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    means, classes = _means(s, y)
    return _plain(classes[np.linalg.norm(q[:, None] - means[None], axis=2).argmin(axis=1)])


def _by_product(s: np.ndarray, y: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    means, classes = _means(s, y)
    return _plain(classes[(q @ means.T).argmax(axis=1)])


def _farthest(s: np.ndarray, y: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    means, classes = _means(units(s), y)
    return _plain(classes[(units(q) @ units(means).T).argmin(axis=1)])


def _places(s: np.ndarray, y: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    means, _ = _means(units(s), y)
    return _plain((units(q) @ units(means).T).argmax(axis=1))


_PROTOTYPE_MISTAKES = (
    Mistake(
        lambda s, y, q: _plain(nearest_neighbour(s, y, q)),
        "You took the label of the single most alike example. A prototype is the mean of a class.",
    ),
    Mistake(
        _by_cosine_of_raw_means,
        "You averaged before bringing the examples to length 1, so that one long vector outvotes "
        "the others of its class.",
    ),
    Mistake(
        _by_distance,
        "You measured distances between vectors of different lengths. Compare directions: bring "
        "all of them to length 1 first.",
    ),
    Mistake(
        _by_product,
        "You compared by products without bringing the means to length 1: a class of long vectors "
        "wins everywhere.",
    ),
    Mistake(_farthest, "You chose the class whose prototype is least alike: argmin for argmax."),
    Mistake(
        _places,
        "You returned the place of the prototype. Asked for is its class, as it stands in labels.",
    ),
    Mistake(
        lambda s, y, q: tuple(float(np.unique(y)[0]) for _ in q),
        "Every query got the same class. Is there one mean for each class, or one for all?",
    ),
)


def classifying(function: Any) -> str | None:
    """Judge `function(support, labels, queries) -> classes`."""
    return compare(function, _SUPPORT_CASES, _classes_of, _PROTOTYPE_MISTAKES, numbers)


# 06.2 --------------------------------------------------------------------------------------------


def _text(tokens: list[int], start: int, seed: int) -> dict[str, Any]:
    """Return made-up log-probabilities (T, 6) of a text, its tokens, and where its label starts."""
    logits = np.random.default_rng(seed).normal(scale=2.0, size=(len(tokens), 6))
    return {
        "log_probs": log_softmax(logits, axis=1).round(3),
        "tokens": np.array(tokens),
        "start": start,
    }


_TEXT_CASES = (
    _text([0, 3, 2, 4, 1], 3, seed=1),  # a label of two tokens
    _text([5, 1, 2, 0], 3, seed=2),  # of one
    _text([2, 2, 4, 0, 3, 1, 5], 4, seed=3),  # of three
)


def _each(log_probs: np.ndarray, tokens: np.ndarray, start: int, shift: int = 1) -> list[float]:
    """Return the log-probability of each token from `start` on."""
    return [float(log_probs[t - shift, tokens[t]]) for t in range(start, len(tokens))]


_SCORE_MISTAKES = (
    Mistake(
        lambda p, t, s: sum(_each(p, t, s, shift=0)),
        "You looked each token up in its own row. Row t says what comes after token t: look one "
        "row earlier.",
    ),
    Mistake(
        lambda p, t, s: _each(p, t, s)[0],
        "You scored the first token of the label only. Two labels may begin alike: add up all of "
        "them.",
    ),
    Mistake(
        lambda p, t, s: _each(p, t, s)[-1],
        "You scored the last token of the label only, given that its beginning was said.",
    ),
    Mistake(
        lambda p, t, s: float(np.mean(_each(p, t, s))),
        "You averaged over the tokens of the label. That is another score, useful where long "
        "labels should not lose by their length; here the sum is asked for.",
    ),
    Mistake(
        lambda p, t, s: float(np.exp(sum(_each(p, t, s)))),
        "You returned a probability. Products of many small numbers vanish: stay with logarithms.",
    ),
    Mistake(
        lambda p, t, s: sum(_each(p, t, 1)),
        "You counted the tokens of the prompt, too. They are the same for every label, and not "
        "what is asked: begin at start.",
    ),
    Mistake(
        lambda p, t, s: sum(_each(p, t, s + 1)),
        "You began one token late: tokens[start] belongs to the label.",
    ),
    Mistake(
        lambda p, t, s: sum(float(p[i].max()) for i in range(s - 1, len(t) - 1)),
        "You took the most probable token of each row, whichever it is. Take the label's own.",
    ),
)


def _label_score(log_probs: np.ndarray, tokens: np.ndarray, start: int) -> float:
    return sum(_each(log_probs, tokens, start))


def scoring(function: Any) -> str | None:
    """Judge `function(log_probs, tokens, start) -> log-probability of the label`."""
    return compare(function, _TEXT_CASES, _label_score, _SCORE_MISTAKES, number)


# 06.3 --------------------------------------------------------------------------------------------

_BIAS_CASES = (
    {
        "scores": np.array([[-2.0, -2.5, -6.0], [-1.0, -3.0, -3.5]]),
        "free": np.array([[-1.0, -3.0, -5.0], [-2.0, -2.5, -4.0]]),
    },
    {
        "scores": np.array([[-0.5, -1.5], [-3.0, -2.8], [-7.0, -9.0]]),
        "free": np.array([[-1.0, -2.0], [-4.0, -3.0], [-0.2, -3.0]]),
    },
)


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True)


def _right_calibration(scores: np.ndarray, free: np.ndarray) -> np.ndarray:
    return _scaled(softmax(scores, axis=1) / softmax(free, axis=1).mean(axis=0))


def _as_told(rule: Any) -> Any:
    return lambda scores, free: numbers(rule(scores, free))


_CALIBRATION_MISTAKES = (
    Mistake(
        _as_told(lambda s, f: softmax(s, axis=1)),
        "These are the probabilities as they were: the content-free rows changed nothing.",
    ),
    Mistake(
        _as_told(lambda s, f: softmax(s / f.mean(axis=0), axis=1)),
        "You divided logarithms. Make probabilities first: a quotient of logarithms means nothing.",
    ),
    Mistake(
        _as_told(lambda s, f: _scaled(softmax(s, axis=1) / softmax(s, axis=1).mean(axis=0))),
        "You took the average of the queries for the bias. Then most queries of one class would "
        "speak against that class: use the questions that ask nothing.",
    ),
    Mistake(
        _as_told(lambda s, f: softmax(s, axis=1) / softmax(f, axis=1).mean(axis=0)),
        "The rows do not sum to 1 any more. Divide each by its sum.",
    ),
    Mistake(
        _as_told(lambda s, f: _scaled(softmax(s, axis=1) * softmax(f, axis=1).mean(axis=0))),
        "You multiplied by the bias, which doubles it: divide.",
    ),
    Mistake(
        _as_told(lambda s, f: _scaled(softmax(s, axis=1) / softmax(f[:1], axis=1))),
        "You used the first content-free question only. Each is odd in its own way: average all "
        "of them.",
    ),
    Mistake(
        _as_told(lambda s, f: _scaled(softmax(s, axis=1) / np.exp(f).mean(axis=0))),
        "You averaged exp(free) without making it sum to 1 among the labels, so that the question "
        "after which labels are most likely at all decides: softmax first.",
    ),
    Mistake(
        _as_told(lambda s, f: softmax(s - f.mean(axis=0), axis=1)),
        "You averaged the logarithms of the content-free rows. Close, but the method averages "
        "their probabilities.",
    ),
)


def calibrating(function: Any) -> str | None:
    """Judge `function(scores, free) -> probabilities`."""
    rule = _as_told(_right_calibration)
    return compare(function, _BIAS_CASES, rule, _CALIBRATION_MISTAKES, numbers)
