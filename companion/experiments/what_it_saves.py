"""What does pretraining save? Labels, epochs and seconds until scratch's best is reached."""

from __future__ import annotations

import time

import numpy as np

from companion.data.splits import Split
from companion.evidence.metrics import balanced_accuracy
from companion.experiments import on_elpv
from companion.experiments.what_to_train import chosen_rates
from companion.transfer import recipes
from companion.transfer.fit import FitConfig
from companion.transfer.predict import predict, scorer

EPOCHS = {"scratch": 10, "full": 4}  # scratch gets more: it starts from nothing
TENTH = 150  # labels: a tenth of the training part, which holds about 1,500
SEEDS = 5


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return scratch and full fine-tuning with all labels, and a probe with a tenth of them."""
    rates, size = chosen_rates(profile), on_elpv.SIZES[profile]
    arms = [{"arm": "linear probe", "n": TENTH}] + [
        {"arm": arm, "n": "all", "rate": rates[arm, "all"], "epochs": epochs}
        for arm, epochs in EPOCHS.items()
        if (arm, "all") in rates
    ]
    return [arm | {"seed": seed, "size": size} for seed in range(seeds) for arm in arms]


def run(spec: dict) -> dict:
    """Train one arm, score validation after each epoch, and judge the best epoch on the test.

    Seconds are those of the processor, summed over its threads: another process beside this one
    changes them less than those of a clock.
    """
    split = on_elpv.by_module(spec["seed"])
    ids = on_elpv.training_cells(split, spec["n"], spec["seed"])
    train = probe if spec["arm"] == "linear probe" else train_and_watch
    logits, watched = train(spec, split, ids)
    found = on_elpv.result("balanced accuracy", on_elpv.scores(logits, split.test), split)
    return found | {"scores": found["scores"] | watched, "labels": len(ids)}


def probe(spec: dict, split: Split, ids: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Fit a probe; return its logits on the test cells, and the seconds that it took."""
    start = time.process_time()
    model = on_elpv.new_network(spec["size"], spec["seed"])
    recipes.linear_probe(model, on_elpv.fetch(), ids)
    seconds = time.process_time() - start
    return predict(model, on_elpv.fetch(), split.test), {"seconds": round(seconds, 1)}


def train_and_watch(
    spec: dict, split: Split, ids: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Train a whole network; return its logits on the test cells, and how it went by epoch."""
    model = on_elpv.new_network(spec["size"], spec["seed"], pretrained=spec["arm"] != "scratch")
    plan = FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)
    score = scorer(on_elpv.fetch(), split, balanced_accuracy)
    start = time.process_time()
    records = recipes.fine_tune(
        model, on_elpv.fetch(), ids, plan, rate=spec["rate"], validate=score
    )
    seconds = time.process_time() - start
    curve = [round(record["score"], 5) for record in records if "score" in record]
    watched = {f"validation, epoch {epoch}": value for epoch, value in enumerate(curve, 1)}
    return predict(model, on_elpv.fetch(), split.test), watched | {"seconds": round(seconds, 1)}
