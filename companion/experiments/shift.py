"""Trained on mono cells, tested on poly cells: which way of training keeps more?"""

from __future__ import annotations

import numpy as np
import torch

from companion.data.splits import Split
from companion.experiments import learning_rates, on_elpv
from companion.experiments.rows import current_rows
from companion.models.blocks import Blocks
from companion.transfer.predict import features

SEEDS, EPOCHS = 5, 5
ARMS = {"linear probe": None, "full": "full", "LP-FT": "LP-FT", "surgical": "surgical"}


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials: every arm on all mono training cells of `seeds` splits.

    The rates are those chosen on both types together, in `learning_rates`.

    Raises:
        LookupError: the learning rates are not recorded yet.
    """
    tuned = current_rows("learning_rates", profile=profile)
    return [
        {
            "arm": arm,
            "n": "all mono",
            "seed": seed,
            "rate": learning_rates.best_rate(tuned, tuned_as) if tuned_as else None,
            "epochs": EPOCHS,
            "size": on_elpv.SIZES[profile],
        }
        for arm, tuned_as in ARMS.items()
        for seed in range(seeds)
    ]


def run(spec: dict) -> dict:
    """Train on mono cells, judge on poly cells of modules kept for testing.

    Scored three ways: poly cells; poly cells after their features were given the mean and spread
    of the training features, which takes no labels; and mono cells, the home domain.
    """
    split, kinds = on_elpv.by_module(spec["seed"]), on_elpv.cells().kinds
    home = split.train[kinds[split.train] == "mono"]
    away = split.test[kinds[split.test] == "poly"]
    near = split.test[kinds[split.test] == "mono"]
    model = on_elpv.train_arm(spec, home)
    seen = {name: pooled(model, ids) for name, ids in (("home", home), ("away", away))}
    found = on_elpv.scores(head_of(model, seen["away"]), away)
    aligned = on_elpv.scores(head_of(model, align(seen["away"], seen["home"])), away)
    at_home = on_elpv.scores(head_of(model, pooled(model, near)), near)
    found |= {f"{name}, standardised": value for name, value in aligned.items()}
    found |= {f"{name}, mono": value for name, value in at_home.items()}
    judged_on = Split(home, split.validation, away)
    return on_elpv.result("AUROC", found, judged_on)


def pooled(model: Blocks, ids: np.ndarray) -> np.ndarray:
    """Return the features (N, F) below the head."""
    return features(model, on_elpv.fetch(), ids, upto="pool")


def align(there: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Give the features `there` (N, F) the mean and the spread of `here`, feature by feature."""
    standard = (there - there.mean(axis=0)) / (there.std(axis=0) + 1e-6)
    return standard * here.std(axis=0) + here.mean(axis=0)


@torch.no_grad()
def head_of(model: Blocks, seen: np.ndarray) -> np.ndarray:
    """Return the logits (N, 2) that the head gives to features (N, F)."""
    x = torch.from_numpy(seen).to(next(model.parameters()).device)
    return model(x, start=len(model.names) - 1).float().cpu().numpy()
