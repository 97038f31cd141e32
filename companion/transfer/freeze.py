"""What trains and what does not: freezing that holds, and the optimiser's groups."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from companion.models.blocks import Blocks


def freeze(model: Blocks, upto: str | None) -> None:
    """Freeze every block up to and including `upto`, and let the ones above it train.

    `upto=None` lets all of them train. What is frozen changes in no way: no gradient, no place in
    the optimiser's groups, BatchNorm statistics fixed, dropout and drop-path off, even after
    `model.train()`.

    Raises:
        ValueError: no block is called `upto`, or nothing would be left to train.
    """
    frozen = 0 if upto is None else model.position(upto) + 1
    if frozen == len(model.names):
        raise ValueError(
            f"upto={upto!r} is the last block of {model.name}: nothing would be left to train. "
            f"Freeze at most up to {model.names[-2]!r}."
        )
    fix(model, frozen, frozenset())


def train_only(model: Blocks, blocks: Sequence[str]) -> None:
    """Let only `blocks` train; the others keep their weights, also the ones above, and the head.

    Source: surgical fine-tuning, Lee et al. 2023.

    Raises:
        ValueError: no block has one of these names, or the list is empty.
    """
    if not blocks:
        raise ValueError(f"expected at least one block that trains. Choose from {model.names}.")
    chosen = {model.position(name) for name in blocks}
    fix(model, min(chosen), frozenset(range(len(model.names))) - chosen)


def fix(model: Blocks, frozen: int, pinned: frozenset[int]) -> None:
    """Fix the first `frozen` blocks and the blocks at the positions `pinned`."""
    model.frozen, model.pinned = frozen, pinned
    for i, layer in enumerate(model.layers):
        layer.requires_grad_(i >= frozen and i not in pinned)
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.grad = None
    model.layers[:frozen].eval()
    model.forget_folded()
    model.train(model.training)


def what_trains(model: Blocks) -> str:
    """Return a table with one line per block: its parameters, how many train, and its mode."""
    lines = [f"{'block':<12}{'parameters':>12}{'training':>12}  mode"]
    for name, layer in zip(model.names, model.layers, strict=True):
        sizes = [(p.numel(), p.requires_grad) for p in layer.parameters()]
        total, training = sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains)
        fixed = model.position(name) < model.frozen or model.position(name) in model.pinned
        mode = "frozen" if fixed else "trains" if training else "-"
        lines.append(f"{name:<12}{total:>12,}{training:>12,}  {mode}")
    return "\n".join(lines)


def parameter_groups(
    model: Blocks,
    rate: float,
    *,
    head_rate: float | None = None,
    layer_decay: float = 1.0,
    weight_decay: float = 0.01,
) -> list[dict]:
    """Return optimiser groups for everything that trains, block by block.

    The last block learns at `head_rate` (`rate` if None); the one below it at `rate`, and each
    further one at `layer_decay` times the rate above it, as in the discriminative fine-tuning of
    Howard and Ruder 2018 (their factor is 1 / 2.6). Biases and norms are not decayed.

    Raises:
        ValueError: nothing trains, or a rate or decay is not positive.
    """
    if rate <= 0 or layer_decay <= 0 or (head_rate is not None and head_rate <= 0):
        raise ValueError(
            f"expected positive rates, found rate={rate}, head_rate={head_rate}, "
            f"layer_decay={layer_decay}. To keep a block as it is, freeze it."
        )
    groups: list[dict] = []
    block_rate = rate
    blocks = list(zip(model.names, model.layers, strict=True))
    for i, (name, layer) in enumerate(reversed(blocks)):
        if i == 0:
            found = block_groups(name, layer, head_rate or rate, weight_decay)
        else:
            found = block_groups(name, layer, block_rate, weight_decay)
            block_rate *= layer_decay if found else 1  # a block without weights is no step down
        groups = found + groups
    if not groups:
        raise ValueError(f"nothing in {model.name} trains. Freeze fewer blocks, or add a head.")
    return groups


def block_groups(name: str, layer: nn.Module, rate: float, weight_decay: float) -> list[dict]:
    """Return the groups of one block: its matrices with weight decay, its vectors without."""
    trains = [p for p in layer.parameters() if p.requires_grad]
    matrices = [p for p in trains if p.dim() > 1]
    vectors = [p for p in trains if p.dim() <= 1]
    groups = [
        {"params": matrices, "lr": rate, "weight_decay": weight_decay, "name": name},
        {"params": vectors, "lr": rate, "weight_decay": 0.0, "name": f"{name} vectors"},
    ]
    return [group for group in groups if group["params"]]


def frozen_prefix(model: nn.Module) -> tuple[str, ...]:
    """Return the beginnings of the state names that belong to frozen blocks."""
    return tuple(f"layers.{i}." for i in range(getattr(model, "frozen", 0)))


def changing_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy on the CPU of the parameters and buffers that training can change."""
    return {name: value.detach().cpu().clone() for name, value in changing(model).items()}


def changing(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers that training can change, as they are."""
    frozen = frozen_prefix(model)
    state = model.state_dict()
    return {k: v for k, v in state.items() if not (frozen and k.startswith(frozen))}
