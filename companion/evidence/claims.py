"""Claims: sentences written down before their trials, and what the trials say of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from companion.evidence.intervals import (
    Interval,
    corrected_difference,
    ratio_interval,
    same,
    verdict,
)

NOT_RECORDED = "not recorded"
NOT_TESTED = "not tested here"


@dataclass(frozen=True)
class Claim:
    """A claim "better beats worse by more than delta", or that the two arms do not differ by it.

    Without `worse` the metric of `better` is a ratio, and the claim is that it is above delta.

    An arm is the part of a specification that its trials share, as {"arm": "full", "n": 50}.
    `test_share` is the share of all examples that each seed draws for testing, 0 where the runs
    share none. `family` is the number of claims that are read together (Bonferroni).
    """

    id: str
    lesson: str
    text: str
    source: str
    experiment: str = ""
    better: dict | None = None
    worse: dict | None = None
    metric: str = ""
    data: str = ""
    delta: float = 0.01
    seeds: int = 5
    test_share: float = 0.0
    family: int = 1
    no_difference: bool = False
    not_tested: str = ""  # why no trial here can tell


@dataclass(frozen=True)
class Finding:
    """What the recorded trials say of a claim: the effect, the verdict and what it rests on.

    `failed` counts the seeds whose run diverged or outgrew memory; they are left out of `effect`.
    """

    claim: Claim
    verdict: str
    effect: Interval | None = None
    better: float | None = None  # mean score of the arm
    worse: float | None = None
    seeds: int = 0
    failed: int = 0
    device: str = ""


def read_claims(path: Path) -> list[Claim]:
    """Return the claims that stand in the TOML file `path`.

    Raises:
        ValueError: one has a field that claims do not have, or lacks one; two share an id.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    try:
        claims = [Claim(**entry) for entry in entries]
    except TypeError as error:
        raise ValueError(
            f"{path.name}: a claim has the wrong fields ({error}). Expected those of "
            f"{', '.join(Claim.__dataclass_fields__)}."
        ) from error
    ids = [claim.id for claim in claims]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise ValueError(f"{path.name}: expected every id once, found {sorted(twice)} twice.")
    return claims


def judge(claim: Claim, rows: Iterable[dict]) -> Finding:
    """Return what `rows`, the current trials of the claim's experiment, say of it.

    Only the registered number of seeds counts, the first ones: more seeds, recorded because the
    answer was not liked, would change nothing.
    """
    if claim.not_tested:
        return Finding(claim, NOT_TESTED)
    rows = list(rows)
    better = of_arm(rows, claim.better)
    worse = better if claim.worse is None else of_arm(rows, claim.worse)
    seeds = [s for s in range(claim.seeds) if s in better and s in worse]
    if len(seeds) < claim.seeds:
        return Finding(claim, NOT_RECORDED, seeds=len(seeds))
    ok = [s for s in seeds if better[s]["status"] == worse[s]["status"] == "ok"]
    device = ", ".join(sorted({better[s]["device"] for s in seeds}))
    if len(ok) < 2:
        return Finding(claim, "undecided", seeds=0, failed=len(seeds) - len(ok), device=device)
    a, b = (values(arm, ok, claim.metric) for arm in (better, worse))
    effect = effect_of(claim, a, b)
    decide = same if claim.no_difference else verdict
    return Finding(
        claim,
        decide(effect.low, effect.high, claim.delta),
        effect,
        float(a.mean()),
        None if claim.worse is None else float(b.mean()),
        len(ok),
        len(seeds) - len(ok),
        device,
    )


def effect_of(claim: Claim, better: np.ndarray, worse: np.ndarray) -> Interval:
    """Return the mean difference of two arms (J,), or the mean ratio of the one, by the claim."""
    confidence = 1 - 0.05 / claim.family
    if claim.worse is None:
        return ratio_interval(better, confidence)
    return corrected_difference(better, worse, claim.test_share, confidence)


def of_arm(rows: Iterable[dict], arm: dict) -> dict[int, dict]:
    """Return the trials of one arm, by seed."""
    return {
        row["spec"]["seed"]: row
        for row in rows
        if all(row["spec"].get(name) == value for name, value in arm.items())
    }


def values(arm: dict[int, dict], seeds: Sequence[int], metric: str) -> np.ndarray:
    """Return the scores (J,) of an arm's trials on these seeds.

    Raises:
        LookupError: the trials did not record this metric.
    """
    try:
        return np.array([arm[seed]["scores"][metric] for seed in seeds])
    except KeyError:
        known = sorted(arm[seeds[0]]["scores"])
        raise LookupError(
            f"the trials hold no metric {metric!r}; they hold {', '.join(known)}."
        ) from None
