"""The head that guesses tokens, tied to the embeddings, and the loss over what is to be guessed."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from companion.data.examples import Batch, Padded
from companion.data.tags import IGNORED
from companion.models.blocks import Blocks


class MaskedHead(nn.Module):
    """BERT's head: a map, GELU and a norm, then a score for each token of the vocabulary.

    The scores are products with the network's own word embeddings, which it shares and does not
    count as its own weights (Press and Wolf 2017).
    """

    def __init__(self, words: nn.Embedding, features: int) -> None:
        super().__init__()
        self.dense = nn.Linear(features, features)
        self.norm = nn.LayerNorm(features, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))
        self._words = [words]  # in a list, so that it is not registered a second time

    def forward(self, x: torch.Tensor | Padded) -> torch.Tensor | Padded:
        """Map vectors (..., D) to scores (..., vocabulary)."""
        if isinstance(x, Padded):
            return Padded(self(x.values), x.lengths)
        hidden = self.norm(F.gelu(self.dense(x)))
        return F.linear(hidden, self._words[0].weight, self.bias)


def add_masked_head(backbone: Blocks, *, seed: int = 0) -> Blocks:
    """Return a network of a text backbone's blocks, its pooling left out, that guesses tokens.

    The head's map is drawn from `seed`; its first loss says nothing about the network, so warm it
    up before comparing (`companion.transfer.adapt.warm_head`). Blocks are shared with `backbone`.

    Raises:
        ValueError: it has a head already, or is none for text.
    """
    if backbone.names[-1] != "pool" or backbone.names[0] != "embeddings":
        raise ValueError(
            f"expected a text backbone that ends with its pooling, found the blocks "
            f"{', '.join(backbone.names)} of {backbone.name}. Load the backbone again."
        )
    head = MaskedHead(backbone.layers[0].net.word_embeddings, backbone.features)
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(head.dense.weight, std=0.02, generator=generator)
    nn.init.zeros_(head.dense.bias)
    blocks = dict(zip(backbone.names[:-1], backbone.layers, strict=False))
    blocks["head"] = head.to(next(backbone.parameters()).device)
    return Blocks(
        blocks, backbone.name, features=backbone.features, frozen_dtype=backbone.frozen_dtype
    )


def language_loss(model: Blocks, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy, in nats, of the tokens to be guessed, and their number.

    The scores over the vocabulary, most of the work of a small network, are computed for those
    tokens only; the sum is the same.
    """
    hidden = model(batch.inputs, start=batch.start, stop=len(model.layers) - 1)  # (B, T, D)
    wanted = batch.targets != IGNORED
    scores = model.layers[-1](hidden.values[wanted])  # (tokens to guess, vocabulary)
    labels = batch.targets[wanted]
    return F.cross_entropy(scores.float(), labels, reduction="sum"), len(labels)
