"""Heads: the small last block that is new for each task, and the loss that trains it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from companion.data.examples import Batch
from companion.models.blocks import Blocks


def add_label_head(
    backbone: Blocks, classes: int, *, dropout: float = 0.0, seed: int = 0
) -> Blocks:
    """Return a network of the backbone's blocks and a new block "head" that scores `classes`.

    The head is a linear map from features (B, F) to logits (B, classes); its weights are drawn
    with standard deviation 0.01 from `seed` and its biases are zero. The blocks are shared with
    `backbone`, not copied.

    Raises:
        ValueError: fewer than 2 classes, or the backbone has a head already.
    """
    if classes < 2:
        raise ValueError(f"a label head needs at least 2 classes, found {classes}.")
    if "head" in backbone.names:
        raise ValueError(f"{backbone.name} has a head already; load the backbone again.")
    linear = nn.Linear(backbone.features, classes)
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(linear.bias)
    head = nn.Sequential(nn.Dropout(dropout), linear).to(next(backbone.parameters()).device)
    blocks = dict(zip(backbone.names, backbone.layers, strict=True)) | {"head": head}
    return Blocks(
        blocks, backbone.name, features=backbone.features, frozen_dtype=backbone.frozen_dtype
    )


def label_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy of a batch, and the number of examples in it.

    Raises:
        ValueError: a label is outside 0 .. classes - 1.
    """
    logits = model(batch.inputs, start=batch.start).float()  # (B, classes)
    if batch.targets.device.type == "cpu":  # on a GPU this look would stall the queue
        check_labels(batch.targets, logits.shape[1])
    return F.cross_entropy(logits, batch.targets, reduction="sum"), len(batch.targets)


def check_labels(labels: torch.Tensor, classes: int) -> None:
    """Check that every label lies in 0 .. classes - 1.

    Raises:
        ValueError: one does not.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise ValueError(
            f"label {wrong} is outside the range 0 to {classes - 1} of a head with {classes} "
            "classes. Number the labels from 0 without gaps, or give the head more classes."
        )
