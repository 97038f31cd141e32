"""Networks that guess the next token, as blocks: SmolLM2, and its kin from the hub."""

from __future__ import annotations

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from companion.data.examples import Padded
from companion.device import default_device
from companion.models.blocks import Blocks, check_slices
from companion.models.text import (
    checkpoint_folder,
    load_tokenizer,
    read_weights,
    vocabulary_digest,
)
from companion.models.text_families import TokenEmbedding

# They differ in what a layer does within, and not in what it is given.
FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


def load_causal(name: str = "smollm2_135m", *, device: torch.device | str | None = None) -> Blocks:
    """Return a network that guesses the next token as blocks, from "embeddings" to "head".

    `name` is "smollm2_135m", whose weights come from an installed package and are unpacked once
    (half a minute), or the repository of a checkpoint of one of `FAMILIES` on the hub, such as
    "HuggingFaceTB/SmolLM2-360M" or "Qwen/Qwen2.5-0.5B". `load_tokenizer` returns its tokenizer.

    Raises:
        ValueError: a network of another family, or a checkpoint that lacks some of its weights.
        AssetError: the package that carries the weights is missing or damaged.
        HubError: the checkpoint could not be had from the hub, is damaged, or cannot be read.
    """
    folder = checkpoint_folder(name, weights=True)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if config.model_type not in FAMILIES:
        raise ValueError(
            f"{name} is of the family {config.model_type}, expected one of {', '.join(FAMILIES)}: "
            "a network that guesses the next token. Load one that guesses hidden tokens with "
            "load_text_backbone."
        )
    net = read_weights(folder, name, AutoModelForCausalLM).eval().to(device or default_device())
    return as_causal_blocks(net, name, load_tokenizer(name))


def as_causal_blocks(net: PreTrainedModel, name: str, tokenizer: PreTrainedTokenizerBase) -> Blocks:
    """Return a network of one of `FAMILIES`, loaded with sdpa attention, as blocks.

    Raises:
        ValueError: the blocks do not compose to the network.
    """
    ids = torch.arange(7, device=net.device)[None] + net.config.vocab_size - 8
    layers = cut_causal(net, vocabulary_digest(tokenizer))
    with torch.no_grad():
        whole = net(input_ids=ids, use_cache=False).logits
    x = Padded(ids, torch.tensor([7], device=net.device))
    check_slices(Blocks({**layers, "scores": Scores()}, name).eval(), whole, x)
    return Blocks(layers, name, features=net.config.hidden_size).eval()


def cut_causal(net: PreTrainedModel, vocabulary: str) -> dict[str, nn.Module]:
    """Return the blocks of `net` by name, in order, from token ids to scores of the next token."""
    body = net.model
    embedding = TokenEmbedding(
        Words(body.embed_tokens), net.config.max_position_embeddings, vocabulary, None
    )
    return {
        "embeddings": embedding,
        **{f"block{i}": CausalBlock(n, body.rotary_emb) for i, n in enumerate(body.layers)},
        "head": NextTokenHead(body.norm, net.lm_head, tied=net.config.tie_word_embeddings),
    }


class Words(nn.Module):
    """Token ids to vectors, without positions: each block turns its own queries and keys."""

    def __init__(self, word_embeddings: nn.Embedding) -> None:
        super().__init__()
        self.word_embeddings = word_embeddings

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map ids (B, T) to vectors (B, T, D)."""
        return self.word_embeddings(ids)


class CausalBlock(nn.Module):
    """One layer in which a token attends to itself and to what stands before it.

    Padding stands at the end, so no other token attends to it.
    """

    def __init__(self, net: nn.Module, rotary: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.rotary = rotary  # shared by all blocks; it holds no weights

    def forward(self, x: Padded) -> Padded:
        """Map vectors (B, T, D) to vectors (B, T, D)."""
        places = torch.arange(x.values.shape[1], device=x.device)[None]
        turns = self.rotary(x.values, places)
        out = self.net(x.values, position_embeddings=turns, position_ids=places)
        # Before version 5 of transformers a layer returns a tuple.
        return Padded(out[0] if isinstance(out, tuple) else out, x.lengths)


class NextTokenHead(nn.Module):
    """A norm, then a score for each token of the vocabulary."""

    def __init__(self, norm: nn.Module, scores: nn.Linear, *, tied: bool) -> None:
        super().__init__()
        self.norm = norm
        if tied:  # the weights are the word embeddings: in a list, they are not counted twice
            self._scores = [scores]
        else:
            self.scores = scores

    def forward(self, x: torch.Tensor | Padded) -> torch.Tensor | Padded:
        """Map vectors (..., D) to scores (..., vocabulary)."""
        if isinstance(x, Padded):
            return Padded(self(x.values), x.lengths)
        scores = self._scores[0] if hasattr(self, "_scores") else self.scores
        return scores(self.norm(x))


class Scores(nn.Module):
    """The scores (B, T, vocabulary) of a padded batch, to compare with the network's own."""

    def forward(self, x: Padded) -> torch.Tensor:
        """Return the values."""
        return x.values
