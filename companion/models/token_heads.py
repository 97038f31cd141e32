"""Heads that speak of every token, for tags and for spans, and the losses that train them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from companion.data.examples import Batch, Padded
from companion.data.tags import IGNORED
from companion.models.blocks import Blocks
from companion.models.heads import check_labels

SPAN_ENDS = 2  # a score for the first token of the answer, and one for the last


class TokenHead(nn.Module):
    """A linear map that scores each token, padding included: it is for the loss to leave out."""

    def __init__(self, features: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, outputs)

    def forward(self, x: Padded) -> Padded:
        """Map vectors (B, T, D) to logits (B, T, outputs)."""
        return Padded(self.linear(self.dropout(x.values)), x.lengths)


def add_token_head(
    backbone: Blocks, outputs: int, *, dropout: float = 0.0, seed: int = 0
) -> Blocks:
    """Return a network of a text backbone's blocks, its pooling left out, and a block "head".

    The head gives `outputs` logits to each token: one for each tag, or `SPAN_ENDS` for answers. Its
    weights are drawn with standard deviation 0.01 from `seed`, its biases are zero. The blocks are
    shared with `backbone`, not copied.

    Raises:
        ValueError: fewer than 2 outputs, the backbone has a head already, or is none for text.
    """
    if outputs < 2:
        raise ValueError(f"a token head needs at least 2 outputs, found {outputs}.")
    if backbone.names[-1] != "pool" or backbone.names[0] != "embeddings":
        raise ValueError(
            f"expected a text backbone that ends with its pooling, found the blocks "
            f"{', '.join(backbone.names)} of {backbone.name}. Load the backbone again."
        )
    head = TokenHead(backbone.features, outputs, dropout)
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(head.linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(head.linear.bias)
    blocks = dict(zip(backbone.names[:-1], backbone.layers, strict=False))
    blocks["head"] = head.to(next(backbone.parameters()).device)
    return Blocks(
        blocks, backbone.name, features=backbone.features, frozen_dtype=backbone.frozen_dtype
    )


def tag_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy of the labelled tokens of a batch, and their number.

    Tokens labelled IGNORED, which are special, padding, or go on with a word, add nothing.

    Raises:
        ValueError: a label is outside 0 .. classes - 1.
    """
    logits = model(batch.inputs, start=batch.start).float().values  # (B, T, classes)
    labelled = batch.targets != IGNORED
    labels = batch.targets[labelled]
    if labels.device.type == "cpu":  # on a GPU this look would stall the queue
        check_labels(labels, logits.shape[2])
    return F.cross_entropy(logits[labelled], labels, reduction="sum"), len(labels)


def span_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy of where answers start and end, and the number of windows.

    `targets` (B, 2) are the first and last token of each answer; both are 0, the first token of
    the sequence, where the window holds none (Devlin et al. 2019).
    """
    out = model(batch.inputs, start=batch.start).float()
    logits = out.values.masked_fill(~out.mask[..., None], -torch.inf)  # (B, T, 2)
    starts, ends = (
        F.cross_entropy(logits[..., side], batch.targets[:, side], reduction="sum")
        for side in range(SPAN_ENDS)
    )
    return (starts + ends) / 2, len(batch.targets)
