"""Two models on the same test examples: is the difference more than the choice of examples?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from companion.evidence.intervals import Interval


def mcnemar(a_right: np.ndarray, b_right: np.ndarray) -> float:
    """Return the chance of so uneven a split of the disagreements if both models were as good.

    `a_right`, `b_right` (N,) bool: whether each model is right. Only the examples count that one of
    them has right and the other wrong; without any, the answer is 1. The exact two-sided test of
    McNemar 1947.

    Raises:
        ValueError: different numbers of examples, or none.
    """
    a_right, b_right = (np.asarray(right, dtype=bool) for right in (a_right, b_right))
    if a_right.shape != b_right.shape or a_right.ndim != 1 or not len(a_right):
        raise ValueError(
            f"expected whether each model is right on the same examples, (N,) and (N,), found "
            f"{a_right.shape} and {b_right.shape}. Score both on one test set."
        )
    only_a, only_b = int((a_right & ~b_right).sum()), int((b_right & ~a_right).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b).pvalue)


def paired_bootstrap(
    labels: np.ndarray,
    logits_a: np.ndarray,
    logits_b: np.ndarray,
    metric: Callable[[np.ndarray, np.ndarray], float],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return metric(a) - metric(b) with the 95 % interval over re-drawn test examples.

    `labels` (N,), `logits_a` and `logits_b` (N, C). The same examples are drawn for both models,
    with replacement; the ends are percentiles. It says how far the difference hangs on this test
    set, and nothing about other seeds. Source: Efron and Tibshirani 1993.

    Raises:
        ValueError: the models were not scored on the same examples, or there are fewer than 2.
    """
    if logits_a.shape != logits_b.shape or len(labels) != len(logits_a) or len(labels) < 2:
        raise ValueError(
            f"expected both models' scores of the same 2 or more examples, found {len(labels)} "
            f"labels and shapes {logits_a.shape} and {logits_b.shape}. Score both on one test set."
        )
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rng.integers(0, len(labels), len(labels))
        a, b = (metric(labels[drawn], z[drawn]) for z in (logits_a, logits_b))
        found.append(a - b)
    low, high = np.percentile(found, [2.5, 97.5])
    effect = metric(labels, logits_a) - metric(labels, logits_b)
    return Interval(float(effect), float(low), float(high), len(labels))
