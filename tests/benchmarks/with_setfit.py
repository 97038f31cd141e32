"""setfit's side: its own defaults, with the rate that served best on draws for tuning."""

from __future__ import annotations

import numpy as np

from companion.experiments import contrast_rates
from companion.experiments.rows import current_rows
from tests.benchmarks import tasks


def contrast(spec: dict) -> dict:
    """Train features on pairs, one at a time, then a regression on them."""
    task = tasks.articles(spec)
    rate = contrast_rates.best_rate(current_rows("contrast_rates"), "setfit")
    found, seconds = contrast_rates.by_setfit(task.train, task.test, rate, spec["seed"])
    one_hot = np.eye(len(task.data.classes))[found]
    return {"seconds": seconds, "accuracy": tasks.accuracy(task.labels(task.test), one_hot)}
