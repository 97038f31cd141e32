"""Metrics against scikit-learn, intervals against worked examples, verdicts at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from companion.evidence.intervals import (
    bootstrap,
    corrected_difference,
    paired_difference,
    prediction_interval,
    t_interval,
    verdict,
    wilson,
)
from companion.evidence.metrics import accuracy, auroc, balanced_accuracy, macro_f1

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 75)
LOGITS = RNG.normal(size=(75, 2)) + np.eye(2)[LABELS]


def test_metrics_equal_scikit_learns() -> None:
    said = LOGITS.argmax(1)
    assert accuracy(LABELS, LOGITS) == pytest.approx(reference.accuracy_score(LABELS, said))
    expected = reference.balanced_accuracy_score(LABELS, said)
    assert balanced_accuracy(LABELS, LOGITS) == pytest.approx(expected)
    assert macro_f1(LABELS, LOGITS) == pytest.approx(
        reference.f1_score(LABELS, said, average="macro")
    )
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    assert auroc(LABELS, LOGITS) == pytest.approx(reference.roc_auc_score(LABELS, softmax[:, 1]))


def test_t_interval_of_the_five_runs_of_a_replication() -> None:
    """Five runs whose half-width is worked out by hand: 2.776 times 5.36 / sqrt(5)."""
    runs = np.array([86.8, 91.8, 91.9, 78.7, 87.0])
    found = t_interval(runs)
    assert found.mean == pytest.approx(87.24)
    assert found.high - found.mean == pytest.approx(2.7764 * runs.std(ddof=1) / 5**0.5, rel=1e-4)
    expected = stats.ttest_1samp(runs, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_pairing_removes_what_both_arms_share() -> None:
    shared = RNG.normal(0, 0.1, 5)
    a, b = shared + 0.05 + RNG.normal(0, 0.001, 5), shared
    paired = paired_difference(a, b)
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert (paired.low, paired.high) == pytest.approx((expected.low, expected.high))
    assert paired.low > 0.04


def test_wilson_of_published_counts() -> None:
    found = wilson(65, 75)  # 86.7 % of 75: [77.2, 92.6] in reference tables
    assert (round(found.low, 3), round(found.high, 3)) == (0.772, 0.926)


def test_coverage_of_the_t_interval_over_five_seeds() -> None:
    draws = np.random.default_rng(1).normal(0.3, 1, size=(2000, 5))
    covered = [i.low <= 0.3 <= i.high for i in map(t_interval, draws)]
    assert 0.93 < np.mean(covered) < 0.97


def test_bootstrap_is_repeatable_and_close_to_t_where_both_hold() -> None:
    values = np.random.default_rng(2).normal(size=200)
    assert bootstrap(values) == bootstrap(values)
    assert abs(bootstrap(values).high - t_interval(values).high) < 0.02
    assert bootstrap(np.ones(5)).low == 1.0


@pytest.mark.parametrize(
    "low, high, word",
    [
        (0.011, 0.2, "supported"),
        (0.01, 0.2, "undecided"),
        (-0.2, 0.01, "undecided"),
        (-0.2, 0.009, "contradicted"),
        (-0.2, 0.2, "undecided"),
        (0.002, 0.009, "contradicted"),
    ],
)
def test_verdicts_at_their_edges(low: float, high: float, word: str) -> None:
    assert verdict(low, high, 0.01) == word


def test_intervals_agree_with_scipy_and_statsmodels_on_their_own_examples() -> None:
    # Student 1908: hours of sleep gained with two drugs, ten patients each with both.
    first = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    ours = paired_difference(second, first)
    theirs = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert (ours.low, ours.high) == pytest.approx((0.7001142, 2.4598858))  # as R's t.test gives
    assert (ours.low, ours.high) == pytest.approx(DescrStatsW(second - first).tconfint_mean())
    for correct, total in [(65, 75), (0, 20), (20, 20), (1, 3), (540, 656)]:
        ours = wilson(correct, total)
        assert (ours.low, ours.high) == pytest.approx(
            proportion_confint(correct, total, method="wilson"), abs=1e-12
        )


def test_the_prediction_interval_holds_one_further_run_in_nineteen_of_twenty() -> None:
    draws = np.random.default_rng(4).normal(0.7, 0.03, size=(4000, 6))
    ranges = [prediction_interval(runs[:5]) for runs in draws]
    held = [r.low <= runs[5] <= r.high for r, runs in zip(ranges, draws, strict=True)]
    assert 0.93 < np.mean(held) < 0.97


def test_a_share_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="share of examples that test, 0 to 1, found 25"):
        corrected_difference(np.arange(5.0), np.zeros(5), 25)
