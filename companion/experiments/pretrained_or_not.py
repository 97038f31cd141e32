"""What is pretraining worth to a probe? The same probe on three kinds of features."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from companion.experiments import on_elpv, on_features

ARMS = ("pretrained", "untrained", "raw pixels")
SIZES = (20, 50, 100, 200, 400, 800, "all")
SEEDS = 10
PIXELS = 64  # side of the picture that is read pixel by pixel: 4,096 numbers


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every arm at every number of labels, seed by seed, since twins are slow to make."""
    return [
        {"arm": arm, "n": n, "seed": seed, "size": on_elpv.SIZES[profile]}
        for seed in range(seeds)
        for arm in ARMS
        for n in SIZES
    ]


def run(spec: dict) -> dict:
    """Fit one probe to one draw of modules and cells; judge it on modules it has not seen."""
    split = on_elpv.by_module(spec["seed"])
    ids = on_elpv.training_cells(split, spec["n"], spec["seed"])
    seen = features_of(spec["arm"], spec["size"], spec["seed"])
    strength = strength_of(spec["arm"], spec["n"], spec["size"])
    labels = on_elpv.cells().labels
    test = on_features.probe_scores(seen, labels, ids, split.test, strength)
    return on_elpv.result("balanced accuracy", test, split) | {"strength": strength}


def features_of(arm: str, size: int, seed: int) -> np.ndarray:
    """Return what the probe of an arm reads of every cell, (2624, F)."""
    if arm == "raw pixels":
        return small_pictures()
    return on_features.by_block("defects", size, seed if arm == "untrained" else None)["pool"]


@lru_cache(maxsize=1)
def small_pictures() -> np.ndarray:
    """Return every cell as the means of small squares, (2624, 4096), 0 to 1."""
    parts = np.array_split(np.arange(len(on_elpv.cells())), 41)
    batches = (on_elpv.fetch()(part).inputs.cpu().float() / 255 for part in parts)
    small = [F.adaptive_avg_pool2d(batch, PIXELS).flatten(1) for batch in batches]
    return torch.cat(small).numpy()


@lru_cache(maxsize=32)
def strength_of(arm: str, n: int | str, size: int) -> float:
    """Return the strength of the probe's penalty that suits an arm and a number of labels."""
    labels = on_elpv.cells().labels
    return on_features.choose_strength(lambda seed: features_of(arm, size, seed), labels, n)
