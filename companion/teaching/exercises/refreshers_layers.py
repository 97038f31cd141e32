"""Exercises R.3 and R.4: BatchNorm in both of its modes, and one attention head."""

from __future__ import annotations

from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, NotYet, compare, numbers

# R.3 ---------------------------------------------------------------------------------------------


def normed(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
) -> Any:
    """Return x, (n, channels), standardised by mean and var, then scaled and shifted."""
    return numbers((x - mean) / np.sqrt(var + eps) * weight + bias)


def batchnorm(
    x: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    training: bool,
) -> Any:
    """Return what BatchNorm makes of x: by the batch in training, else by the running numbers."""
    mean, var = (x.mean(0), x.var(0)) if training else (running_mean, running_var)
    return normed(x, mean, var, weight, bias, eps)


def _other_divisor(divisor: Any) -> Any:
    """Return BatchNorm that divides by divisor(var, eps)."""

    def rule(x, running_mean, running_var, weight, bias, eps, training):
        mean, var = (x.mean(0), x.var(0)) if training else (running_mean, running_var)
        return numbers((x - mean) / divisor(var, eps) * weight + bias)

    return rule


def _unbiased(x, running_mean, running_var, weight, bias, eps, training):
    mean, var = (x.mean(0), x.var(0, ddof=1)) if training else (running_mean, running_var)
    return normed(x, mean, var, weight, bias, eps)


def _by_rows(x, running_mean, running_var, weight, bias, eps, training):
    if not training:
        return normed(x, running_mean, running_var, weight, bias, eps)
    rows = {"axis": 1, "keepdims": True}
    return normed(x, x.mean(**rows), x.var(**rows), weight, bias, eps)


def _as_one(x, running_mean, running_var, weight, bias, eps, training):
    mean, var = (x.mean(), x.var()) if training else (running_mean, running_var)
    return normed(x, mean, var, weight, bias, eps)


_NORM_MISTAKES = (
    Mistake(
        lambda *case: batchnorm(*case[:-1], True),
        "You seem to use the batch's own mean and variance in eval mode too. There the running "
        "ones count, so that an answer does not depend on its neighbours.",
    ),
    Mistake(
        lambda *case: batchnorm(*case[:-1], False),
        "You seem to use the running mean and variance in train mode too. There the batch's own "
        "count.",
    ),
    Mistake(
        lambda *case: batchnorm(*case[:-1], not case[-1]),
        "The two modes seem to be swapped: training means the batch's own mean and variance.",
    ),
    Mistake(
        _other_divisor(lambda var, eps: var + eps),
        "You seem to divide by the variance. Divide by its square root, the standard deviation.",
    ),
    Mistake(
        _other_divisor(lambda var, eps: np.sqrt(var)),
        "You seem to leave out eps. It is added to the variance, so that a channel that never "
        "varies is not divided by 0.",
    ),
    Mistake(
        _other_divisor(lambda var, eps: np.sqrt(var) + eps),
        "You seem to add eps to the standard deviation. It is added to the variance, under the "
        "root.",
    ),
    Mistake(
        _unbiased,
        "You seem to divide the batch's squares by n - 1. For its output BatchNorm divides by n, "
        "as x.var(axis=0) does (for the running variance PyTorch takes n - 1).",
    ),
    Mistake(
        _by_rows,
        "You seem to standardise each row, one example over its channels. That is another layer, "
        "LayerNorm. BatchNorm takes each column: one channel over the examples, axis=0.",
    ),
    Mistake(
        _as_one,
        "You seem to take one mean over the whole batch. Each channel has its own: axis=0.",
    ),
    Mistake(
        lambda x, mean, var, weight, bias, eps, training: batchnorm(
            x, mean, var, np.ones_like(weight), np.zeros_like(bias), eps, training
        ),
        "You seem to leave out weight and bias: after standardising comes * weight + bias.",
    ),
)
_NORM = {
    "x": np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]]),
    "running_mean": np.array([2.0, 15.0]),
    "running_var": np.array([4.0, 9.0]),
    "weight": np.array([1.0, 2.0]),
    "bias": np.array([0.5, -1.0]),
    "eps": 0.1,
}
_OTHER = {"x": np.array([[0.5, 2.0], [-0.5, 7.0]]), "weight": np.array([3.0, 1.0]), "eps": 1e-5}
_NORM_CASES = tuple(
    {**_NORM, **changes, "training": training}
    for changes in ({}, _OTHER)
    for training in (True, False)
)


def norm(function: Any) -> str | None:
    """Judge `function(x, running_mean, ..., training) -> array` of R.3."""
    return compare(function, _NORM_CASES, batchnorm, _NORM_MISTAKES, numbers)


# R.4 ---------------------------------------------------------------------------------------------


def softmax(scores: np.ndarray, axis: int = 1) -> np.ndarray:
    """Return the shares of e to the power of each score, along `axis`."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def scores_of(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the scaled scores, one row for each query, one column for each key."""
    return queries @ keys.T / np.sqrt(keys.shape[1])


def attend(
    queries: np.ndarray, keys: np.ndarray, values: np.ndarray, mask: np.ndarray, scale: float = 1
) -> Any:
    """Return what a head passes on; `scale` is what a wrong answer multiplies the scores by."""
    scores = np.where(mask, scale * scores_of(queries, keys), -1e9)
    return numbers(softmax(scores) @ values)


_HEAD_MISTAKES = (
    Mistake(
        lambda q, k, v, mask: attend(q, k, v, mask, scale=k.shape[1] ** 0.5),
        "You seem to leave out the scale: divide the scores by the square root of the width.",
    ),
    Mistake(
        lambda q, k, v, mask: attend(q, k, v, mask, scale=k.shape[1] ** -0.5),
        "You seem to divide by the width d. Divide by its square root.",
    ),
    Mistake(
        lambda q, k, v, mask: attend(q, k, v, mask, scale=(k.shape[1] / len(k)) ** 0.5),
        "You seem to take the square root of the number of keys. Take that of their width, "
        "keys.shape[1].",
    ),
    Mistake(
        lambda q, k, v, mask: numbers(softmax(np.where(mask, scores_of(q, k), -1e9), axis=0) @ v),
        "You seem to take the softmax over the queries. Each query shares itself out among the "
        "keys: every row of the weights sums to 1, axis=1.",
    ),
    Mistake(
        lambda q, k, v, mask: numbers((softmax(scores_of(q, k)) * mask) @ v),
        "You seem to mask after the softmax. The weights that are left no longer sum to 1: set "
        "the hidden scores to -np.inf before it.",
    ),
    Mistake(
        lambda q, k, v, mask: attend(q, k, v, ~mask),
        "You seem to hide what may be seen. True in the mask means: look at this one.",
    ),
    Mistake(
        lambda q, k, v, mask: attend(q, k, v, np.full_like(mask, True)),
        "You seem to leave out the mask: hidden keys still get a share.",
    ),
    Mistake(
        lambda q, k, v, mask: numbers(softmax(np.where(mask, scores_of(q, k), 0)) @ v),
        "You seem to set hidden scores to 0. A score of 0 still gets a share, e to the power of "
        "0 is 1: set them to -np.inf.",
    ),
    Mistake(
        lambda q, k, v, mask: numbers(softmax(np.where(mask, scores_of(q, k), -1e9))),
        "You seem to return the weights. The head passes on the mix: weights @ values.",
    ),
)
_QUERIES = np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 3.0, 0.0, -1.0]])
_KEYS = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0], [2.0, 0.0, 0.0, 1.0]])
_VALUES = np.array([[1.0, 0.0], [0.0, 1.0], [10.0, -10.0]])
_HEAD_CASES = tuple(
    {"queries": _QUERIES, "keys": _KEYS, "values": _VALUES, "mask": np.array(mask)}
    for mask in ([True, True, False], [False, True, True], [True, False, True])
)


def _mixed(value: Any) -> Any:
    """Read what a head passes on; where it is nan, say what makes it so."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isnan(value).any():
        raise NotYet(
            "expected finite numbers, found nan: a softmax got nothing but -inf. Along axis=0 a "
            "hidden key's column holds nothing else; take it along axis=1, over the keys."
        )
    return numbers(value)


def head(function: Any) -> str | None:
    """Judge `function(queries, keys, values, mask) -> array` of R.4."""
    return compare(function, _HEAD_CASES, attend, _HEAD_MISTAKES, _mixed)
