"""Which peak rate suits each arm on tags and on spans? Chosen on validation parts, no test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from companion.experiments import on_tokens

# 3e-5, which the field uses for thousands of texts, was looked at first, on tags and both splits:
# in 190 steps nearly nothing was named (validation F1 below 0.01). So the range begins higher.
RATES = {
    "tuned": (1e-4, 3e-4, 1e-3),
    "untrained": (1e-4, 3e-4, 1e-3),
    "frozen": (1e-3, 3e-3, 1e-2),  # a head alone asks for more
}
N = {"tags": 500, "spans": 200}
EPOCHS = {"tuned": 6, "untrained": 6, "frozen": 20}  # the frozen part runs once


def specs(seeds: int = len(on_tokens.TUNING), profile: str = "cpu") -> list[dict]:
    """Return every arm of both tasks at each of its three rates, on `seeds` splits."""
    return [
        plan(task, arm) | {"rate": rate, "seed": seed}
        for task in on_tokens.TASKS
        for arm in RATES
        for rate in RATES[arm]
        for seed in on_tokens.TUNING[:seeds]
    ]


def plan(task: str, arm: str) -> dict:
    """Return what the trials of an arm share but the rate."""
    return {"task": task, "arm": arm, "n": N[task], "epochs": EPOCHS[arm]}


def run(spec: dict) -> dict:
    """Train one arm and score it on validation."""
    return on_tokens.chosen_on_validation(spec)


def best_rate(rows: Sequence[dict], task: str, arm: str) -> float:
    """Return the rate with the highest mean validation score; a run that failed counts 0.

    Raises:
        LookupError: not every rate of this arm is recorded yet.
    """
    mine = [r for r in rows if r["spec"]["task"] == task and r["spec"]["arm"] == arm]
    wanted = len(RATES[arm]) * len(on_tokens.TUNING)
    if len(mine) < wanted:
        raise LookupError(
            f"the rates of {arm} on {task} are recorded {len(mine)} times, expected {wanted}. Run "
            "`companion record token_rates` first."
        )
    tried = RATES[arm]
    means = [np.mean([r["value"] or 0.0 for r in mine if r["spec"]["rate"] == x]) for x in tried]
    return tried[int(np.argmax(means))]
