"""How much faster do ten epochs of a new head become when the frozen part runs once?"""

from __future__ import annotations

import numpy as np

from companion.data.elpv import load_elpv
from companion.data.vision import PictureFetch
from companion.device import stopwatch
from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled


def specs(seeds: int = 3, profile: str = "cpu") -> list[dict]:
    """Return the trials: 400 cells, ten epochs, `seeds` times; record them with nothing else on."""
    size = {"cpu": 160, "gpu": 224}[profile]
    fixed = {"arm": "head only", "cells": 400, "size": size, "epochs": 10}
    return [fixed | {"seed": seed} for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Time both ways once and return seconds uncached and cached, their ratio, and last losses.

    Both run the same loop from the same head. The cached time begins with an empty cache, so it
    holds the one pass through the frozen part and the writing of its output.
    """
    fetch = PictureFetch(load_elpv())
    backbone = load_backbone("efficientnet_lite0", size=spec["size"])
    ids = np.random.default_rng(spec["seed"]).permutation(len(fetch.pictures))[: spec["cells"]]
    scores = {}
    for way in ("uncached", "cached"):
        model = add_label_head(backbone, classes=2)
        freeze(model, upto="pool")
        model(fetch(ids[:32]).inputs)  # warm up, so that neither way pays for the first call
        with stopwatch(fetch.device) as seconds:
            source = cached(fetch, model, ids) if way == "cached" else fetch
            order, groups = shuffled(ids, 32), parameter_groups(model, rate=1e-2)
            config = FitConfig(epochs=spec["epochs"], progress=False)
            records = fit(model, source, order, groups, config)
        scores |= {f"seconds {way}": round(seconds(), 3), f"loss {way}": records[-1]["loss"]}
    scores["times faster"] = round(scores["seconds uncached"] / scores["seconds cached"], 3)
    return {"metric": "times faster", "value": scores["times faster"], "scores": scores}
