"""How much faster do ten epochs of a new head become when the frozen part runs once?"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import torch

from companion.data.elpv import load_elpv
from companion.data.vision import PictureFetch
from companion.device import stopwatch, this_machine
from companion.evidence.trials import append_trial
from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled

MEASURED = Path(__file__).parent / "measured" / "head_only_speed.jsonl"


def specs(repeats: int = 3) -> list[dict]:
    """Return the trials to run: 400 cells at 160 pixels, ten epochs, `repeats` times."""
    return [{"cells": 400, "size": 160, "epochs": 10, "repeat": i} for i in range(repeats)]


def run(spec: dict) -> dict:
    """Time both ways once and return a row: seconds uncached and cached, ratio, last losses.

    Both run the same loop from the same head. The cached time begins with an empty cache, so it
    holds the one pass through the frozen part and the writing of its output.
    """
    fetch = PictureFetch(load_elpv())
    backbone = load_backbone("efficientnet_lite0", size=spec["size"])
    ids = np.random.default_rng(spec["repeat"]).permutation(len(fetch.pictures))[: spec["cells"]]
    row = dict(spec)
    for arm in ("uncached", "cached"):
        model = add_label_head(backbone, classes=2)
        freeze(model, upto="pool")
        model(fetch(ids[:32]).inputs)  # warm up, so that neither arm pays for the first call
        with stopwatch(fetch.device) as seconds:
            source = cached(fetch, model, ids) if arm == "cached" else fetch
            order, groups = shuffled(ids, 32), parameter_groups(model, rate=1e-2)
            config = FitConfig(epochs=spec["epochs"], progress=False)
            records = fit(model, source, order, groups, config)
        row |= {f"seconds_{arm}": round(seconds(), 3), f"loss_{arm}": records[-1]["loss"]}
    return row | {"ratio": row["seconds_uncached"] / row["seconds_cached"]}


def record(repeats: int = 3) -> list[dict]:
    """Run every trial, add it to the file of measured rows and return the new rows."""
    machine = this_machine()
    where = {"device": f"{machine.accelerator}, {machine.name}", "cores": machine.cores}
    rows = []
    for spec in specs(repeats):
        today = datetime.date.today().isoformat()
        row = run(spec) | where | {"torch": torch.__version__, "date": today}
        append_trial(MEASURED, row)
        rows.append(row)
    return rows
