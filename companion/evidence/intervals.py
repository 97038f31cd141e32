"""Intervals and verdicts: what a handful of runs can and cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Verdict = Literal["supported", "contradicted", "undecided"]


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its interval, from `n` observations."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def t_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (N,) with its Student-t interval.

    The values are independent runs, one per seed.

    Raises:
        ValueError: there are fewer than 2, or one is no finite number.
    """
    values = check(values, 2)
    mean, error = values.mean(), stats.sem(values)
    half = error * stats.t.ppf(0.5 + confidence / 2, len(values) - 1)
    return Interval(float(mean), float(mean - half), float(mean + half), len(values))


def ratio_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return the geometric mean of ratios `values` (N,) with the Student-t interval of their logs.

    Half as fast and twice as fast are equally far from one.

    Raises:
        ValueError: as `t_interval`, or a ratio is not positive.
    """
    values = np.asarray(values, dtype=float)
    if (values <= 0).any():
        raise ValueError(
            f"expected ratios above 0, found {values.min()}. Pass how many times, not by how much."
        )
    found = t_interval(np.log(values), confidence)
    return Interval(*(math.exp(x) for x in (found.mean, found.low, found.high)), found.n)


def paired_difference(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return the mean of a - b with its Student-t interval, where a[i] and b[i] share seed i.

    Pairing removes what both arms owe to the same split and draw.

    Raises:
        ValueError: different numbers of runs, or fewer than 2.
    """
    return t_interval(differences(a, b), confidence)


def differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a - b (J,), seed by seed.

    Raises:
        ValueError: different numbers of runs.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise ValueError(
            f"expected one value of each arm per seed, found {a.shape} and {b.shape}. "
            "Run both arms on the same seeds."
        )
    return a - b


def corrected_interval(values: np.ndarray, test_share: float, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (J,) with the interval for splits re-drawn from one set.

    Test sets drawn again from the same examples overlap, so the runs know of each other and the
    plain t-interval is too narrow. The variance of the mean is (1/J + q/(1 - q)) s^2 for J runs
    that each test on the share q = `test_share` of all examples (Nadeau and Bengio 2003). Where
    training itself adds much noise it is wider than need be.

    Raises:
        ValueError: fewer than 2 runs, or a share outside 0 to 1.
    """
    if not 0 <= test_share < 1:
        raise ValueError(f"expected the share of examples that test, 0 to 1, found {test_share}.")
    plain = t_interval(values, confidence)
    half = (plain.high - plain.mean) * math.sqrt(1 + plain.n * test_share / (1 - test_share))
    return Interval(plain.mean, plain.mean - half, plain.mean + half, plain.n)


def corrected_difference(
    a: np.ndarray, b: np.ndarray, test_share: float, confidence: float = 0.95
) -> Interval:
    """Return the mean of a - b with the interval for re-drawn splits; a[i] and b[i] share seed i.

    Raises:
        ValueError: as `paired_difference` and `corrected_interval` do.
    """
    return corrected_interval(differences(a, b), test_share, confidence)


def prediction_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (N,) with the range that one further run should fall into.

    Raises:
        ValueError: there are fewer than 2, or one is no finite number.
    """
    plain = t_interval(values, confidence)
    half = math.sqrt(1 + plain.n) * (plain.high - plain.mean)
    return Interval(plain.mean, plain.mean - half, plain.mean + half, plain.n)


def wilson(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Return the share `correct / total` with its Wilson score interval (Wilson 1927).

    This is the test set's own uncertainty, from its size alone.

    Raises:
        ValueError: no examples, or more correct than there are.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"expected 0 <= correct <= total and a total above 0: {correct}, {total}.")
    found = stats.binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return Interval(correct / total, found.low, found.high, total)


def bootstrap(
    values: np.ndarray, *, draws: int = 2000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return the mean of `values` (N,) with its BCa bootstrap interval (Efron 1987).

    Raises:
        ValueError: there are fewer than 2, or one is no finite number.
    """
    values = check(values, 2)
    if np.ptp(values) == 0:  # BCa divides by the spread
        return Interval(float(values[0]), float(values[0]), float(values[0]), len(values))
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=draws, confidence_level=confidence, rng=seed
    ).confidence_interval
    return Interval(float(values.mean()), float(found.low), float(found.high), len(values))


def verdict(low: float, high: float, delta: float) -> Verdict:
    """Judge "A beats B by more than delta" from the interval of A - B.

    Supported if the whole interval lies above delta, contradicted if it lies below, else undecided.

    Raises:
        ValueError: the interval is upside down.
    """
    if low > high:
        raise ValueError(f"expected low <= high, found {low} and {high}.")
    if low > delta:
        return "supported"
    return "contradicted" if high < delta else "undecided"


def same(low: float, high: float, delta: float) -> Verdict:
    """Judge "A and B differ by less than delta" from the interval of A - B.

    Supported if the whole interval lies within (-delta, delta), contradicted if it lies wholly
    outside, else undecided.

    Raises:
        ValueError: the interval is upside down.
    """
    if low > high:
        raise ValueError(f"expected low <= high, found {low} and {high}.")
    if -delta < low and high < delta:
        return "supported"
    return "contradicted" if low > delta or high < -delta else "undecided"


def check(values: np.ndarray, least: int) -> np.ndarray:
    """Return `values` as floats, checked for number and finiteness."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < least or not np.isfinite(values).all():
        raise ValueError(
            f"expected at least {least} finite values in a list, found shape {values.shape}: "
            f"{values.tolist()[:5]}. One run says nothing about spread: use 5 seeds or more."
        )
    return values
