"""Do a model's chances hold? Calibration error, and the one number that mends it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from companion.evidence.metrics import check


def expected_calibration_error(labels: np.ndarray, logits: np.ndarray, bins: int = 15) -> float:
    """Return the mean distance between confidence and accuracy, over bins of equal width.

    Source: Guo et al. 2017.
    """
    check(labels, logits)
    chances = softmax(logits.astype(np.float64), axis=1)
    sure, right = chances.max(axis=1), logits.argmax(axis=1) == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the T above 0 by which logits (N, C) are divided for the lowest log-loss."""
    check(labels, logits)

    def loss(log_t: float) -> float:
        logs = log_softmax(logits.astype(np.float64) / np.exp(log_t), axis=1)
        return -float(logs[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def reliability(
    labels: np.ndarray, logits: np.ndarray, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, count) of each bin of equal width that holds examples."""
    check(labels, logits)
    chances = softmax(logits.astype(np.float64), axis=1)
    sure, right = chances.max(axis=1), logits.argmax(axis=1) == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        (float(sure[which == b].mean()), float(right[which == b].mean()), int((which == b).sum()))
        for b in np.unique(which)
    ]
