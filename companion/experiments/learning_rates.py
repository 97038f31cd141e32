"""Which peak learning rate suits each arm? Chosen on validation cells, before any test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from companion.experiments import on_elpv
from companion.transfer.predict import predict

RATES = (1e-4, 5e-4, 2.5e-3)
ARMS = ("full", "scratch", "LP-FT", "last block", "discriminative", "gradual", "surgical")
N, EPOCHS = 200, 8
DRAWS = 2  # the splits and draws of seeds 0 and 1


def specs(seeds: int = DRAWS, profile: str = "cpu") -> list[dict]:
    """Return every arm at every rate on 200 labels, on `seeds` draws.

    The rate found here is used at every number of labels, to keep the search short: the same
    search for every arm.
    """
    size = on_elpv.SIZES[profile]
    return [
        {"arm": arm, "n": N, "seed": seed, "rate": rate, "epochs": EPOCHS, "size": size}
        for arm in ARMS
        for rate in RATES
        for seed in range(seeds)
    ]


def run(spec: dict) -> dict:
    """Train one arm and score it on validation cells; the test cells are not looked at."""
    split = on_elpv.by_module(spec["seed"])
    model = on_elpv.train_arm(spec, on_elpv.training_cells(split, spec["n"], spec["seed"]))
    found = on_elpv.scores(predict(model, on_elpv.fetch(), split.validation), split.validation)
    value = found["balanced accuracy"]
    return {
        "metric": "validation balanced accuracy",
        "value": value,
        "validation": value,
        "scores": found,
        "n_test": 0,
        "split": split.digest,
    }


def best_rate(rows: Sequence[dict], arm: str, draws: int = DRAWS) -> float:
    """Return the rate of `arm` with the highest mean validation score; a run that failed counts 0.

    Raises:
        LookupError: not every rate of this arm is recorded yet on so many draws.
    """
    mine = [row for row in rows if row["spec"]["arm"] == arm]
    if len(mine) < len(RATES) * draws:
        raise LookupError(
            f"the rates of {arm!r} are recorded {len(mine)} times, expected {len(RATES) * draws}. "
            "Run `companion record learning_rates learning_rates_all` first."
        )
    means = [
        np.mean([row["value"] or 0.0 for row in mine if row["spec"]["rate"] == rate])
        for rate in RATES
    ]
    return RATES[int(np.argmax(means))]
