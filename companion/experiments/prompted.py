"""How far do a few examples in the prompt go, without any training, and what do they tell?"""

from __future__ import annotations

import numpy as np

from companion.experiments import on_news
from companion.transfer.incontext import calibrated

SHOTS = (1, 4, 8)  # demonstrations of each topic
CONTROLS = ("random labels", "flipped labels", "hidden demonstrations")
CONTROL_SHOTS = 4
SEEDS = 10
TEST_SHARE = on_news.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return no demonstrations, some, and some that were tampered with; as is and calibrated.

    "one topic" always gives the same answer, another one for each seed.
    """
    arms = [{"arm": "one topic", "k": 0}]
    plans = [{"arm": "no demonstrations", "k": 0}]
    plans += [{"arm": "demonstrations", "k": k} for k in SHOTS]
    plans += [{"arm": arm, "k": CONTROL_SHOTS} for arm in CONTROLS]
    arms += [plan | {"calibrated": yes} for plan in plans for yes in (False, True)]
    return [arm | {"seed": seed} for seed in range(seeds) for arm in arms]


def run(spec: dict) -> dict:
    """Score a trial's queries with each order of its demonstrations; controls have one order."""
    seed = spec["seed"]
    labels = on_news.news().labels[on_news.queries(seed)]
    if spec["arm"] == "one topic":
        found = [accuracy(np.full(len(labels), seed % len(on_news.news().classes)), labels)]
    else:
        orders = on_news.ORDERS if spec["arm"] == "demonstrations" else 1
        found = [accuracy(answers(spec, order), labels) for order in range(orders)]
    mean = round(float(np.mean(found)), 5)
    by_order = {f"accuracy, order {i}": value for i, value in enumerate(found)}
    return {
        "metric": "accuracy",
        "value": mean,
        "scores": {"accuracy": mean} | by_order,
        "n_test": len(labels),
        "split": on_news.split_of(seed).digest,
    }


def answers(spec: dict, order: int) -> np.ndarray:
    """Return the topic (Q,) that a prompt gives each query."""
    scores, free = on_news.prompt_scores(spec, order)
    return (calibrated(scores, free) if spec["calibrated"] else scores).argmax(axis=1)


def accuracy(answers: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of answers that are right."""
    return round(float((answers == labels).mean()), 5)
