"""What should train on 500 labels? The last two blocks, narrow matrices, or the biases alone."""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import on_tweets, text_rates
from companion.experiments.rows import current_rows

ARMS = ("last two blocks", "LoRA", "BitFit")
SEEDS = 5
TEST_SHARE = on_tweets.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return each arm at its own rate; everything trains in the trials of what_labels_buy."""
    rows = current_rows("text_rates", profile=profile)
    found = []
    for arm in ARMS:
        with suppress(LookupError):
            rate = text_rates.best_rate(rows, {"arm": arm}, text_rates.rates_of(arm))
            plan = {"arm": arm, "n": text_rates.N, "rate": rate, "epochs": text_rates.EPOCHS}
            found += [plan | {"seed": seed} for seed in range(seeds)]
    return found


def run(spec: dict) -> dict:
    """Train one arm on one draw of tweets; judge it on tweets it has not seen."""
    split = on_tweets.split_of(spec["seed"])
    model = on_tweets.train_arm(spec, on_tweets.training_tweets(split, spec["n"], spec["seed"]))
    return on_tweets.judged(model, split)
