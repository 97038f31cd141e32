"""Exercises 06.4 and 06.5: what demonstrations did, and a prompt chosen on the test set."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from companion.teaching.exercise import Mistake, NotYet, compare, number, short

# 06.4 --------------------------------------------------------------------------------------------

_WORDS = ("labels and format", "labels", "format", "cannot tell")


def _row(values: str) -> np.ndarray:
    return np.array(list(map(float, values.split())))


def _trials(zero: str, random: str, true: str) -> dict[str, Any]:
    rows = {"zero": _row(zero), "random": _row(random), "true": _row(true)}
    return rows | {"delta": 0.02}


_TRIAL_CASES = (  # made up; accuracy of six draws of demonstrations
    # Pairs agree on a gain although draws differ widely.
    _trials(
        ".40 .60 .50 .70 .30 .55", ".41 .60 .51 .69 .30 .56", ".51 .70 .62 .80 .41 .66"
    ),  # labels
    _trials(
        ".40 .42 .41 .43 .40 .42", ".61 .63 .60 .64 .61 .62", ".62 .62 .61 .63 .60 .63"
    ),  # format
    _trials(
        ".30 .32 .31 .33 .30 .32", ".50 .52 .51 .55 .50 .52", ".70 .73 .71 .74 .70 .72"
    ),  # both
    # Means far apart, draws that disagree.
    _trials(
        ".50 .51 .50 .49 .50 .51", ".45 .70 .40 .62 .48 .55", ".80 .45 .75 .40 .78 .50"
    ),  # cannot tell
    # A sure gain, too small to matter.
    _trials(
        ".50 .51 .52 .50 .51 .52", ".50 .51 .52 .50 .51 .52", ".51 .52 .53 .51 .52 .53"
    ),  # cannot tell
    # True labels beat none by much, random ones account for half of it, unsurely.
    _trials(
        ".30 .31 .30 .29 .30 .31", ".25 .55 .28 .52 .33 .47", ".60 .61 .62 .60 .61 .62"
    ),  # labels
)


def _low(gaps: np.ndarray, factor: float | None = None) -> float:
    factor = stats.t.ppf(0.975, len(gaps) - 1) if factor is None else factor
    return float(gaps.mean() - factor * gaps.std(ddof=1) / np.sqrt(len(gaps)))


def _words(labels: bool, form: bool) -> str:
    return _WORDS[0] if labels and form else "labels" if labels else "format" if form else _WORDS[3]


def _what(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(_low(true - random) > delta, _low(random - zero) > delta)


def _by_means(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words((true - random).mean() > delta, (random - zero).mean() > delta)


def _by_chance(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(_low(true - 0.2) > delta, _low(random - 0.2) > delta)


def _against_none(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(_low(true - zero) > delta, _low(random - zero) > delta)


def _unpaired_low(a: np.ndarray, b: np.ndarray) -> float:
    return float(stats.ttest_ind(a, b, equal_var=False).confidence_interval().low)


def _unpaired(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(_unpaired_low(true, random) > delta, _unpaired_low(random, zero) > delta)


def _from_zero(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(_low(true - random) > 0, _low(random - zero) > 0)


def _first_draw(zero: np.ndarray, random: np.ndarray, true: np.ndarray, delta: float) -> str:
    return _words(true[0] - random[0] > delta, random[0] - zero[0] > delta)


_VERDICT_MISTAKES = (
    Mistake(
        _by_means,
        "You compared means alone. Draws of demonstrations differ widely: a difference counts if "
        "the low end of its interval is above delta.",
    ),
    Mistake(
        _by_chance,
        "You compared with guessing among five topics. A network without any demonstration is "
        "above that already: compare with zero, and true with random.",
    ),
    Mistake(
        _against_none,
        "For the labels you compared true ones with no demonstrations. That holds what the format "
        "did as well: compare them with random ones.",
    ),
    Mistake(
        _unpaired,
        "You took the rows for separate runs. Each place is one draw of demonstrations in all "
        "three: take differences first.",
    ),
    Mistake(
        _from_zero,
        "You asked whether a difference is above 0. A sure gain of one point is below delta: it "
        "is not what matters here.",
    ),
    Mistake(_first_draw, "You looked at the first draw only. Another draw says another thing."),
    Mistake(
        lambda z, r, t, d: _words(_low(t - r) > d, _low(t - z) > d),
        "For the format you compared true labels with none. Then labels count twice: compare "
        "random ones with none.",
    ),
)


def _verdict(value: Any) -> str:
    if value not in _WORDS:
        raise NotYet(f"expected one of {', '.join(map(repr, _WORDS))}, found {short(value)}.")
    return value


def telling(function: Any) -> str | None:
    """Judge `function(zero, random, true, delta) -> word`."""
    return compare(function, _TRIAL_CASES, _what, _VERDICT_MISTAKES, _verdict)


# 06.5 --------------------------------------------------------------------------------------------

_PROMPT_CASES = (
    {"validation": _row(".50 .72 .61 .70"), "test": _row(".74 .64 .60 .69")},
    {"validation": _row(".81 .80 .79"), "test": _row(".70 .83 .75")},
    {"validation": _row(".41 .40 .62 .55 .60"), "test": _row(".58 .39 .52 .66 .47")},
)

_REPORT_MISTAKES = (
    Mistake(
        lambda v, t: t.max(),
        "That is still the bug: the highest test score was picked by looking at the test set.",
    ),
    Mistake(
        lambda v, t: v.max(),
        "That is the validation score of the chosen prompt. It was chosen for being high there, so "
        "it promises too much: report its test score.",
    ),
    Mistake(
        lambda v, t: t.mean(),
        "That is the mean over all prompts: what a prompt picked blindly would get. One was "
        "chosen.",
    ),
    Mistake(
        lambda v, t: t[v.argmin()],
        "You reported the prompt that was worst on validation.",
    ),
    Mistake(
        lambda v, t: t[(v + t).argmax()],
        "You added both rows to choose. Half of the choice is then made on the test set.",
    ),
    Mistake(lambda v, t: t[0], "You reported the first prompt, whatever validation says of it."),
)


def reporting(function: Any) -> str | None:
    """Judge `function(validation, test) -> accuracy to report`."""
    return compare(function, _PROMPT_CASES, lambda v, t: t[v.argmax()], _REPORT_MISTAKES, number)
