"""Recipes for texts: the published ways to fine-tune a BERT, each as short as its description.

As `companion.transfer.recipes`, but texts of about one length are computed together: as a batch,
or with `fine_tune_mixed` as a piece of a random batch. Rates are peaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer

from companion.data.examples import Fetch
from companion.models.blocks import Blocks
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_length, shuffled

BATCH = 16  # texts in a step
# Tokens in a piece of a random batch. On a CPU small pieces cost nothing; that a GPU wants larger
# ones was not measured.
AT_ONCE = {"cpu": 512, "cuda": 8192, "mps": 8192}
RANK = 8  # of LoRA's matrices
# The maps to queries and values, as bert and roberta call them, and as distilbert does.
ADAPTED = ("query", "value", "q_lin", "v_lin")

Validate = Callable[[torch.nn.Module], float]


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
    """Train all blocks above `upto`, or all there are (Devlin et al. 2019).

    Where a part stays frozen, it runs once per text and is cached. With `layer_decay` below 1, each
    block learns more slowly than the one above it.

    Raises:
        ValueError: as `freeze`, `parameter_groups` and `fit` do.
    """
    freeze(model, upto)
    source = cached(fetch, model, ids) if upto else fetch
    groups = parameter_groups(model, rate, layer_decay=layer_decay)
    return train(model, source, ids, groups, config, validate=validate)


def fine_tune_mixed(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    upto: str | None = None,
    validate: Validate | None = None,
) -> list[dict]:
    """Train as `fine_tune` does, in random batches, each in pieces of texts of about one length.

    The gradient of a step is that of the whole random batch, and little is padded. Where length
    tells the class, as of a sentence and a whole document, batches of one length are batches of one
    class, and a short training may end with one answer for everything.

    Raises:
        ValueError: as `freeze`, `parameter_groups` and `fit` do.
    """
    freeze(model, upto)
    source = cached(fetch, model, ids) if upto else fetch
    order, groups = shuffled(ids, BATCH, seed=config.seed), parameter_groups(model, rate)
    pieces = replace(config, micro_tokens=config.micro_tokens or AT_ONCE[fetch.device.type])
    return fit(model, source, order, groups, pieces, validate=validate)


def bitfit(
    model: Blocks, fetch: Fetch, ids: np.ndarray, config: FitConfig, *, rate: float
) -> list[dict]:
    """Train the biases and the head, and nothing else (BitFit, Ben Zaken et al. 2022)."""
    freeze(model, None)
    for name, parameter in model.layers[:-1].named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return train(model, fetch, ids, parameter_groups(model, rate), config)


def lora(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    rank: int = RANK,
) -> list[dict]:
    """Train two narrow matrices beside each query and value map, and the head (Hu et al. 2022).

    Their product is added to the map, which itself stays as it is; at the end it is merged into
    the map, so that the network is as large as before. The embeddings stay frozen.
    """
    freeze(model, model.names[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # of the first matrix; the second starts at zero
        settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(ADAPTED))
        inject_adapter_in_model(settings, model)  # freezes all but the new matrices
    model.layers[-1].requires_grad_(True)
    records = train(model, fetch, ids, parameter_groups(model, rate), config)
    merge_lora(model)
    return records


def merge_lora(model: Blocks) -> None:
    """Add the product of each pair of narrow matrices to its map, and take the pair out."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LoraLayer):
                child.merge()
                setattr(module, name, child.get_base_layer())


def train(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    groups: list[dict],
    config: FitConfig,
    *,
    validate: Validate | None = None,
) -> list[dict]:
    """Train what may train, in batches of texts of about one length."""
    order = by_length(ids, fetch.lengths(ids), BATCH, seed=config.seed)
    return fit(model, fetch, order, groups, config, validate=validate)
