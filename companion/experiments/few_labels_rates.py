"""Which peak rate suits each way to fine-tune on 100 labels? Chosen on tweets set aside."""

from __future__ import annotations

from companion.experiments import on_tweets, text_rates

N = 100
WAYS = [(start, epochs) for epochs in (3, 20) for start in on_tweets.STARTS]


def specs(seeds: int = len(on_tweets.TUNING), profile: str = "cpu") -> list[dict]:
    """Return each way to fine-tune at each rate, on `seeds` draws."""
    return [
        {"arm": "full", "start": start, "n": N, "seed": seed, "rate": rate, "epochs": epochs}
        for start, epochs in WAYS
        for rate in text_rates.RATES
        for seed in on_tweets.TUNING[:seeds]
    ]


def run(spec: dict) -> dict:
    """Train on tweets set aside and score on others of them."""
    return on_tweets.chosen_on_validation(spec)
