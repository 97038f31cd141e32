"""Exercises R.2, R.5 and R.6: cross-entropy, a step of AdamW, the middle of many resamples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, NotYet, compare, ends, number, numbers

# R.2 ---------------------------------------------------------------------------------------------


def log_shares(logits: np.ndarray, axis: int = 1) -> np.ndarray:
    """Return the logarithms of the softmax of logits (n, classes)."""
    less = logits - logits.max(axis=axis, keepdims=True)
    return less - np.log(np.exp(less).sum(axis=axis, keepdims=True))


def of_labels(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return in each row of values (n, classes) the one of its label."""
    return values[np.arange(len(labels)), labels]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy of the labels."""
    return float(-of_labels(log_shares(logits), labels).mean())


_LOSS_MISTAKES = (
    Mistake(
        lambda logits, labels: len(labels) * cross_entropy(logits, labels),
        "You seem to return the sum. Take the mean, so that the loss does not grow with the batch.",
    ),
    Mistake(
        lambda logits, labels: -cross_entropy(logits, labels),
        "You seem to have lost the minus: the log of a probability is negative, a loss is not.",
    ),
    Mistake(
        lambda logits, labels: cross_entropy(logits, labels) / np.log(10),
        "You seem to use np.log10. The softmax takes powers of e, so take np.log.",
    ),
    Mistake(
        lambda logits, labels: cross_entropy(logits, labels) / np.log(2),
        "You seem to use np.log2. The softmax takes powers of e, so take np.log.",
    ),
    Mistake(
        lambda logits, labels: cross_entropy(logits, np.zeros_like(labels)),
        "You seem to take class 0 in every row. Take the column that the row's label names.",
    ),
    Mistake(
        lambda logits, labels: cross_entropy(logits, logits.argmax(1)),
        "You seem to take the class with the largest logit. That says how sure the model is, not "
        "whether it is right: take the column that the row's label names.",
    ),
    Mistake(
        lambda logits, labels: float(-log_shares(logits).mean()),
        "You seem to average over all classes. Only the right class counts: one per row.",
    ),
    Mistake(
        lambda logits, labels: float(-of_labels(logits, labels).mean()),
        "You seem to take the logit itself. It becomes the log of a probability only when the log "
        "of the row's sum of powers is subtracted.",
    ),
    Mistake(
        lambda logits, labels: float(-np.log(np.exp(of_labels(log_shares(logits), labels)).mean())),
        "You seem to average the probabilities and take the log of that. First the log, then the "
        "mean: one sure mistake has to be seen.",
    ),
    Mistake(
        lambda logits, labels: float(-of_labels(log_shares(logits, axis=0), labels).mean()),
        "You seem to sum the powers down the columns. A row is one example, and its classes share "
        "the probability: axis=1.",
    ),
)
_LOGITS = np.array([[2.0, 1.0, -1.0], [0.0, 0.5, 0.0], [1.0, 3.0, 2.0]])
_LOSS_CASES = (
    {"logits": _LOGITS, "labels": np.array([1, 2, 1])},
    {"logits": np.zeros((2, 4)), "labels": np.array([3, 0])},
    {"logits": np.array([[1000.0, 998.0], [1.0, -1.0]]), "labels": np.array([1, 0])},
)


def _loss(value: Any) -> float:
    """Read one loss; where it is not finite, say why that happens to logits of a thousand."""
    if hasattr(value, "item") and np.ndim(value) == 0:  # a scalar of NumPy or PyTorch
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        raise NotYet(
            f"for logits as large as 1000 your function returned {value}. The power overflows, "
            "and where all powers of a row vanish the log is of 0: subtract from each row its own "
            "largest logit (axis=1), before np.exp."
        )
    return number(value)


def loss(function: Any) -> str | None:
    """Judge `function(logits, labels) -> float` of R.2."""
    return compare(function, _LOSS_CASES, cross_entropy, _LOSS_MISTAKES, _loss)


# R.5 ---------------------------------------------------------------------------------------------


def adamw_step(
    w: float,
    gradient: float,
    mean: float,
    square: float,
    step: int,
    rate: float,
    decay: float,
    *,
    corrected: tuple[bool, bool] = (True, True),
    divisor: Callable[[float], float] = lambda square: square**0.5 + 1e-8,
    through: bool = False,
    shrink: float | None = None,
    keeps: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
) -> tuple[float, float, float]:
    """Return (w, mean, square) after one step; the keywords are the ways to get it wrong.

    corrected: whether each mean is. divisor: of the corrected square. through: decay goes through
    the gradient. shrink: what w loses by decay. keeps: the corrected means are returned.
    """
    gradient = gradient + decay * w if through else gradient
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    direct = mean / (1 - betas[0] ** step) if corrected[0] else mean
    scale = square / (1 - betas[1] ** step) if corrected[1] else square
    lost = rate * decay * w if shrink is None else shrink
    w = w - (0 if through else lost) - rate * direct / divisor(scale)
    return (w, direct, scale) if keeps else (w, mean, square)


def _step(cause: str, **wrong: Any) -> Mistake:
    return Mistake(lambda *case: adamw_step(*case, **wrong), cause)


_ROOM = "Divide both new means by 1 - beta**step."
_STEP_MISTAKES = (
    _step(
        f"You seem to leave out the bias correction: both means start at 0. {_ROOM}",
        corrected=(False, False),
    ),
    _step(f"You seem to correct the mean and not the square. {_ROOM}", corrected=(True, False)),
    _step(f"You seem to correct the square and not the mean. {_ROOM}", corrected=(False, True)),
    Mistake(
        lambda w, g, m, v, step, rate, decay: adamw_step(w, g, m, v, step + 1, rate, decay),
        "You seem to count the steps from 0. The first step has step = 1: use it as it comes.",
    ),
    _step(
        "You seem to add 1e-8 under the root. It is added after the root; under it, a small "
        "gradient would hardly move w.",
        divisor=lambda square: (square + 1e-8) ** 0.5,
    ),
    _step(
        "You seem to leave out 1e-8. It is added to the root, against division by 0.",
        divisor=lambda square: square**0.5,
    ),
    _step(
        "You seem to divide by the square itself. Take its root first.",
        divisor=lambda square: square + 1e-8,
    ),
    _step(
        "You seem to add decay * w to the gradient. That is Adam with L2: the root then divides "
        "the decay too. In AdamW the decay shrinks w directly.",
        through=True,
    ),
    _step("You seem to leave out the weight decay: w also loses rate * decay * w.", shrink=0.0),
    Mistake(
        lambda w, g, m, v, step, rate, decay: adamw_step(
            w, g, m, v, step, rate, decay, shrink=decay * w
        ),
        "You seem to leave the rate out of the decay: w loses rate * decay * w.",
    ),
    Mistake(
        lambda w, g, m, v, step, rate, decay: adamw_step(w, g, m, v, step, -rate, -decay),
        "You seem to add the step. The gradient points to where the loss grows: subtract.",
    ),
    _step(
        "You seem to return the corrected means. Keep the raw ones: the next step corrects them "
        "anew, with its own number.",
        keeps=True,
    ),
    _step(
        "The two betas seem to be swapped: 0.9 is for the gradient, 0.999 for its square.",
        betas=(0.999, 0.9),
    ),
)
_STEPS = (
    (2.0, 3.0, 0.0, 0.0, 1, 0.01, 0.1),
    (-1.0, -0.5, 0.2, 0.04, 3, 0.05, 0.0),
    (0.5, 1e-8, 0.0, 0.0, 1, 0.1, 0.0),
    (5.0, 0.4, 0.1, 0.3, 5, 0.01, 0.2),
)
_NAMES = ("w", "gradient", "mean", "square", "step", "rate", "decay")
_STEP_CASES = tuple(dict(zip(_NAMES, values, strict=True)) for values in _STEPS)


def _three(value: Any) -> Any:
    found = numbers(value)
    if np.shape(found) != (3,):
        raise NotYet(f"expected three numbers, (w, mean, square), found {found}.")
    return found


def adamw(function: Any) -> str | None:
    """Judge `function(w, gradient, mean, square, step, rate, decay)` of R.5."""
    return compare(function, _STEP_CASES, adamw_step, _STEP_MISTAKES, _three)


# R.6 ---------------------------------------------------------------------------------------------

_MEANS = np.random.default_rng(0).normal(0.7, 0.05, 1000)
_MEANS_CASES = (
    {"means": np.arange(1001.0)},
    {"means": np.arange(1001.0)[::-1] ** 2},
    {"means": _MEANS},
)


def _middle(share: float) -> Callable[[np.ndarray], tuple[float, float]]:
    """Return the rule that takes the middle `share` percent."""
    return lambda means: tuple(np.percentile(means, [50 - share / 2, 50 + share / 2]))


_MEANS_MISTAKES = (
    Mistake(
        _middle(90),
        "You seem to cut 5 % off on each side, which leaves 90 %. Cut 2.5 % off on each side.",
    ),
    Mistake(
        lambda means: (means.min(), means.max()),
        "You seem to return the smallest and the largest mean. They depend on how often you "
        "resampled: more resamples, wider ends. Take the middle 95 %.",
    ),
    Mistake(
        lambda means: tuple(np.percentile(means, [0.025, 0.975])),
        "You seem to ask np.percentile for 0.025 and 0.975. It counts from 0 to 100.",
    ),
    Mistake(
        lambda means: tuple(np.percentile(means, [97.5, 2.5])),
        "You seem to return (high, low). The low end comes first.",
    ),
    Mistake(
        lambda means: (
            means.mean() - 1.96 * means.std() / len(means) ** 0.5,
            means.mean() + 1.96 * means.std() / len(means) ** 0.5,
        ),
        "You seem to divide by the square root of the number of resamples. The resampled means "
        "are spread as the mean itself is; dividing again makes the interval far too narrow.",
    ),
)


def middle(function: Any) -> str | None:
    """Judge `function(means) -> (low, high)` of R.6."""
    return compare(function, _MEANS_CASES, _middle(95), _MEANS_MISTAKES, ends)
