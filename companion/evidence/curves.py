"""Learning curves: how many labels does a score take?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


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
