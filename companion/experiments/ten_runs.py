"""How much does luck decide at 100 labels, and do a careful start and more steps cure it?"""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import few_labels_rates, on_tweets, text_rates
from companion.experiments.rows import current_rows

SEEDS = 10
TEST_SHARE = on_tweets.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return ten runs of each way to fine-tune, at the rate that was chosen for it."""
    rows = current_rows("few_labels_rates", profile=profile)
    found = []
    for start, epochs in few_labels_rates.WAYS:
        with suppress(LookupError):
            asked = {"start": start, "epochs": epochs}
            rate = text_rates.best_rate(rows, asked, text_rates.RATES)
            way = {"arm": "full", "n": few_labels_rates.N, "rate": rate} | asked
            found += [way | {"seed": seed} for seed in range(seeds)]
    return found


def run(spec: dict) -> dict:
    """Fine-tune on one draw of tweets; judge on tweets that were not seen."""
    split = on_tweets.split_of(spec["seed"])
    model = on_tweets.train_arm(spec, on_tweets.training_tweets(split, spec["n"], spec["seed"]))
    return on_tweets.judged(model, split)
