"""Calibration error and temperature, against sums written out and made-up truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from companion.evidence.calibration import (
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from companion.evidence.metrics import macro_f1, macro_f1_within


def honest(n: int, scale: float = 1.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels that are drawn with just the chances that the logits give."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(n, 3))
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return labels, logits


def slow_error(labels: np.ndarray, logits: np.ndarray, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        here = []
        for label, z in zip(labels, logits, strict=True):
            p = np.exp(z) / np.exp(z).sum()
            if b / bins <= p.max() < (b + 1) / bins or (b == bins - 1 and p.max() == 1):
                here.append((p.max(), p.argmax() == label))
        if here:
            gap = np.mean([sure for sure, _ in here]) - np.mean([right for _, right in here])
            total += abs(gap) * len(here) / len(labels)
    return total


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_the_error_is_the_sum_written_out(bins: int) -> None:
    labels, logits = honest(300)
    found = expected_calibration_error(labels, logits, bins)
    assert found == pytest.approx(slow_error(labels, logits, bins), abs=1e-9)


def test_six_examples_by_hand() -> None:
    chances = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2)
    labels = np.array([0, 0, 0, 1, 0, 1])  # 3 of 4 right where 0.9 sure, 1 of 2 where 0.6
    error = expected_calibration_error(labels, np.log(chances), bins=10)
    assert error == pytest.approx((4 * 0.15 + 2 * 0.10) / 6)
    rows = reliability(labels, np.log(chances), bins=10)
    assert [count for *_, count in rows] == [2, 4]
    assert rows[1][:2] == pytest.approx((0.9, 0.75))


def test_honest_chances_have_next_to_no_error_and_temperature_one() -> None:
    labels, logits = honest(20_000)
    assert expected_calibration_error(labels, logits) < 0.015
    assert fit_temperature(labels, logits) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("made", [0.5, 2.0, 4.0])
def test_a_known_temperature_is_found_and_no_answer_changes(made: float) -> None:
    labels, logits = honest(20_000)
    too_sure = made * logits
    found = fit_temperature(labels, too_sure)
    assert found == pytest.approx(made, rel=0.05)
    assert ((too_sure / found).argmax(axis=1) == too_sure.argmax(axis=1)).all()
    before, after = (expected_calibration_error(labels, z) for z in (too_sure, too_sure / found))
    assert after < 0.02 < before


def test_all_right_ends_at_the_least_temperature() -> None:
    labels = np.array([0, 1, 2] * 5)
    assert fit_temperature(labels, np.eye(3)[labels]) == pytest.approx(0.05, abs=0.01)


def test_infinite_logits_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected finite logits, found 1 that are not\. A chance"
    ):
        fit_temperature(np.array([0, 1]), np.array([[0.0, 1.0], [-np.inf, 0.0]]))
    with pytest.raises(ValueError, match=r"expected labels \(N,\) and scores"):
        expected_calibration_error(np.array([0]), np.zeros((2, 2)))


def test_a_guess_by_kind_shines_together_and_is_blind_within() -> None:
    kinds = np.repeat(["a", "b"], 50)
    labels = np.r_[np.zeros(40), np.ones(10), np.zeros(10), np.ones(40)].astype(int)
    guess = np.where(kinds == "a", 0, 1)
    logits = np.eye(2)[guess]
    assert macro_f1(labels, logits) == pytest.approx(0.8)
    # In each kind one class has F1 2 * 40 / 90 and the other none.
    assert macro_f1_within(labels, logits, kinds) == pytest.approx((80 / 90) / 2)


def test_kinds_weigh_by_their_numbers() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    logits = np.eye(2)[[0, 1, 0, 1, 1, 0]]  # the last two, of kind "b", are wrong
    kinds = np.array(["a"] * 4 + ["b"] * 2)
    assert macro_f1_within(labels, logits, kinds) == pytest.approx(4 / 6)
