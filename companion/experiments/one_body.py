"""One body, three heads: what do tags and spans gain from tuning it, and from its pre-training?"""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import on_tokens, token_rates
from companion.experiments.rows import current_rows

SEEDS = 5
TEST_SHARE = on_tokens.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every arm of both tasks at the rate that was chosen for it."""
    rows = current_rows("token_rates", profile=profile)
    found = []
    for task in on_tokens.TASKS:
        for arm in token_rates.RATES:
            with suppress(LookupError):
                rate = token_rates.best_rate(rows, task, arm)
                chosen = token_rates.plan(task, arm) | {"rate": rate}
                found += [chosen | {"seed": seed} for seed in range(seeds)]
    return found


def run(spec: dict) -> dict:
    """Train one arm on one split; judge it on its test part."""
    return on_tokens.judged(spec)
