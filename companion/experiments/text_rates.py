"""Which peak rate suits each arm on tweets? Chosen on tweets set aside, before any test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from companion.experiments import on_tweets

RATES = (3e-5, 1e-4, 3e-4)
ARMS = ("full", "untrained", "last two blocks", "LoRA", "BitFit")
HIGHER = ("LoRA", "BitFit")  # few weights train, and they ask for more
FACTOR = 10
N, EPOCHS = 500, 6


def specs(seeds: int = len(on_tweets.TUNING), profile: str = "cpu") -> list[dict]:
    """Return every arm at each of its three rates on 500 labels, on `seeds` draws."""
    return [
        {"arm": arm, "n": N, "seed": seed, "rate": rate, "epochs": EPOCHS}
        for arm in ARMS
        for rate in rates_of(arm)
        for seed in on_tweets.TUNING[:seeds]
    ]


def rates_of(arm: str) -> tuple[float, ...]:
    """Return the three rates that an arm is tried at."""
    return tuple(rate * FACTOR for rate in RATES) if arm in HIGHER else RATES


def run(spec: dict) -> dict:
    """Train one arm on tweets set aside and score it on others of them."""
    return on_tweets.chosen_on_validation(spec)


def best_rate(rows: Sequence[dict], asked: dict, rates: Sequence[float]) -> float:
    """Return the rate with the highest mean validation score; a run that failed counts 0.

    `asked` is the part of a specification that the rows of one arm share.

    Raises:
        LookupError: not every rate of this arm is recorded yet.
    """
    mine = [r for r in rows if all(r["spec"].get(k) == v for k, v in asked.items())]
    wanted = len(rates) * len(on_tweets.TUNING)
    if len(mine) < wanted:
        raise LookupError(
            f"the rates of {asked} are recorded {len(mine)} times, expected {wanted}. Run "
            "`companion record text_rates few_labels_rates` first."
        )
    means = [np.mean([r["value"] or 0.0 for r in mine if r["spec"]["rate"] == x]) for x in rates]
    return rates[int(np.argmax(means))]
