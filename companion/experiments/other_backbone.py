"""The same code on a vision transformer: what do a probe and its last block give?"""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np

from companion.experiments import on_elpv
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.transfer.boundary import CachedFetch, cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import predict
from companion.transfer.recipes import BATCH, linear_probe

SEEDS, N, EPOCHS = 5, 200, 8
BACKBONE, SIZE = "vit_small_patch14_saliency", {"cpu": 126, "gpu": 224}
RATE = 1e-4  # the usual one for a transformer, not searched for here


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both arms on 200 labels of `seeds` splits."""
    fixed = {"n": N, "epochs": EPOCHS, "rate": RATE, "size": SIZE[profile]}
    arms = ("linear probe", "last block")
    return [{"arm": arm, "seed": seed} | fixed for arm in arms for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Train on one draw of modules and cells; judge on modules that were not seen."""
    split = on_elpv.by_module(spec["seed"])
    ids = on_elpv.training_cells(split, spec["n"], spec["seed"])
    model, source, start = all_but_the_last_block(spec["size"])
    model.load_state_dict(start)
    if spec["arm"] == "linear probe":
        linear_probe(model, source, ids)
    else:
        freeze(model, upto="block10")
        plan = FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)
        order = shuffled(ids, BATCH, seed=spec["seed"])
        fit(model, source, order, parameter_groups(model, spec["rate"]), plan)
    test = on_elpv.scores(predict(model, source, split.test), split.test)
    chosen = on_elpv.scores(predict(model, source, split.validation), split.validation)
    found = on_elpv.result("balanced accuracy", test, split)
    return found | {"validation": chosen["balanced accuracy"]}


@lru_cache(maxsize=1)
def all_but_the_last_block(size: int) -> tuple[Blocks, CachedFetch, dict[str, np.ndarray]]:
    """Return a network, what leaves its last block but one for every cell, and its weights."""
    model = add_label_head(load_backbone(BACKBONE, size=size), classes=2)
    freeze(model, upto="block10")
    source = cached(on_elpv.fetch(), model, np.arange(len(on_elpv.cells())))
    return model, source, copy.deepcopy(model.state_dict())
