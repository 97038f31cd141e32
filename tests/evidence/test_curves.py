"""Labels needed: read off a curve, never beyond it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.evidence.curves import gain_of_doubling, labels_needed

LABELS, SCORES = [25, 50, 100, 400], [0.50, 0.60, 0.70, 0.80]


@pytest.mark.parametrize(
    ("target", "expected"),
    [(0.60, 50), (0.65, 50 * 2**0.5), (0.75, 200), (0.80, 400), (0.40, 25), (0.81, math.inf)],
)
def test_worked_examples(target: float, expected: float) -> None:
    assert labels_needed(LABELS, SCORES, target) == pytest.approx(expected)


def test_the_first_crossing_counts() -> None:
    assert labels_needed([10, 20, 40], [0.5, 0.7, 0.4], 0.7) == 20


@given(st.floats(0.5, 0.8), st.floats(0.5, 0.8))
def test_a_higher_target_takes_no_fewer_labels(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert labels_needed(LABELS, SCORES, low) <= labels_needed(LABELS, SCORES, high)


@pytest.mark.parametrize("labels", [[50, 25], [25, 25], [25], []])
def test_numbers_of_labels_have_to_rise(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="expected rising numbers of labels with one score each"):
        labels_needed(labels, [0.5, 0.6], 0.5)


def test_the_gain_of_a_doubling_is_the_slope_of_each_run() -> None:
    runs = np.array([[0.5, 0.54, 0.58], [0.5, 0.52, 0.54], [0.4, 0.46, 0.52]])
    found = gain_of_doubling([50, 100, 200], runs, 0.0)
    assert found.mean == pytest.approx(0.04) and found.n == 3
    half = 0.02 * 4.3027 / np.sqrt(3)  # the slopes are 0.04, 0.02 and 0.06
    assert (found.low, found.high) == pytest.approx((0.04 - half, 0.04 + half), abs=1e-4)
    wider = gain_of_doubling([50, 100, 200], runs, 0.25)
    assert wider.high - wider.low == pytest.approx((found.high - found.low) * np.sqrt(2))
    with pytest.raises(ValueError, match=r"expected scores of shape \(runs, 1\) at two numbers of"):
        gain_of_doubling([50], runs[:, :1], 0.0)
