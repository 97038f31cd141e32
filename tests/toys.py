"""Small real networks, made-up pictures and texts that several tests share."""

from __future__ import annotations

import hashlib

import numpy as np
import timm
import torch

from companion.data.text import Texts
from companion.data.vision import Pictures
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.vision import as_blocks

HALF = (0.5, 0.5, 0.5)
# One network of each family that is cut into blocks, with dropout and drop-path switched on.
FAMILIES = {
    "efficientnet": ("tf_efficientnet_lite0", {"drop_path_rate": 0.5}),
    "resnet": ("resnet18", {"drop_path_rate": 0.5, "zero_init_last": False}),
    "vit": ("vit_tiny_patch16_224", {"img_size": 64, "drop_path_rate": 0.5, "pos_drop_rate": 0.5}),
}


def toy_network(family: str) -> torch.nn.Module:
    """Return a plain timm network of the family, untrained, always the same."""
    name, options = FAMILIES[family]
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=7, **options).eval()


def toy_model(family: str, *, dropout: float = 0.0, classes: int = 2) -> Blocks:
    """Return an untrained network of the family as blocks with a head, for 64 x 64 pictures."""
    net = toy_network(family)
    blocks = as_blocks(
        net, family, mean=HALF, std=HALF, size=64, device="cpu", frozen_dtype=torch.float32
    )
    return add_label_head(blocks, classes, dropout=dropout)


def toy_pictures(n: int = 80, *, side: int = 64, seed: int = 0) -> Pictures:
    """Return grey pictures of two kinds of noise, half of them with a bright bar across."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 160, size=(n, 1, side, side), dtype=np.uint8)
    labels = np.arange(n) % 2
    pixels[labels == 1, :, side // 3 : side // 2] += 90
    return Pictures(
        name="toy",
        pixels=pixels,
        labels=labels.astype(np.int64),
        classes=("plain", "barred"),
        groups=np.arange(n) // 8,
        kinds=np.where(np.arange(n) // 8 % 2, "a", "b"),
        digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
    )


def toy_texts(n: int = 80, *, seed: int = 0) -> Texts:
    """Return sentences of 2 to 12 words, half of which praise something."""
    rng = np.random.default_rng(seed)
    words = ["the", "old", "train", "to", "town", "was", "on", "time", "and", "we", "sat", "by"]
    labels = np.arange(n) % 2
    texts = []
    for i in range(n):
        said = rng.choice(words, size=rng.integers(1, 12)).tolist()
        texts.append(" ".join([*said, ("bad", "good")[labels[i]], str(i)]))
    return Texts(
        name="toy",
        texts=tuple(texts),
        labels=labels.astype(np.int64),
        classes=("bad", "good"),
        groups=np.arange(n),
        kinds=np.where(np.arange(n) % 3 == 0, "a", "b"),
        confidence=np.full(n, np.nan),
    )


def state_hash(module: torch.nn.Module) -> str:
    """Return a hash of every parameter and buffer of a module."""
    out = hashlib.sha256()
    for name, value in module.state_dict().items():
        out.update(name.encode())
        out.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return out.hexdigest()
