"""One body, three heads: what do tags and spans gain from tuning it, and from its pre-training?"""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import frozen_head_rates, on_tokens, token_rates
from companion.experiments.rows import current_rows

SEEDS = 5
TEST_SHARE = on_tokens.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every arm of both tasks at the rate that was chosen for it."""
    found = []
    for task in on_tokens.TASKS:
        for arm in token_rates.RATES:
            with suppress(LookupError):
                chosen = token_rates.plan(task, arm) | {"rate": chosen_rate(task, arm, profile)}
                found += [chosen | {"seed": seed} for seed in range(seeds)]
    return found


def chosen_rate(task: str, arm: str, profile: str) -> float:
    """Return the rate that was best on the validation parts of splits that no trial draws.

    Raises:
        LookupError: not every rate is recorded yet.
    """
    rows = current_rows("token_rates", profile=profile)
    if arm == frozen_head_rates.ARM:
        higher = current_rows("frozen_head_rates", profile=profile)
        return frozen_head_rates.best_rate([*rows, *higher], task)
    return token_rates.best_rate(rows, task, arm)


def run(spec: dict) -> dict:
    """Train one arm on one split; judge it on its test part."""
    return on_tokens.judged(spec)
