"""With 8 examples of each topic: is our contrast as good as the library that made it known?"""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import contrast_rates, few_examples, on_news, prompted
from companion.experiments.rows import current_rows

SEEDS = 5
TEST_SHARE = 0.25


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both ways at the rates chosen for them, and a probe without any training."""
    rows = current_rows("contrast_rates", profile=profile)
    plans: list[dict] = [{"arm": "linear probe"}]
    for arm in contrast_rates.ARMS:
        with suppress(LookupError):
            plans.append({"arm": arm, "rate": contrast_rates.best_rate(rows, arm)})
    return [
        plan | {"k": contrast_rates.SHOTS, "seed": seed} for seed in range(seeds) for plan in plans
    ]


def run(spec: dict) -> dict:
    """Learn from the draw, and answer all articles of the test part."""
    seed, labels = spec["seed"], on_news.news().labels
    asked = on_news.split_of(seed).test
    if spec["arm"] == "linear probe":
        ids = on_news.draw(spec["k"], seed)
        found, seconds = few_examples.answers("linear probe", ids, labels[ids], asked), 0.0
    else:
        found, seconds = contrast_rates.answers(spec, asked)
    value = prompted.accuracy(found, labels[asked])
    return {
        "metric": "accuracy",
        "value": value,
        "scores": {"accuracy": value},
        "learning seconds": seconds,
        "n_test": len(asked),
        "split": on_news.split_of(seed).digest,
    }
