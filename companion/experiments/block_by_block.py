"""Where in the network is what? The same probe after every block, for two tasks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from companion.experiments import on_elpv, on_features

BLOCKS = ("stem", *(f"block{i}" for i in range(7)), "pool")
ARMS = ("stripes", "defects", "defects, untrained")
SEEDS, N = 10, 200


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return a probe after every block, for each task and for the untrained twins."""
    fixed = {"n": N, "size": on_elpv.SIZES[profile]}
    return [
        {"arm": arm, "block": block, "seed": seed} | fixed
        for arm in ARMS
        for seed in range(seeds)
        for block in BLOCKS
    ]


def run(spec: dict) -> dict:
    """Fit one probe to one draw of modules and cells; judge it on modules it has not seen."""
    split = on_elpv.by_module(spec["seed"])
    ids = on_elpv.training_cells(split, spec["n"], spec["seed"])
    labels = on_features.labels_of(task_of(spec["arm"]))
    seen = features_of(spec["arm"], spec["block"], spec["size"], spec["seed"])
    strength = strength_of(spec["arm"], spec["block"], spec["n"], spec["size"])
    test = on_features.probe_scores(seen, labels, ids, split.test, strength)
    return on_elpv.result("balanced accuracy", test, split) | {"strength": strength}


def task_of(arm: str) -> str:
    """Return which labels an arm reads."""
    return arm.partition(",")[0]


def features_of(arm: str, block: str, size: int, seed: int) -> np.ndarray:
    """Return what leaves a block for every cell, (2624, F)."""
    twin = seed if arm.endswith("untrained") else None
    return on_features.by_block(task_of(arm), size, twin)[block]


@lru_cache(maxsize=32)
def strength_of(arm: str, block: str, n: int, size: int) -> float:
    """Return the strength of the probe's penalty that suits an arm and a block."""
    labels = on_features.labels_of(task_of(arm))
    return on_features.choose_strength(lambda seed: features_of(arm, block, size, seed), labels, n)
