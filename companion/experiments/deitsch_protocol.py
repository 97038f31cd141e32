"""How does fine-tuning stand beside the published numbers, in the protocol they came from?"""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np

from companion.data.augment import CELL_FLIPS
from companion.data.vision import PictureFetch
from companion.experiments import learning_rates, on_elpv
from companion.experiments.rows import current_rows
from companion.models.blocks import Blocks
from companion.transfer.boundary import CachedFetch, cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import predict
from companion.transfer.recipes import BATCH, linear_probe

SEEDS = 5
SIZE, UPTO, VIEWS = 224, "block2", 4
EPOCHS = 6


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials: two arms on `seeds` cell splits, 1,968 cells against 656.

    The upper blocks are fine-tuned from cached maps of 224 x 224 pictures and four flipped views
    of each, at the rate that `learning_rates` chose for LP-FT; on a GPU for more epochs.

    Raises:
        LookupError: the learning rates are not recorded yet.
    """
    rate = learning_rates.best_rate(current_rows("learning_rates", profile=profile), "LP-FT")
    epochs = EPOCHS if profile == "cpu" else 3 * EPOCHS
    plan = [{"arm": "linear probe", "epochs": 0}, {"arm": "LP-FT above block2", "epochs": epochs}]
    fixed = {"size": SIZE, "rate": rate, "views": VIEWS}
    return [arm | fixed | {"seed": seed} for arm in plan for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Train on the train part of one split and judge the mean over the views of a test cell."""
    split = on_elpv.by_cell(spec["seed"])
    model, source, start = shared_prefix(spec["size"], spec["views"])
    model.load_state_dict(start)
    linear_probe(model, source, split.train)
    if spec["epochs"]:
        freeze(model, upto=UPTO)
        plan = FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)
        order = shuffled(split.train, BATCH, seed=spec["seed"])
        fit(model, source, order, parameter_groups(model, spec["rate"]), plan)
    freeze(model, upto=UPTO)
    test = on_elpv.scores(mean_over_views(model, source, split.test, spec["views"]), split.test)
    chosen = on_elpv.scores(predict(model, source, split.validation), split.validation)
    return on_elpv.result("accuracy", test, split) | {"validation": chosen["accuracy"]}


@lru_cache(maxsize=1)
def shared_prefix(size: int, views: int) -> tuple[Blocks, CachedFetch, dict]:
    """Return a network, the stored output of its lower blocks for every cell, and its weights.

    The lower blocks are the same for every split, so they run once for all of them.
    """
    model = on_elpv.new_network(size, seed=0)
    freeze(model, upto=UPTO)
    flipped = PictureFetch(on_elpv.cells(), CELL_FLIPS)
    source = cached(flipped, model, np.arange(len(on_elpv.cells())), views=views)
    return model, source, copy.deepcopy(model.state_dict())


def mean_over_views(model: Blocks, source: CachedFetch, ids: np.ndarray, views: int) -> np.ndarray:
    """Return the logits (N, 2) of `ids`, averaged over the picture and its flipped views."""

    def view(epoch: int | None) -> np.ndarray:
        return predict(model, lambda batch: source(batch, epoch=epoch), ids)

    return np.mean([view(None), *(view(epoch) for epoch in range(views))], axis=0)
