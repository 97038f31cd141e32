"""McNemar's test against statsmodels; the paired bootstrap against what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference

from companion.evidence.metrics import accuracy
from companion.evidence.pairs import mcnemar, paired_bootstrap


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_the_one_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random(80) < 0.8, rng.random(80) < 0.7
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    assert mcnemar(a, b) == pytest.approx(reference(table, exact=True).pvalue)
    assert mcnemar(a, b) == pytest.approx(mcnemar(b, a))


def test_models_that_agree_throughout_are_no_evidence() -> None:
    assert mcnemar(np.array([True, False]), np.array([True, False])) == 1.0


def test_the_interval_holds_the_true_difference_about_19_times_in_20() -> None:
    """Model a is right 8 times in 10, model b 7 in 10, on 200 examples, 120 studies."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(120):
        labels = rng.integers(0, 2, 200)
        logits = [np.eye(2)[np.where(rng.random(200) < p, labels, 1 - labels)] for p in (0.8, 0.7)]
        found = paired_bootstrap(labels, *logits, accuracy, draws=200)
        inside += found.low <= 0.1 <= found.high
    assert 0.88 <= inside / 120 <= 0.99


def test_the_same_examples_are_drawn_for_both() -> None:
    labels = np.array([0, 1] * 30)
    logits = np.eye(2)[np.where(np.arange(60) % 3, labels, 1 - labels)]
    found = paired_bootstrap(labels, logits, logits, accuracy, draws=50)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_different_test_sets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"found \(3,\) and \(2,\)\. Score both on one test set"):
        mcnemar(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"found 2 labels and shapes \(2, 2\) and \(3, 2\)"):
        paired_bootstrap(np.array([0, 1]), np.zeros((2, 2)), np.zeros((3, 2)), accuracy)
