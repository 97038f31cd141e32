"""How much higher is a score when cells of one module both train and test?"""

from __future__ import annotations

import numpy as np

from companion.data.splits import draw
from companion.experiments import on_elpv
from companion.transfer.probe import linear_probe

SEEDS, N = 20, 1500  # fewer cells than either split trains on, for every seed


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the same probe under both splits, on `seeds` draws."""
    return [
        {"arm": arm, "n": N, "seed": seed, "size": on_elpv.SIZES[profile]}
        for seed in range(seeds)
        for arm in ("split by cell", "split by module")
    ]


def run(spec: dict) -> dict:
    """Fit the probe on one draw and score it on the test cells of its split."""
    split_of = on_elpv.by_cell if spec["arm"] == "split by cell" else on_elpv.by_module
    split = split_of(spec["seed"])
    ids = draw(on_elpv.cells().labels, split.train, spec["n"], seed=spec["seed"])
    seen = on_elpv.features_of_all(spec["size"])
    probe = linear_probe(seen[ids], on_elpv.cells().labels[ids])
    z = probe.decision_function(seen[split.test])  # log-odds of "defective", (N,)
    test = on_elpv.scores(np.stack([-z, z], axis=1) / 2, split.test)
    return on_elpv.result("balanced accuracy", test, split)
