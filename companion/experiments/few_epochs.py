"""Are a few epochs enough? Fine-tuning on 500 labels for 1, 3 and 10 epochs."""

from __future__ import annotations

from companion.experiments import on_tweets, text_rates
from companion.experiments.rows import current_rows

N = 500
EPOCHS = (3, 10, 1)
SEEDS = 5
TEST_SHARE = on_tweets.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return each length of training, at the rate that was chosen at 500 labels.

    Raises:
        LookupError: that rate is not recorded yet.
    """
    rows = current_rows("text_rates", profile=profile)
    rate = text_rates.best_rate(rows, {"arm": "full"}, text_rates.RATES)
    return [
        {"arm": "full", "n": N, "seed": seed, "rate": rate, "epochs": epochs}
        for epochs in EPOCHS
        for seed in range(seeds)
    ]


def run(spec: dict) -> dict:
    """Fine-tune on one draw of tweets; judge on tweets that were not seen."""
    split = on_tweets.split_of(spec["seed"])
    model = on_tweets.train_arm(spec, on_tweets.training_tweets(split, spec["n"], spec["seed"]))
    return on_tweets.judged(model, split)
