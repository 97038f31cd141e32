"""Small text networks stored as the hub has them: with heads, old names and real tokenizers."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaForMaskedLM,
)

from companion.models.blocks import Blocks
from companion.models.text import as_text_blocks, read_weights
from companion.models.text_families import Pooling

FAMILIES = ("bert", "distilbert", "roberta")
GOOD, BAD = ("good", "great", "fine"), ("bad", "poor", "awful")
WORDS = [*GOOD, *BAD, "the", "a", "film", "was", "is", "it", "and", "not", "very", "plot", "##s"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIONS = 32  # tokens that a text may have
SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def toy_sentences(n: int) -> list[str]:
    """Return sentences that hold a word of `GOOD` or of `BAD` in turn, of 6 or 8 tokens."""
    ends = ["", " and very"]
    return [f"the film was {(GOOD, BAD)[i % 2][i // 2 % 3]}{ends[i // 6 % 2]}" for i in range(n)]


def toy_network(family: str) -> PreTrainedModel:
    """Return a random network of two layers with the head that its family is published with."""
    torch.manual_seed(0)
    if family == "bert":
        config = BertConfig(
            vocab_size=len(SPECIAL + WORDS),
            intermediate_size=32,
            max_position_embeddings=POSITIONS,
            **SHAPE,
        )
        return BertForPreTraining(config).eval()
    if family == "distilbert":
        config = DistilBertConfig(
            vocab_size=len(SPECIAL + WORDS),
            hidden_dim=32,
            max_position_embeddings=POSITIONS,
            **SHAPE,
        )
        return DistilBertForMaskedLM(config).eval()
    config = RobertaConfig(
        vocab_size=300,
        intermediate_size=32,
        max_position_embeddings=POSITIONS + 2,  # the first two are never used
        pad_token_id=1,
        **SHAPE,
    )
    return RobertaForMaskedLM(config).eval()


def as_published(net: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the weights under the names of the published checkpoints, heads included."""
    state = {key: value.clone() for key, value in net.state_dict().items()}
    if isinstance(net, BertForPreTraining):
        ends = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, old in ends.items():
            state = {key.replace(new, old): value for key, value in state.items()}
    if isinstance(net, RobertaForMaskedLM):  # a buffer that the library no longer keeps
        state["roberta.embeddings.position_ids"] = torch.arange(POSITIONS + 2)[None]
    return state


def published_tensors(blocks: Blocks, path: str) -> dict[str, torch.Tensor]:
    """Return what a published file holds for each tensor of the blocks, under the blocks' names."""
    stored = load_file(path) if path.endswith("safetensors") else torch.load(path)
    plain = {}
    for key, value in stored.items():
        family, _, rest = key.partition(".")
        if family in FAMILIES:  # else it belongs to a head
            plain[rest.replace("gamma", "weight").replace("beta", "bias")] = value
    parts = {f"layers.{i}.net": f"layer.{i - 1}" for i in range(1, len(blocks.layers) - 1)}
    names = {"layers.0.net": "embeddings"} | parts
    found = {}
    for key in blocks.state_dict():
        ours = next(start for start in names if key.startswith(f"{start}."))
        ends = key.replace(ours, names[ours], 1)
        fits = [v for k, v in plain.items() if k.endswith(ends) and "pooler" not in k]
        if fits:
            found[key] = fits[-1]
    return found


def save_tokenizer(family: str, folder: Path, words: list[str] = WORDS) -> None:
    """Write the files of a real fast tokenizer of the family."""
    if family == "roberta":
        tokenizer = ByteLevelBPETokenizer()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        text = [" ".join(words)] * 9
        tokenizer.train_from_iterator(
            text, vocab_size=300, special_tokens=special, show_progress=False
        )
        tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
        tokenizer.save_model(str(folder))
        tokenizer.save(str(folder / "tokenizer.json"))
        return
    (folder / "vocab.txt").write_text("\n".join(SPECIAL + words), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}', "utf-8")
    if family == "bert":  # distilbert makes do with its vocabulary
        vocabulary = {word: i for i, word in enumerate(SPECIAL + words)}
        BertWordPieceTokenizer(vocabulary).save(str(folder / "tokenizer.json"))


def save_checkpoint(family: str, folder: Path) -> PreTrainedModel:
    """Write a checkpoint of the family as the hub has it, and return the network with its head."""
    net = toy_network(family)
    folder.mkdir(parents=True, exist_ok=True)
    net.config.save_pretrained(folder)
    save_file(as_published(net), folder / "model.safetensors", metadata={"format": "pt"})
    save_tokenizer(family, folder)
    return net


def toy_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a checkpoint in a folder."""
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)


def toy_text_model(family: str, folder: Path, *, pooling: Pooling = "mean") -> Blocks:
    """Return a checkpoint of the family, written into `folder` and read from it, as blocks."""
    save_checkpoint(family, folder)
    net = read_weights(folder, family).eval()
    return as_text_blocks(net, family, toy_tokenizer(folder), pooling=pooling)
