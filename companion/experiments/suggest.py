"""Which arm first? What the recorded trials on the nearest sets say, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from companion.evidence.intervals import Interval, corrected_difference
from companion.experiments.arms import ARMS, PROBE
from companion.experiments.comparisons import Comparison

NEAREST = 3  # comparisons that are asked
FAR = 3.0  # a nearest comparison at this distance or more says too little
_SKILL = 5.0  # a fifth of the way from guessing to perfect counts as much as twice the labels
_CLASSES = 0.5  # four times the classes count as much as twice the labels


@dataclass(frozen=True)
class Advantage:
    """What an arm gained on the probe in the comparisons nearest to a set.

    `mean` is the mean of their means, `low` and `high` the outermost ends of their intervals;
    `found` names each: its set, its number of labels, and its interval.
    """

    arm: str
    mean: float
    low: float
    high: float
    found: tuple[tuple[str, int, Interval], ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """Arms in the order in which to try them, and how far the evidence goes.

    `order` from the highest mean; `tied` those that the evidence cannot tell from the first,
    itself included, cheapest first; `distance` to the nearest comparison, in doublings of labels.
    """

    order: tuple[Advantage, ...]
    tied: tuple[str, ...]
    distance: float

    @property
    def arm(self) -> str:
        """The arm to try first."""
        return self.order[0].arm

    @property
    def enough(self) -> bool:
        """Whether something near enough was recorded, and it tells the arms apart."""
        return self.distance < FAR and len(self.tied) < len(self.order)


def suggest(
    kind: str, n: int, classes: int, skill: float, among: Sequence[Comparison]
) -> Suggestion:
    """Return the arms for a set of `n` labels, by what they gained in comparisons like it.

    `skill` is how far a linear probe gets on the set's validation part, from 0, a guess, to 1.
    Where it is low, the frozen features do not serve: that is what is measured of the shift.
    Source of the idea: Rice 1976, the algorithm selection problem.

    Raises:
        LookupError: no comparison of this kind is recorded.
    """
    mine = [c for c in among if c.kind == kind]
    if not mine:
        raise LookupError(
            f"expected recorded comparisons on {kind}, found none. Run `companion record which_arm`"
            " first."
        )
    away = {id(c): distance(c, n, classes, skill) for c in mine}
    mine.sort(key=lambda c: away[id(c)])
    known = [arm for arm in ARMS[kind] if any(arm in c.scores for c in mine)]
    gained = [advantage(arm, PROBE, mine) for arm in known]
    order = sorted(gained, key=lambda found: -found.mean)
    tied = [arm for arm in known if advantage(order[0].arm, arm, mine).low <= 0]
    return Suggestion(tuple(order), tuple(tied), away[id(mine[0])])


def distance(c: Comparison, n: int, classes: int, skill: float) -> float:
    """Return how far a comparison is from a set, in doublings of the number of labels."""
    labels, kinds = abs(np.log2(c.n / n)), abs(np.log2(c.classes / classes))
    return float(labels + _CLASSES * kinds + _SKILL * abs(c.skill - skill))


def advantage(arm: str, over: str, near: Sequence[Comparison]) -> Advantage:
    """Return what an arm gained over another in the first comparisons that have both."""
    if arm == over:
        return Advantage(arm, 0.0, 0.0, 0.0)
    found = [
        (c.set, c.n, corrected_difference(c.scores[arm], c.scores[over], c.test_share))
        for c in near
        if arm in c.scores and over in c.scores
    ][:NEAREST]
    if not found:
        return Advantage(arm, -np.inf, -np.inf, np.inf)
    ends = [interval for _, _, interval in found]
    return Advantage(
        arm,
        float(np.mean([end.mean for end in ends])),
        min(end.low for end in ends),
        max(end.high for end in ends),
        tuple(found),
    )
