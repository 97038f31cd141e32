"""Does the order of the same demonstrations matter, beyond what chance would show?

Of five orders one is always the best. So the best and the worst are chosen on queries of the
validation part, and compared on those of the test part.
"""

from __future__ import annotations

import numpy as np

from companion.experiments import on_news, prompted

ARMS = ("best order", "worst order")
SHOTS = 4
SEEDS = 10
TEST_SHARE = on_news.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both orders for each draw of demonstrations."""
    return [{"arm": arm, "k": SHOTS, "seed": seed} for seed in range(seeds) for arm in ARMS]


def run(spec: dict) -> dict:
    """Choose an order by validation queries, and score it on test queries."""
    seed = spec["seed"]
    plain = spec | {"arm": "demonstrations"}
    labels = on_news.news().labels
    tried = []
    for order in range(on_news.ORDERS):
        scores, _ = on_news.prompt_scores(plain, order, "validation")
        right = labels[on_news.queries(seed, "validation")]
        tried.append(prompted.accuracy(scores.argmax(axis=1), right))
    order = int(np.argmax(tried) if spec["arm"] == "best order" else np.argmin(tried))
    scores, _ = on_news.prompt_scores(plain, order)
    value = prompted.accuracy(scores.argmax(axis=1), labels[on_news.queries(seed)])
    return {
        "metric": "accuracy",
        "value": value,
        "validation": tried[order],
        "scores": {"accuracy": value},
        "order": order,
        "n_test": on_news.QUERIES,
        "split": on_news.split_of(seed).digest,
    }
