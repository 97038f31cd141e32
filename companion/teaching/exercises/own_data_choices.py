"""Exercise 07.3: an arm within a budget, where the evidence tells arms apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from companion.teaching.exercise import Mistake, NotYet, compare, short

_NONE = "not enough evidence"
_NAMES = ("probe", "BitFit", "LoRA", "blocks", "all")

Arm = tuple[float, float, float, float]
Arms = Mapping[str, Arm]


def _case(budget: float, **arms: Arm) -> dict[str, Any]:
    """Return a case of three arms: with more, a message would not show all of them."""
    return {"arms": arms, "budget": budget}


_PROBE = {"probe": (0, 0, 0, 1)}
_CASES = (
    # Two are tied, the third is clearly behind.
    _case(20, **_PROBE, LoRA=(1, 3, 5, 6), blocks=(2, 4, 6, 9)),
    # The best of all does not fit.
    _case(20, **_PROBE, LoRA=(1, 3, 5, 6), all=(4, 9, 11, 40)),
    # All are tied.
    _case(20, **_PROBE, LoRA=(-2, 1, 4, 6), blocks=(-1, 2, 5, 9)),
    # One fits.
    _case(5, BitFit=(1, 2, 3, 2), LoRA=(2, 4, 6, 30), all=(3, 5, 7, 40)),
    # A mean outside the first arm's interval; the intervals overlap.
    _case(20, **_PROBE, LoRA=(1, 4, 6, 3), blocks=(5, 7, 9, 9)),
    # A sure gain that is no match for the first.
    _case(20, **_PROBE, BitFit=(1, 2, 3, 2), LoRA=(5, 7, 9, 8)),
    # The wide interval has the higher mean, the narrow one the higher low end.
    _case(20, **_PROBE, LoRA=(2, 6, 10, 8), blocks=(3, 4, 5, 12)),
    # What does not fit is tied with both that fit, and these are not tied with each other.
    _case(20, BitFit=(1, 2, 3, 2), LoRA=(5, 6, 7, 10), all=(0, 9, 18, 60)),
    # Both that fit are tied; one that is clearly behind does not fit.
    _case(20, **_PROBE, LoRA=(-1, 2, 5, 6), all=(-9, -6, -3, 60)),
    # Intervals that touch; then an arm that takes all of the budget.
    _case(20, **_PROBE, LoRA=(1, 2, 4, 3), blocks=(4, 6, 8, 9)),
    _case(20, **_PROBE, LoRA=(1, 2, 3, 3), blocks=(5, 6, 7, 20)),
)


def _fitting(arms: Arms, budget: float) -> Arms:
    return {name: arm for name, arm in arms.items() if arm[3] <= budget}


def _best(arms: Arms, by: int = 1) -> str:
    return max(arms, key=lambda name: arms[name][by])


def _fastest(arms: Arms) -> str:
    return min(arms, key=lambda name: arms[name][3])


def _tied(arms: Arms, low: float, end: int = 2) -> Arms:
    return {name: arm for name, arm in arms.items() if arm[end] >= low}


def _choice(
    arms: Arms,
    budget: float,
    *,
    fits: Callable[[Arms, float], Arms] = _fitting,
    tied: Callable[[Arms, float], Arms] = _tied,
    unsure: Callable[[int, int, int], bool] = lambda tied, fit, every: 1 < fit == tied,
) -> str:
    """Return the arm to choose, or with the mistakes given; `unsure` compares three counts."""
    fit = fits(arms, budget)
    alike = tied(fit, fit[_best(fit)][0])
    return _NONE if unsure(len(alike), len(fit), len(arms)) else _fastest(alike)


def _rule(**wrong: Any) -> Callable[[Arms, float], str]:
    return lambda arms, budget: _choice(arms, budget, **wrong)


def _against_all(arms: Arms, budget: float) -> str:
    """Take the first arm of all, then those tied with it that fit."""
    fit = _fitting(arms, budget)
    alike = _tied(fit, arms[_best(arms)][0])
    if 1 < len(fit) == len(alike):
        return _NONE
    return _fastest(alike)


def _sure(arms: Arms, budget: float, choose: Callable[[Arms], str]) -> str:
    """Take an arm whose gain on the probe is surely above 0."""
    above = {name: arm for name, arm in _fitting(arms, budget).items() if arm[0] > 0}
    return choose(above) if above else _NONE


_ZERO = (
    "You asked whether gains are above 0. That compares each arm with the probe: compare the arms "
    "with the first."
)
_MISTAKES = (
    Mistake(
        lambda arms, budget: _best(arms),
        "You took the highest mean of all arms, and it does not fit the budget.",
    ),
    Mistake(
        _rule(fits=lambda arms, budget: arms),
        "You left the budget out: what takes too long may neither be chosen nor be the first that "
        "the others are compared with.",
    ),
    Mistake(
        lambda arms, budget: _best(_fitting(arms, budget)),
        "You took the highest mean that fits. A lead that lies inside the intervals is none: of "
        "those tied with it take the fastest.",
    ),
    Mistake(
        lambda arms, budget: _fastest(_fitting(arms, budget)),
        "You took the fastest arm that fits, however far behind it is.",
    ),
    Mistake(
        lambda arms, budget: _best(_fitting(arms, budget), by=0),
        "You took the highest low end, which favours arms that vary little. The highest mean comes "
        "first, and then the ties.",
    ),
    Mistake(
        _rule(unsure=lambda tied, fit, every: False),
        f'You never say "{_NONE}". Where all that fit are tied, the fastest is a choice by time '
        "alone: say so.",
    ),
    Mistake(
        _rule(unsure=lambda tied, fit, every: tied > 1),
        f'You say "{_NONE}" wherever two are tied. If a third is clearly behind, something is '
        "known: take the fastest of the tied ones.",
    ),
    Mistake(
        _rule(unsure=lambda tied, fit, every: tied == fit),
        f'You say "{_NONE}" where one arm fits. There is nothing to choose: return it.',
    ),
    Mistake(
        _rule(unsure=lambda tied, fit, every: 1 < tied == every),
        "You asked whether all arms are tied, those over the budget, too. Ask it of those that "
        "fit.",
    ),
    Mistake(
        _rule(tied=lambda arms, low: _tied(arms, low, end=1)),
        "You asked whether the other's mean lies in the interval of the first. It has an interval, "
        "too: they are tied if the two overlap.",
    ),
    Mistake(
        _rule(tied=lambda arms, low: {name: arm for name, arm in arms.items() if arm[2] > low}),
        "Intervals that touch overlap: high >= low.",
    ),
    Mistake(
        _rule(fits=lambda arms, budget: {n: a for n, a in arms.items() if a[3] < budget}),
        "An arm that takes exactly the budget fits.",
    ),
    Mistake(
        _against_all,
        "You compared with the first of all arms, which may be over the budget. Take the first of "
        "those that fit.",
    ),
    Mistake(lambda arms, budget: _sure(arms, budget, _best), _ZERO),
    Mistake(lambda arms, budget: _sure(arms, budget, _fastest), _ZERO),
)


def _arm(value: Any) -> str:
    if not isinstance(value, str) or value not in (*_NAMES, _NONE):
        raise NotYet(f'expected the name of an arm or "{_NONE}", found {short(value)}.')
    return value


def choosing(function: Any) -> str | None:
    """Judge `function(arms, budget) -> name of an arm, or that there is not enough evidence`."""
    return compare(function, _CASES, _choice, _MISTAKES, _arm)
