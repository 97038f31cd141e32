"""How few epochs of contrast are enough to be as good as SetFit? Chosen for `beside_peers`.

`contrast_or_setfit` runs as many texts as SetFit does; here fewer, on the same draws for tuning.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from companion.experiments import contrast_rates, few_examples, on_news, prompted
from companion.models.text import load_text_backbone
from companion.transfer import fewshot
from companion.transfer.fit import FitConfig
from companion.transfer.predict import features

EPOCHS = (4, 8, 16)
RATES = (5e-5, 1e-4, 2e-4)
TUNING = contrast_rates.TUNING
ENOUGH = 0.005  # below SetFit's validation accuracy


def specs(seeds: int = len(TUNING), profile: str = "cpu") -> list[dict]:
    """Return every number of epochs at every rate, on `seeds` draws for tuning."""
    return [
        {"arm": "contrast", "epochs": epochs, "rate": rate, "seed": seed}
        for epochs in EPOCHS
        for rate in RATES
        for seed in TUNING[:seeds]
    ]


def run(spec: dict) -> dict:
    """Learn from the draw, and answer its validation part."""
    ids = on_news.draw(contrast_rates.SHOTS, spec["seed"])
    asked = on_news.split_of(spec["seed"]).validation
    found, seconds = answers(spec, ids, asked)
    value = prompted.accuracy(found, on_news.news().labels[asked])
    return {
        "metric": "accuracy",
        "value": value,
        "validation": value,
        "scores": {"accuracy": value},
        "learning seconds": seconds,
        "n_test": len(asked),
        "split": on_news.split_of(spec["seed"]).digest,
    }


def answers(spec: dict, ids: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the topic (Q,) of each article `asked`, and how long learning took."""
    model, fetch = load_text_backbone(few_examples.BACKBONE), few_examples.fetch()
    plan = FitConfig(epochs=spec["epochs"], schedule="linear", seed=spec["seed"], progress=False)
    start = time.perf_counter()
    fewshot.contrast(model, fetch, ids, plan, rate=spec["rate"])
    head = LogisticRegression(max_iter=1000)  # on unit features, as SetFit's
    head.fit(fewshot.units(features(model, fetch, ids)), on_news.news().labels[ids])
    seconds = round(time.perf_counter() - start, 2)
    return head.predict(fewshot.units(features(model, fetch, asked))), seconds


def chosen(rows: Sequence[dict], setfit: float) -> tuple[int, float]:
    """Return the fewest epochs, with their best rate, that are as good as SetFit on validation.

    `setfit` is its mean validation accuracy. Where none is as good, the most epochs are returned.

    Raises:
        LookupError: not every setting is recorded.
    """
    found: dict[tuple[int, float], list[float]] = {}
    for row in rows:
        setting = row["spec"]["epochs"], row["spec"]["rate"]
        found.setdefault(setting, []).append(row["validation"])
    if len(found) < len(EPOCHS) * len(RATES):
        raise LookupError("contrast_epochs holds no whole set of epochs and rates: record it.")
    best = {
        epochs: max((np.mean(found[epochs, rate]), rate) for rate in RATES) for epochs in EPOCHS
    }
    good = [epochs for epochs in EPOCHS if best[epochs][0] >= setfit - ENOUGH]
    epochs = good[0] if good else EPOCHS[-1]
    return epochs, best[epochs][1]
