"""What does a "frozen" network lose whose BatchNorm stays in train mode?"""

from __future__ import annotations

import copy

import torch
from torch import nn

from companion.experiments import on_elpv
from companion.models.blocks import Blocks
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled

SEEDS, N, EPOCHS, RATE, BATCH = 10, 200, 10, 1e-2, 16


class BatchNormLeftOn(nn.Module):
    """The mistake: gradients are off below the head, but `train()` reaches the BatchNorms."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.layers = blocks.layers
        self.layers[:-1].requires_grad_(False)

    def forward(self, x: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Run the blocks from `start` on `x` (B, ...), in whatever mode they are."""
        for layer in self.layers[start:]:
            x = layer(x)
        return x


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both arms on `seeds` draws of modules and of 200 cells."""
    return [
        {"arm": arm, "n": N, "seed": seed, "epochs": EPOCHS, "size": on_elpv.SIZES[profile]}
        for seed in range(seeds)
        for arm in ("BatchNorm fixed", "BatchNorm left on")
    ]


def run(spec: dict) -> dict:
    """Train the head alone, with or without the mistake; record how far the buffers moved."""
    split = on_elpv.by_module(spec["seed"])
    ids = on_elpv.training_cells(split, spec["n"], spec["seed"])
    blocks = on_elpv.new_network(spec["size"], spec["seed"])
    before = copy.deepcopy(dict(blocks.named_buffers()))
    freeze(blocks, upto="pool")
    model = BatchNormLeftOn(blocks) if spec["arm"] == "BatchNorm left on" else blocks
    plan = FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)
    order = shuffled(ids, BATCH, seed=spec["seed"])
    fit(model, on_elpv.fetch(), order, parameter_groups(blocks, RATE), plan)
    moved = largest_move(before, dict(blocks.named_buffers()))
    return on_elpv.judged(model, split) | {"buffers_moved": moved}


def largest_move(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    """Return the largest relative change of a BatchNorm's running variance."""
    names = [name for name in before if name.endswith("running_var")]
    moves = [((after[n] - before[n]).norm() / before[n].norm()).item() for n in names]
    return round(max(moves), 5)
