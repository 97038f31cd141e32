"""Exported networks opened again: checked against their card, and asked about files one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import timm
import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from companion.data.prepared import square
from companion.models import mean_pooled
from companion.models.export import WEIGHTS
from companion.models.text import quiet

CARD = "card.json"


@dataclass(frozen=True)
class Exported:
    """A network that was exported: `kind` "pictures" or "texts", its classes, and what it needs."""

    kind: str
    classes: tuple[str, ...]
    net: nn.Module
    tokenizer: PreTrainedTokenizerBase | None = None


@dataclass(frozen=True)
class Answer:
    """What a network says of one item: its class, and the chance it gives that class."""

    item: str
    label: str
    chance: float


def write_card(folder: Path, kind: str, classes: Sequence[str], facts: dict) -> None:
    """Write what an exported network is beside it, with the hash of its weights."""
    card = {"kind": kind, "classes": list(classes), "sha256": hash_of(folder / WEIGHTS)}
    (folder / CARD).write_text(json.dumps(card | facts, indent=2, ensure_ascii=False), "utf-8")


def open_exported(folder: Path | str) -> Exported:
    """Return the network in a folder, in eval mode on the CPU.

    Weights are read as data alone: safetensors hold no code, and the folder's own is not run.

    Raises:
        ValueError: the folder holds no exported network, its weights are others than its card says,
            or the labels in its configuration are.
    """
    folder = Path(folder)
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        config = json.loads((folder / "config.json").read_text("utf-8"))
        found = hash_of(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise ValueError(
            f"expected an exported network in {folder}, found no {Path(error.filename).name}. Pass "
            "the folder that was written by the training."
        ) from None
    if found != card["sha256"]:
        raise ValueError(
            f"expected weights with sha256 {card['sha256'][:12]}... in {folder}, as its card says, "
            f"found {found[:12]}.... The file is damaged or another one: copy the folder again."
        )
    classes = tuple(card["classes"])
    named = config.get("label_names") or list(config.get("id2label", {}).values())
    if tuple(named) != classes:
        raise ValueError(
            f"expected the classes {', '.join(classes)} in {folder}/config.json, as the card says, "
            f"found {', '.join(named) or 'none'}. One of them was changed: copy the folder again."
        )
    if card["kind"] == "pictures":
        net = timm.create_model(f"local-dir:{folder}", pretrained=True)
        return Exported("pictures", classes, net.eval())
    kind = getattr(mean_pooled, config["architectures"][0])
    with quiet():
        net = kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    return Exported("texts", classes, net.eval(), tokenizer)


def answers(model: Exported, items: Iterable[str], batch_size: int = 32) -> Iterator[Answer]:
    """Yield what a network says of texts, or of paths of pictures, in their order.

    No more than a batch is held in memory, so there may be any number of them.

    Raises:
        UnreadablePicture: a file is no whole picture.
    """
    read = picture_logits if model.kind == "pictures" else text_logits
    rest = iter(items)
    while some := list(islice(rest, batch_size)):
        chances = read(model, some).softmax(dim=1)
        best = chances.argmax(dim=1)
        for item, place, row in zip(some, best.tolist(), chances.tolist(), strict=True):
            yield Answer(item, model.classes[place], row[place])


@torch.no_grad()
def picture_logits(model: Exported, paths: Sequence[str]) -> torch.Tensor:
    """Return logits (B, classes) for picture files."""
    config = model.net.pretrained_cfg
    mean, std = (255 * torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    pixels = torch.stack([torch.from_numpy(square(p, config["input_size"][1])) for p in paths])
    return model.net((pixels.float() - mean) / std)


@torch.no_grad()
def text_logits(model: Exported, texts: Sequence[str]) -> torch.Tensor:
    """Return logits (B, classes) for texts."""
    tokens = model.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    return model.net(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
