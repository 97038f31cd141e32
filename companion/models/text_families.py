"""How each family of text networks is cut into blocks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from transformers import BertModel, DistilBertModel, PreTrainedModel, RobertaModel

from companion.data.examples import Padded

Pooling = Literal["mean", "first"]
FAMILIES = ("bert", "distilbert", "roberta")  # the model types that can be cut


class TokenEmbedding(nn.Module):
    """What stands before the first block: token ids to vectors, with their positions.

    A network that learned to tell the two parts of a pair apart, as BERT did, is told which token
    is of which: the second part begins after the first `separator`.
    """

    def __init__(
        self, net: nn.Module, positions: int, vocabulary: str, separator: int | None
    ) -> None:
        super().__init__()
        self.net = net
        self.positions = positions  # the longest sequence
        self.vocabulary = vocabulary  # names the tokenizer that the ids must come from
        self.separator = separator  # None where the network knows one kind of part only

    def forward(self, x: Padded) -> Padded:
        """Map token ids (B, T) to vectors (B, T, D).

        Raises:
            ValueError: the sequences are too long, or an id stands for no token.
        """
        if x.values.shape[1] > self.positions:
            raise ValueError(
                f"a text of {x.values.shape[1]} tokens is longer than the {self.positions} that "
                "this network has positions for. Tokenise with a smaller cap."
            )
        known = self.net.word_embeddings.num_embeddings
        if x.device.type == "cpu" and int(x.values.max()) >= known:  # a GPU's queue would stall
            raise ValueError(
                f"token id {int(x.values.max())} is outside the {known} that this network knows: "
                "the tokenizer belongs to another one. Load both by the same name."
            )
        if self.separator is None:
            return Padded(self.net(x.values), x.lengths)
        return Padded(self.net(x.values, token_type_ids=self.parts(x.values)), x.lengths)

    def parts(self, ids: torch.Tensor) -> torch.Tensor:
        """Return 0 for each token (B, T) up to the first separator, 1 after it."""
        separators = (ids == self.separator).long()
        return (separators.cumsum(dim=1) - separators).clamp(max=1)


class EncoderBlock(nn.Module):
    """One layer of attention and feed-forward, in which padding is not attended to."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Padded) -> Padded:
        """Map vectors (B, T, D) to vectors (B, T, D)."""
        out = self.net(x.values, x.mask[:, None, None, :])
        # Before version 5 of transformers a layer returns a tuple.
        return Padded(out[0] if isinstance(out, tuple) else out, x.lengths)


class SequencePool(nn.Module):
    """One vector per text from its tokens: their mean, or the first of them."""

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, x: Padded) -> torch.Tensor:
        """Map vectors (B, T, D) to features (B, D)."""
        return x.mean() if self.pooling == "mean" else x.values[:, 0]

    def extra_repr(self) -> str:
        """Name the pooling."""
        return self.pooling


def cut_text(
    net: PreTrainedModel, pooling: Pooling, vocabulary: str, separator: int | None
) -> dict[str, nn.Module]:
    """Return the blocks of `net` by name, in order, from token ids to features (B, D).

    `vocabulary` names the tokenizer, `separator` is its token between the two parts of a pair.

    Raises:
        ValueError: `net` is of no family that can be cut, or the pooling is unknown.
    """
    if pooling not in ("mean", "first"):
        raise ValueError(f"expected the pooling 'mean' or 'first' (token), found {pooling!r}.")
    if isinstance(net, (BertModel, RobertaModel)):
        layers = net.encoder.layer
    elif isinstance(net, DistilBertModel):
        layers = net.transformer.layer
    else:
        raise ValueError(
            f"{type(net).__name__} cannot be cut into blocks: expected one of the families "
            f"{', '.join(FAMILIES)}. Choose a checkpoint of one of them."
        )
    told_parts = isinstance(net, BertModel)  # RoBERTa and DistilBERT learned of none
    embedding = TokenEmbedding(
        net.embeddings, longest(net), vocabulary, separator if told_parts else None
    )
    return {
        "embeddings": embedding,
        **{f"block{i}": EncoderBlock(layer) for i, layer in enumerate(layers)},
        "pool": SequencePool(pooling),
    }


def longest(net: PreTrainedModel) -> int:
    """Return how many tokens a text may have."""
    # RoBERTa counts positions from the one after its padding id, so that some are never used.
    skipped = net.config.pad_token_id + 1 if isinstance(net, RobertaModel) else 0
    return net.config.max_position_embeddings - skipped
