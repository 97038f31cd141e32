"""Do a model's chances hold? Calibration error, and the one number that mends part of it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from companion.evidence.metrics import check

WIDEST = 3.0  # of log T: temperatures from 0.05 to 20


def expected_calibration_error(labels: np.ndarray, logits: np.ndarray, bins: int = 15) -> float:
    """Return the mean distance between confidence and accuracy, over bins of equal width.

    `labels` (N,), `logits` (N, C). Confidence is the highest chance of an example. Source: Guo et
    al. 2017.

    Raises:
        ValueError: a logit is no finite number, or there is no row of them for each label.
    """
    rows = reliability(labels, logits, bins)
    return sum(abs(sure - right) * count for sure, right, count in rows) / len(labels)


def reliability(
    labels: np.ndarray, logits: np.ndarray, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, count) of each bin of equal width that holds examples.

    Raises:
        ValueError: as `expected_calibration_error` does.
    """
    check_logits(labels, logits)
    chances = softmax(logits.astype(np.float64), axis=1)
    sure, right = chances.max(axis=1), logits.argmax(axis=1) == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    parts = [which == number for number in np.unique(which)]
    return [(float(sure[p].mean()), float(right[p].mean()), int(p.sum())) for p in parts]


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T by which `logits` (N, C) are divided for the lowest log-loss.

    Fit it to validation examples. It changes no answer, since it keeps the order of the logits of
    an example. T lies between 0.05 and 20: where all answers are right it would shrink without end.
    Source: Guo et al. 2017.

    Raises:
        ValueError: as `expected_calibration_error` does.
    """
    check_logits(labels, logits)
    places, exact = np.arange(len(labels)), logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        chances = log_softmax(exact / np.exp(log_temperature), axis=1)
        return -float(chances[places, labels].mean())

    found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(found.x))


def check_logits(labels: np.ndarray, logits: np.ndarray) -> None:
    """Check that there is one row of finite logits per label.

    Raises:
        ValueError: there is not.
    """
    check(labels, logits)
    if not np.isfinite(logits).all():
        raise ValueError(
            f"expected finite logits, found {int((~np.isfinite(logits)).sum())} that are not. A "
            "chance of exactly 0 has no logit: add a little to all of them before the logarithm."
        )
