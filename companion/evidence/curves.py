"""Learning curves: how many labels does a score take?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from companion.evidence.intervals import Interval, corrected_interval


def labels_needed(labels: Sequence[int], scores: Sequence[float], target: float) -> float:
    """Return how many labels it takes to reach `target`, read off a curve of scores.

    `labels` rise, with one score each. Between two of them the curve is taken to be straight over
    the logarithm of the number of labels; the first crossing counts. A curve that starts at the
    target gives its first number (so few or fewer), one that never reaches it `math.inf` (more
    than were tried).

    Raises:
        ValueError: the numbers of labels do not rise, or not one score belongs to each.
    """
    if len(labels) != len(scores) or len(labels) == 0 or np.any(np.diff(labels) <= 0):
        raise ValueError(
            f"expected rising numbers of labels with one score each, found {list(labels)} and "
            f"{len(scores)} scores. Sort both by the number of labels."
        )
    reached = np.flatnonzero(np.asarray(scores) >= target)
    if len(reached) == 0:
        return math.inf
    i = int(reached[0])
    if i == 0:
        return float(labels[0])
    share = (target - scores[i - 1]) / (scores[i] - scores[i - 1])
    return float(labels[i - 1] * (labels[i] / labels[i - 1]) ** share)


def gain_of_doubling(
    labels: Sequence[int], scores: np.ndarray, test_share: float, confidence: float = 0.95
) -> Interval:
    """Return what twice the labels gain, as the curve of scores has it so far, with its interval.

    `scores` (J, S) of J runs at S rising numbers of `labels`. To each run a line is fitted over the
    logarithm of the number of labels; its slope is the gain. `test_share` is as in
    `corrected_interval`. The line says what the next doubling gains only as long as the curve goes
    on as it did: most bend before they end.

    Raises:
        ValueError: fewer than 2 numbers of labels, or as `corrected_interval` does.
    """
    scores = np.asarray(scores, dtype=float)
    if len(labels) < 2 or scores.ndim != 2 or scores.shape[1] != len(labels):
        raise ValueError(
            f"expected scores of shape (runs, {len(labels)}) at two numbers of labels or more, "
            f"found {scores.shape} at {list(labels)}. Score every run at each number."
        )
    slopes = np.polyfit(np.log2(labels), scores.T, 1)[0]  # (J,)
    return corrected_interval(slopes, test_share, confidence)
