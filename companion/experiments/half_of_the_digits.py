"""Yosinski's transfer by depth in miniature: from the digits 0-4 to 5-9, and to themselves.

Networks A and B are trained on one half of the digits each. The first blocks of one of them are
kept, the others drawn anew and trained on B's digits. AnB keeps blocks of A, frozen; AnB+ trains
them too. BnB and BnB+ do the same with blocks of B itself: the control.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from timm.models.resnet import BasicBlock
from torch import nn

from companion.data.splits import Split, split_by_example
from companion.data.vision import PictureFetch, Pictures, digest_of
from companion.evidence import metrics
from companion.experiments.on_elpv import result
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.vision import as_blocks
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import predict

KEPT = ("block0", "block1", "block2", "block3")  # keep all up to here
ARMS = ("AnB", "AnB+", "BnB", "BnB+")
SEEDS, EPOCHS, RATE, BATCH = 10, 30, 3e-3, 32
WIDTHS = (16, 16, 32, 32, 64)  # channels after the stem and after each block
CORNER = 8  # pixels: the side of a digit


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return network B from scratch and each arm at each depth; one size serves both profiles."""
    arms = [{"arm": "base B", "kept": "nothing"}]
    arms += [{"arm": arm, "kept": kept} for arm in ARMS for kept in KEPT]
    return [arm | {"seed": seed} for seed in range(seeds) for arm in arms]


def run(spec: dict) -> dict:
    """Train on one draw of the digits 5-9, from the blocks that the arm keeps; judge it once."""
    seed, arm, kept = spec["seed"], spec["arm"], spec["kept"]
    if arm == "base B":
        model = trained("B", seed)
    else:
        model = new_network(seed=1000 + seed)
        copy_blocks(trained(arm[0], seed), model, upto=kept)
        train(model, "B", seed, upto=None if arm.endswith("+") else kept)
    test = ids_of("B", split(seed).test)
    found = predict(model, PictureFetch(digits()), test)
    scores = {"accuracy": round(metrics.accuracy(digits().labels[test], found), 5)}
    return result("accuracy", scores, Split(split(seed).train, split(seed).validation, test))


@lru_cache(maxsize=1)
def digits() -> Pictures:
    """Return scikit-learn's 1,797 digits, 8 x 8 pixels, labelled 0 to 4 within their half."""
    source = load_digits()
    pixels = np.ascontiguousarray((source.images[:, None] * 15).astype(np.uint8))
    halves = np.where(source.target < 5, "A", "B")
    return Pictures(
        name="digits",
        pixels=pixels,
        labels=(source.target % 5).astype(np.int64),
        classes=("0 or 5", "1 or 6", "2 or 7", "3 or 8", "4 or 9"),
        groups=np.arange(len(pixels)),
        kinds=halves,
        digest=digest_of(pixels.tobytes()),
    )


@lru_cache(maxsize=1)
def split(seed: int) -> Split:
    """Return a split of all digits, each digit in equal shares on every side."""
    return split_by_example(load_digits().target.astype(str), seed=seed)


def ids_of(half: str, ids: np.ndarray) -> np.ndarray:
    """Return those of `ids` that belong to one half of the digits."""
    return ids[digits().kinds[ids] == half]


def new_network(seed: int) -> Blocks:
    """Return a small residual network with a head for five classes, drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = residual_network()
    backbone = as_blocks(
        net,
        "small resnet",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        size=CORNER,
        frozen_dtype=torch.float32,
    )
    return add_label_head(backbone, classes=5, seed=seed)


def residual_network() -> nn.Sequential:
    """Return a stem and four residual blocks; each change of width halves the side."""
    blocks = {"stem": nn.Sequential(nn.Conv2d(3, WIDTHS[0], 3, padding=1), nn.ReLU())}
    for i, (narrow, wide) in enumerate(zip(WIDTHS[:-1], WIDTHS[1:], strict=True)):
        stride = 1 if narrow == wide else 2
        blocks[f"block{i}"] = BasicBlock(narrow, wide, stride, shortcut(narrow, wide, stride))
    blocks["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(OrderedDict(blocks))


def shortcut(narrow: int, wide: int, stride: int) -> nn.Module | None:
    """Return what brings a block's input to the shape of its output; None where they agree."""
    if narrow == wide:
        return None
    return nn.Sequential(nn.Conv2d(narrow, wide, 1, stride, bias=False), nn.BatchNorm2d(wide))


@lru_cache(maxsize=2)
def trained(half: str, seed: int) -> Blocks:
    """Return network A or B, trained from scratch on its half of the digits."""
    model = new_network(seed=seed)
    train(model, half, seed, upto=None)
    return model


def copy_blocks(source: Blocks, target: Blocks, upto: str) -> None:
    """Copy the weights and buffers of all blocks up to and including `upto`."""
    for i in range(target.position(upto) + 1):
        target.layers[i].load_state_dict(source.layers[i].state_dict())


def train(model: Blocks, half: str, seed: int, *, upto: str | None) -> None:
    """Train what lies above `upto`, or everything, on the training digits of one half."""
    ids = ids_of(half, split(seed).train)
    freeze(model, upto)
    plan = FitConfig(epochs=EPOCHS, seed=seed, progress=False)
    order = shuffled(ids, BATCH, seed=seed)
    fit(model, PictureFetch(digits()), order, parameter_groups(model, RATE), plan)
