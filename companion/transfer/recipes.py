"""Recipes: the published ways to reuse a pretrained network, each as short as its description.

All take a network with a head, a fetch, the ids to train on and a plan (`FitConfig`), train the
network in place and return the records of `fit`. Rates are peaks, `rate` the highest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from companion.data.examples import Fetch
from companion.models.blocks import Blocks
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups, train_only
from companion.transfer.order import shuffled
from companion.transfer.predict import features
from companion.transfer.probe import copy_to_head
from companion.transfer.probe import linear_probe as fit_probe

BATCH = 16  # examples in a step: small sets have to give enough steps
FACTOR = 1 / 2.6  # from one block's rate to that of the block below it (Howard and Ruder 2018)

Validate = Callable[[torch.nn.Module], float]


def linear_probe(model: Blocks, fetch: Fetch, ids: np.ndarray, *, strength: float = 0.01) -> None:
    """Fit the head to what the frozen backbone gives; nothing else changes (Alain and Bengio 2017).

    The head is the minimum of a penalised logistic regression, found in one go; see
    `companion.transfer.probe.linear_probe`.

    Raises:
        ValueError: the labels have one class only.
    """
    below_head = model.names[-2]
    freeze(model, upto=below_head)
    seen = features(model, fetch, ids, upto=below_head)  # (N, F)
    copy_to_head(fit_probe(seen, fetch.targets(ids).cpu().numpy(), strength), model)


def fine_tune(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    upto: str | None = None,
    layer_decay: float = 1.0,
    validate: Validate | None = None,
) -> list[dict]:
    """Train all blocks above `upto`, or all there are (Yosinski et al. 2014).

    Where a part stays frozen, it runs once per example and is cached. With `layer_decay` below 1,
    each block learns more slowly than the one above it.

    Raises:
        ValueError: as `freeze`, `parameter_groups` and `fit` do.
    """
    freeze(model, upto)
    source = cached(fetch, model, ids) if upto else fetch
    groups = parameter_groups(model, rate, layer_decay=layer_decay)
    order = shuffled(ids, BATCH, seed=config.seed)
    return fit(model, source, order, groups, config, validate=validate)


def lp_ft(
    model: Blocks, fetch: Fetch, ids: np.ndarray, config: FitConfig, *, rate: float
) -> list[dict]:
    """Fit the head first, then train everything from there (LP-FT, Kumar et al. 2022).

    A random head sends large, random gradients into the backbone; a fitted one does not.
    """
    linear_probe(model, fetch, ids)
    return fine_tune(model, fetch, ids, config, rate=rate)


def discriminative(
    model: Blocks, fetch: Fetch, ids: np.ndarray, config: FitConfig, *, rate: float
) -> list[dict]:
    """Train everything, each block at 1/2.6 of the rate above it (Howard and Ruder 2018)."""
    return fine_tune(model, fetch, ids, config, rate=rate, layer_decay=FACTOR)


def gradual_unfreeze(
    model: Blocks, fetch: Fetch, ids: np.ndarray, config: FitConfig, *, rate: float
) -> list[dict]:
    """Thaw from the top in three stages, the last one the whole network (Howard and Ruder 2018).

    The stages share the epochs of `config`. The paper thaws one layer per epoch; blocks are
    larger, so that here the top three, then the upper half, then everything trains.
    """
    records = []
    for upto, epochs in zip(gradual_boundaries(model), thirds(config.epochs), strict=True):
        stage = replace(config, epochs=epochs)
        records += fine_tune(model, fetch, ids, stage, rate=rate, upto=upto)
    return records


def gradual_boundaries(model: Blocks) -> tuple[str | None, ...]:
    """Return up to where the network is frozen in each stage of gradual unfreezing."""
    return model.names[-4], model.names[len(model.names) // 2], None


def thirds(epochs: int) -> tuple[int, int, int]:
    """Share out the epochs over three stages, at least one each; the last gets what is over.

    Raises:
        ValueError: there are fewer than 3.
    """
    if epochs < 3:
        raise ValueError(f"expected at least 3 epochs, one for each stage, found {epochs}.")
    return epochs // 3, epochs // 3, epochs - 2 * (epochs // 3)


def surgical(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    blocks: tuple[str, ...] = ("stem", "block0"),
) -> list[dict]:
    """Fit the head, then train only `blocks`, by default the first (Lee et al. 2023).

    Where new pictures differ from the old ones in their look rather than their meaning, the paper
    finds the lowest layers to be the ones to change.
    """
    linear_probe(model, fetch, ids)
    train_only(model, blocks)
    order = shuffled(ids, BATCH, seed=config.seed)
    return fit(model, fetch, order, parameter_groups(model, rate), config)
