"""Does sentiment learned on some topics hold on another, of which there are no labels?"""

from __future__ import annotations

import numpy as np

from companion.data.splits import draw
from companion.experiments import on_tweets, text_rates, what_labels_buy
from companion.experiments.rows import current_rows
from companion.transfer.predict import predict

TOPICS = ("airlines", "deflategate", "apple", "coachella")  # all three labels are common in them
TRAINED_ON = ("apple", "coachella")  # where fine-tuning is asked too: it takes minutes
N = 500
SEEDS = 5
TEST_SHARE = on_tweets.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return TF-IDF and the probe for four topics, and full fine-tuning for two.

    Raises:
        LookupError: the rate of full fine-tuning is not recorded yet.
    """
    rows = current_rows("text_rates", profile=profile)
    rate = text_rates.best_rate(rows, {"arm": "full"}, text_rates.RATES)
    plans = [{"arm": arm, "topic": t} for arm in ("TF-IDF", "linear probe") for t in TOPICS]
    plan = {"arm": "full", "rate": rate, "epochs": text_rates.EPOCHS}
    plans += [plan | {"topic": topic} for topic in TRAINED_ON]
    return [plan | {"n": N, "seed": seed} for plan in plans for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Train on tweets of all topics but one; judge on test tweets of that one."""
    kinds, labels = on_tweets.tweets().kinds, on_tweets.tweets().labels
    split, topic = on_tweets.split_of(spec["seed"]), spec["topic"]
    others = split.train[kinds[split.train] != topic]
    ids = draw(labels, others, spec["n"], seed=spec["seed"])
    asked = asked_of(topic, spec["seed"])
    if spec["arm"] == "full":
        logits = predict(on_tweets.train_arm(spec, ids), on_tweets.fetch(), asked)
    else:
        logits, _ = what_labels_buy.fitted_arm(spec["arm"], spec["n"], ids, asked)
    found = on_tweets.scores(logits, asked)
    return {
        "metric": "macro-F1",
        "value": found["macro-F1"],
        "scores": found,
        "n_test": len(asked),
        "split": split.digest,
    }


def asked_of(topic: str, seed: int) -> np.ndarray:
    """Return the test tweets of a topic."""
    test = on_tweets.split_of(seed).test
    return test[on_tweets.tweets().kinds[test] == topic]
