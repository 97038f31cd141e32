"""Exercise 07.4: what a doubling of the labels gained, with its interval over runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from companion.teaching.exercise import Mistake, NotYet, compare, kind, numbers, short


def _curves(labels: list[int], *scores: str) -> dict[str, np.ndarray]:
    """Return a case of made-up scores, one text per run."""
    rows = [[float(score) for score in row.split()] for row in scores]
    return {"labels": np.array(labels), "scores": np.array(rows)}


_CASES = (
    _curves(
        [20, 40, 160, 320],
        ".52 .60 .66 .75",
        ".58 .59 .72 .73",
        ".49 .63 .67 .78",
        ".55 .57 .75 .74",
    ),
    _curves([50, 150, 600], ".61 .75 .80", ".66 .71 .84", ".58 .74 .77"),
    _curves(
        [8, 16, 32, 256],
        ".30 .41 .44 .70",
        ".38 .36 .51 .62",
        ".33 .44 .42 .71",
        ".29 .40 .50 .64",
        ".36 .35 .47 .69",
    ),
)

Ends = tuple[float, float, float]


def _slopes(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.polyfit(np.log2(labels), scores.T, 1)[0]


def _interval(slopes: np.ndarray, quantile: float = 0.975, *, lost: int = 1, ddof: int = 1) -> Ends:
    """Return (low, mean, high), with `lost` degrees of freedom gone and the deviation by `ddof`."""
    error = np.std(slopes, ddof=ddof) / np.sqrt(len(slopes))
    return _around(slopes.mean(), stats.t.ppf(quantile, len(slopes) - lost) * error)


def _around(mean: float, half: float) -> Ends:
    return float(mean - half), float(mean), float(mean + half)


def _right(labels: np.ndarray, scores: np.ndarray) -> Ends:
    return _interval(_slopes(labels, scores))


def _of(slopes: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., Ends]:
    """Make a rule of the right interval of other slopes."""
    return lambda labels, scores: _interval(slopes(labels, scores))


def _pooled(labels: np.ndarray, scores: np.ndarray) -> Ends:
    """Fit one line to the points of all runs, as if each were a run of its own."""
    x = np.tile(np.log2(labels), len(scores))
    line = stats.linregress(x, scores.ravel())
    return _around(line.slope, stats.t.ppf(0.975, len(x) - 2) * line.stderr)


_MISTAKES = (
    Mistake(
        _of(lambda n, s: np.polyfit(n, s.T, 1)[0] * n[-1]),
        "Your line is straight over the number of labels, and says that the next n labels gain as "
        "much as the first n did. Curves bend: fit over log2(labels).",
    ),
    Mistake(
        _of(lambda n, s: np.polyfit(n, s.T, 1)[0]),
        "That is a gain per label. Asked for is the gain of a doubling: fit over log2(labels).",
    ),
    Mistake(
        _of(lambda n, s: np.polyfit(np.log(n), s.T, 1)[0]),
        "You took the natural logarithm. One step of it is 2.7 times the labels, not twice.",
    ),
    Mistake(
        _of(lambda n, s: np.polyfit(np.log10(n), s.T, 1)[0]),
        "You took log10. One step of it is ten times the labels, not twice.",
    ),
    Mistake(
        lambda n, s: _around(_slopes(n, s).mean(), 0.0),
        "Your interval has no width. A line through the mean curve has one slope: fit one to each "
        "run, and their spread gives the interval.",
    ),
    Mistake(
        _pooled,
        "You fitted one line to the points of all runs. Points of one run go up and down together, "
        "they are no runs of their own: fit one line to each run.",
    ),
    Mistake(
        _of(lambda n, s: (s[:, -1] - s[:, -2]) / np.log2(n[-1] / n[-2])),
        "You used the last two numbers of labels only. All of them count in a line.",
    ),
    Mistake(
        _of(lambda n, s: s[:, -1] - s[:, -2]),
        "You took the last gain. Its step may be more than a doubling: fit a line over "
        "log2(labels).",
    ),
    Mistake(
        _of(lambda n, s: (s[:, -1] - s[:, 0]) / np.log2(n[-1] / n[0])),
        "You drew the line from the first score to the last. Least squares use those between, too: "
        "np.polyfit.",
    ),
    Mistake(
        _of(lambda n, s: np.polyfit(range(len(n)), s.T, 1)[0]),
        "You fitted over 0, 1, 2, ...: the gain of a step. Steps are not all doublings.",
    ),
    Mistake(
        lambda n, s: _around(_slopes(n, s).mean(), 1.96 * stats.sem(_slopes(n, s))),
        "You used 1.96. With so few runs take t(0.975, J - 1), which is larger.",
    ),
    Mistake(
        lambda n, s: _interval(_slopes(n, s), ddof=0),
        "The standard deviation is divided by J unless told otherwise. Use ddof=1.",
    ),
    Mistake(
        lambda n, s: _around(_slopes(n, s).mean(), 1.96 * np.std(_slopes(n, s)) / np.sqrt(len(s))),
        "Two things: 1.96 is for many runs, so take t(0.975, J - 1); and np.std needs ddof=1.",
    ),
    Mistake(
        lambda n, s: _interval(_slopes(n, s), lost=0),
        "You used t with J degrees of freedom. One is spent on the mean: J - 1.",
    ),
    Mistake(
        lambda n, s: _interval(_slopes(n, s), 0.95),
        "You used t(0.95), which leaves 5 % on each side. Take t(0.975).",
    ),
    Mistake(
        lambda n, s: _around(
            _slopes(n, s).mean(), stats.t.ppf(0.975, len(s) - 1) * np.std(_slopes(n, s), ddof=1)
        ),
        "You used the standard deviation of the slopes: that is where one more run may lie. For "
        "their mean divide it by the square root of J.",
    ),
    Mistake(
        lambda n, s: tuple(np.array(_right(n, s))[[1, 0, 2]]),
        "You returned the mean first. Return (low, mean, high).",
    ),
)


def _three(value: Any) -> Any:
    if isinstance(value, (str, dict, set)) or np.shape(value) != (3,):
        raise NotYet(
            f"expected three numbers, (low, mean, high), found {short(value)} ({kind(value)})."
        )
    return numbers(value)


def extrapolating(function: Any) -> str | None:
    """Judge `function(labels, scores) -> (low, mean, high)`."""
    return compare(function, _CASES, _right, _MISTAKES, _three)
