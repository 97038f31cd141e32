"""Text backbones and their tokenizers: from installed packages, from the hub, or untrained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from companion.data.assets import asset_path
from companion.data.examples import Padded
from companion.data.hub_errors import HubError
from companion.data.text import TextFetch, Texts, tokenize
from companion.data.vision import digest_of
from companion.device import default_device
from companion.models.blocks import Blocks, check_slices
from companion.models.gguf import unpacked
from companion.models.text_families import FAMILIES, Pooling, cut_text
from companion.models.text_from_hub import hub_folder
from companion.models.vision import UNTRAINED

EMBEDDED_TEXT = {"minilm_l6": "minilm-l6"}  # name -> asset
EMBEDDED_GGUF = {"smollm2_135m": "smollm2-135m"}  # those that are unpacked first
UNREADABLE = (RuntimeError, OSError, SafetensorError, UnpicklingError)  # as versions differ


def load_text_backbone(
    name: str,
    *,
    pooling: Pooling = "mean",
    pretrained: bool = True,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Blocks:
    """Return a text network as blocks in eval mode, from "embeddings" to features (B, F).

    `name` is "minilm_l6", whose weights come from an installed package, or the repository of a
    bert, distilbert or roberta checkpoint on the hub, such as "google-bert/bert-base-uncased". With
    `pretrained=False` the same shape gets weights drawn from `seed`, as before its pre-training.
    `pooling` makes one vector of a text: the mean of its tokens, or the first of them.

    Raises:
        ValueError: a network of another family, or a checkpoint that lacks some of its weights.
        AssetError: the package that carries the weights is missing or damaged.
        HubError: the checkpoint could not be had from the hub, is damaged, or cannot be read.
    """
    folder = checkpoint_folder(name, weights=pretrained)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if config.model_type not in FAMILIES:
        raise ValueError(
            f"{name} is of the family {config.model_type}, expected one of "
            f"{', '.join(FAMILIES)}. Choose a checkpoint of one of them."
        )
    net = read_weights(folder, name) if pretrained else draw_weights(config, seed)
    net = net.eval().to(device or default_device())
    shown = name if pretrained else name + UNTRAINED
    return as_text_blocks(net, shown, load_tokenizer(name), pooling=pooling)


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Return the fast tokenizer that belongs to the backbone `name`; see `load_text_backbone`.

    Raises:
        AssetError: the package that carries it is missing or damaged.
        HubError: it could not be had from the hub.
    """
    folder = checkpoint_folder(name, weights=False)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)


def checkpoint_folder(name: str, *, weights: bool) -> Path:
    """Return the folder with a backbone's configuration and tokenizer, and its weights if asked."""
    if name in EMBEDDED_TEXT:
        return asset_path(EMBEDDED_TEXT[name])
    if name in EMBEDDED_GGUF:
        return unpacked(EMBEDDED_GGUF[name])
    if "/" not in name:
        raise ValueError(
            f"there is no text backbone {name!r}. Expected {', '.join(EMBEDDED_TEXT)}, or a "
            "repository on the hub as owner/name, such as 'google-bert/bert-base-uncased'."
        )
    return hub_folder(name, weights=weights)


def read_weights(
    folder: Path, name: str, kind: type[AutoModel | PreTrainedModel] = AutoModel
) -> PreTrainedModel:
    """Return the network of a checkpoint, all of its weights read.

    By default it comes without its heads; another `kind`, such as `AutoModelForCausalLM`, has one.

    Raises:
        ValueError: the checkpoint lacks some, which transformers would draw at random.
        HubError: they cannot be read, or are of other shapes than the network's.
    """
    try:
        net, said = open_checkpoint(folder, kind)
    except UNREADABLE as error:
        raise HubError(
            f"expected weights of {name} that fit its config.json, found that transformers "
            f"{transformers.__version__} cannot read them: they are "
            "damaged, of other shapes, or hold more than weights. Choose another checkpoint."
        ) from error
    # BERT's pooler belongs to a head that we do not use, and many checkpoints come without.
    missing = sorted(key for key in said["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"the checkpoint of {name} lacks {len(missing)} of the network's weights, such as "
            f"{missing[0]}, and random ones would stand in for them. Choose another checkpoint."
        )
    return net


def open_checkpoint(
    folder: Path, kind: type[AutoModel | PreTrainedModel]
) -> tuple[PreTrainedModel, dict]:
    """Return the network in a folder, and what transformers says about how the weights fit."""
    # What is missing is drawn, even a pooler, and that must not move the caller's random state.
    with torch.random.fork_rng(devices=[]), quiet():
        return kind.from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation="sdpa",
            local_files_only=True,
            weights_only=True,
            output_loading_info=True,
        )


def draw_weights(config: PretrainedConfig, seed: int) -> PreTrainedModel:
    """Return a network of this shape as it was before its pre-training."""
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        return AutoModel.from_config(config, dtype=torch.float32, attn_implementation="sdpa")


def as_text_blocks(
    net: PreTrainedModel,
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    *,
    pooling: Pooling = "mean",
) -> Blocks:
    """Return a bert, distilbert or roberta network, loaded with sdpa attention, as blocks.

    Raises:
        ValueError: another family, or blocks that do not compose to the network.
    """
    device = next(net.parameters()).device
    lengths = torch.tensor([7, 4], device=device)
    # Padded with the network's own id, from which RoBERTa counts the positions.
    ids = torch.full((2, 7), net.config.pad_token_id or 0, device=device)
    for row, length in enumerate(lengths.tolist()):
        ids[row, :length] = torch.arange(length, device=device) + net.config.vocab_size - 8
    x = Padded(ids, lengths)
    layers = cut_text(net, pooling, vocabulary_digest(tokenizer), tokenizer.sep_token_id)
    with torch.no_grad():
        states = net(input_ids=ids, attention_mask=x.mask.long()).last_hidden_state
        whole = layers["pool"](Padded(states, lengths))
    blocks = Blocks(layers, name, features=whole.shape[1]).eval()
    check_slices(blocks, whole, x)
    return blocks


def text_fetch(
    texts: Texts, backbone: Blocks, tokenizer: PreTrainedTokenizerBase, *, cap: int = 128
) -> TextFetch:
    """Tokenise `texts` once, at most `cap` tokens each, and return the fetch that serves them.

    Raises:
        ValueError: the tokenizer belongs to another network, or as `tokenize` does.
    """
    check_tokenizer(tokenizer, backbone)
    device = next(backbone.parameters()).device
    return TextFetch(texts, tokenize(texts.texts, tokenizer, cap=cap), device=device)


def check_tokenizer(tokenizer: PreTrainedTokenizerBase, backbone: Blocks) -> None:
    """Check that a tokenizer gives the ids that a backbone was trained on.

    Raises:
        ValueError: it belongs to another network.
    """
    embedding = backbone.layers[0]
    if vocabulary_digest(tokenizer) != embedding.vocabulary:
        known = embedding.net.word_embeddings.num_embeddings
        raise ValueError(
            f"this tokenizer, with {len(tokenizer):,} tokens, does not belong to {backbone.name}, "
            f"which has {known:,}: its ids would stand for other words. Use "
            f"load_tokenizer({backbone.name.removesuffix(UNTRAINED)!r})."
        )


def vocabulary_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """Name a vocabulary: equal tokens with equal ids have equal names."""
    pairs = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    return digest_of("\n".join(f"{token} {number}" for token, number in pairs))[:16]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from reporting the heads that a checkpoint has and we leave out."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
