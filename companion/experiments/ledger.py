"""The ledger: every claim beside what its recorded trials say of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from companion.evidence.claims import Claim, Finding, judge, of_arm, read_claims, values
from companion.experiments import on_elpv
from companion.experiments.rows import current_rows, experiments, load_experiment, stale_rows

CLAIMS = Path(__file__).parent / "claims.toml"


def findings(*, profile: str = "cpu") -> list[Finding]:
    """Return what the recorded trials of one profile say of every claim, in the claims' order."""
    claims = read_claims(CLAIMS)
    names = {claim.experiment for claim in claims if claim.experiment}
    rows = {name: rows_or_none(name, profile) for name in names}
    return [judge(claim, rows.get(claim.experiment, [])) for claim in claims]


def rows_or_none(name: str, profile: str) -> list[dict]:
    """Return an experiment's current rows; none if what it builds on is not recorded."""
    try:
        return current_rows(name, profile=profile)
    except LookupError:
        return []


def scores_of(name: str, metric: str, arm: dict, *, profile: str = "cpu") -> np.ndarray:
    """Return the scores (J,) of an arm's recorded trials, by seed; failed runs are left out.

    `arm` is the part of a specification that its trials share. Empty where none are recorded.

    Raises:
        LookupError: the trials did not record this metric.
    """
    trials = of_arm(rows_or_none(name, profile), arm)
    seeds = [seed for seed in sorted(trials) if trials[seed]["status"] == "ok"]
    return values(trials, seeds, metric) if seeds else np.array([])


def share_of(name: str) -> float:
    """Return the share of all examples that each trial of an experiment draws for testing."""
    return getattr(load_experiment(name), "TEST_SHARE", on_elpv.TEST_SHARE)


def stale(*, profile: str = "cpu") -> dict[str, int]:
    """Return how many recorded trials of each experiment no longer count, where there are any."""
    counts = {name: len(stale_rows(name, profile=profile)) for name in experiments()}
    return {name: count for name, count in counts.items() if count}


def as_json(finding: Finding) -> dict:
    """Return a finding as one flat object of plain values; None where nothing was measured."""
    claim, effect = asdict(finding.claim), finding.effect
    shown = ("id", "lesson", "text", "source", "experiment", "metric", "data", "delta")
    return {name: claim[name] for name in shown} | {
        "arms": [finding.claim.better, finding.claim.worse],
        "means": [finding.better, finding.worse],
        "effect": effect and effect.mean,
        "low": effect and effect.low,
        "high": effect and effect.high,
        "seeds": finding.seeds,
        "failed": finding.failed,
        "verdict": finding.verdict,
        "device": finding.device,
    }


def table(found: list[Finding]) -> str:
    """Return the ledger as a table in plain text."""
    lines = [f"{'claim':<6}{'effect and 95 % interval':<28}{'seeds':>5}  verdict"]
    for f in found:
        effect = str(f.effect) if f.effect else "-"
        lines.append(f"{f.claim.id:<6}{effect:<28}{f.seeds:>5}  {f.verdict}")
        lines.append(f"      {f.claim.text}")
    return "\n".join(lines)


def claim_called(id: str) -> Claim:
    """Return the claim with this id.

    Raises:
        LookupError: there is none; the message lists them.
    """
    claims = {claim.id: claim for claim in read_claims(CLAIMS)}
    if id not in claims:
        raise LookupError(f"there is no claim {id!r}. Expected one of: {', '.join(claims)}.")
    return claims[id]
