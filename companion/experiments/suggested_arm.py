"""Is the suggestion any good? Each set is left out, and suggested an arm by the others.

A "seed" is a set, left out together with every set of the same examples. The score of a rule is the
mean, over the numbers of labels, of what the arm that it picks scored on the set.
"""

from __future__ import annotations

import numpy as np

from companion.experiments.arms import ARMS, FULL, PROBE, TOP
from companion.experiments.comparisons import SETS, Comparison, comparisons
from companion.experiments.suggest import Suggestion, suggest

RULES = (
    "suggested",
    "cheapest of the tied",
    "always probe",
    "always top blocks",  # or the whole network where that alone is recorded
    "always full",
    "best afterwards",
)
SEEDS = len(SETS)
TEST_SHARE = 0.0  # different sets share no examples


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every rule on every set, numbered as in SETS."""
    return [
        {"arm": rule, "seed": seed, "set": SETS[seed], "profile": profile}
        for seed in range(min(seeds, SEEDS))
        for rule in RULES
    ]


def run(spec: dict) -> dict:
    """Return the mean score of what a rule picks on one set."""
    every = comparisons(profile=spec["profile"])
    mine = [c for c in every if c.set == spec["set"]]
    others = [c for c in every if c.examples != mine[0].examples]
    picked = {c.n: pick(spec["arm"], c, others) for c in mine}
    value = round(float(np.mean([c.scores[picked[c.n]].mean() for c in mine])), 5)
    return {
        "metric": "score",
        "value": value,
        "scores": {"score": value},
        "picked": {str(n): arm for n, arm in picked.items()},
        "n_test": 0,
        "split": "",
    }


def pick(rule: str, c: Comparison, others: list[Comparison]) -> str:
    """Return the arm that a rule picks, among those recorded in a comparison."""
    if rule == "always probe":
        return PROBE
    if rule == "always full":
        return FULL
    if rule == "always top blocks":
        return TOP if TOP in c.scores else FULL
    if rule == "best afterwards":
        return max(c.scores, key=lambda arm: c.scores[arm].mean())
    found = suggest(c.kind, c.n, c.classes, c.skill, others)
    return next(arm for arm in wanted(rule, found) if arm in c.scores)


def wanted(rule: str, found: Suggestion) -> list[str]:
    """Return arms in the order in which a rule wants them."""
    by_mean = [gained.arm for gained in found.order]
    if rule == "suggested":
        return by_mean
    return [arm for arm in ARMS["texts"] if arm in found.tied] + by_mean
