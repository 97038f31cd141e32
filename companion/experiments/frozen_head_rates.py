"""Does a head on frozen blocks ask for a still higher rate? The highest tried on tags was its best.

Recorded after the tags of `token_rates`, before any test part was seen, so that the frozen arm does
not lose by its rate. With these two it has five rates to choose from, the other arms three.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from companion.experiments import on_tokens, token_rates

ARM = "frozen"
RATES = (3e-2, 1e-1)


def specs(seeds: int = len(on_tokens.TUNING), profile: str = "cpu") -> list[dict]:
    """Return both tasks at both rates, on `seeds` splits."""
    return [
        token_rates.plan(task, ARM) | {"rate": rate, "seed": seed}
        for task in on_tokens.TASKS
        for rate in RATES
        for seed in on_tokens.TUNING[:seeds]
    ]


def run(spec: dict) -> dict:
    """Train the head and score it on validation."""
    return on_tokens.chosen_on_validation(spec)


def best_rate(rows: Sequence[dict], task: str) -> float:
    """Return the rate with the highest mean validation score, of those of `token_rates` and these.

    `rows` are those of both experiments; a run that failed counts 0.

    Raises:
        LookupError: not every rate is recorded yet.
    """
    mine = [r for r in rows if (r["spec"]["task"], r["spec"]["arm"]) == (task, ARM)]
    tried = (*token_rates.RATES[ARM], *RATES)
    if len(mine) < len(tried) * len(on_tokens.TUNING):
        raise LookupError(
            f"the rates of {ARM} on {task} are recorded {len(mine)} times, expected "
            f"{len(tried) * len(on_tokens.TUNING)}. Run `companion record token_rates "
            "frozen_head_rates` first."
        )
    means = [np.mean([r["value"] or 0.0 for r in mine if r["spec"]["rate"] == x]) for x in tried]
    return tried[int(np.argmax(means))]
