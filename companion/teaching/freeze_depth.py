"""The control of lesson 02: pick a depth, see what trains, what it costs and what was recorded."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from companion.models.blocks import Blocks
from companion.teaching.page import Piece, controlled, look, put


@dataclass(frozen=True)
class Depth:
    """What training costs when all blocks up to `upto` are frozen; None: nothing is."""

    upto: str | None
    training: int  # parameters that train
    total: int
    work: float  # multiplications of one cached training step, as a share of training everything
    recorded: str  # what the trials say of this depth, "" where there are none


def depths(model: Blocks, recorded: Mapping[str | None, str]) -> list[Depth]:
    """Return one entry for every block that can be the last frozen one, and one for none."""
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in model.layers]
    forward = multiplications(model)
    whole = 3 * sum(forward)  # a step runs forward once and backward twice as much
    found = [Depth(None, sum(sizes), sum(sizes), 1.0, recorded.get(None, ""))]
    for i, name in enumerate(model.names[1:-1], 1):
        work = 3 * sum(forward[i + 1 :]) / whole
        training = sum(sizes[i + 1 :])
        found.append(Depth(name, training, sum(sizes), work, recorded.get(name, "")))
    return found


@torch.no_grad()
def multiplications(model: Blocks) -> list[int]:
    """Return the multiplications of each block for one picture, in convolutions and linear maps."""
    counts = [0] * len(model.layers)
    hooks = []
    for i, layer in enumerate(model.layers):
        for module in layer.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):

                def count(m: nn.Module, _x: object, y: torch.Tensor, i: int = i) -> None:
                    counts[i] += y.numel() * m.weight.numel() // m.weight.shape[0]

                hooks.append(module.register_forward_hook(count))
    model(torch.zeros(1, 1, 32, 32, device=next(model.parameters()).device))
    for hook in hooks:
        hook.remove()
    return counts


def depth_sentence(depth: Depth) -> str:
    """Say in words what freezing up to this depth means."""
    where = f"Frozen up to {depth.upto}" if depth.upto else "Nothing frozen"
    share = f"{depth.training:,} of {depth.total:,} parameters train"
    work = f"a step takes {depth.work:.0%} of the multiplications of training everything"
    said = f" Recorded with 200 labels: {depth.recorded}." if depth.recorded else ""
    return f"{where}: {share}; once the frozen part is cached, {work}.{said}"


def depth_table(found: list[Depth]) -> Piece:
    """Return the table that stands beside the control: every depth in one row."""
    head = ("frozen up to", "parameters that train", "work of a step", "recorded, 200 labels")
    rows = [(d.upto or "nothing", f"{d.training:,}", f"{d.work:.0%}", d.recorded) for d in found]
    text = "\n".join("  ".join(np.char.ljust(row, 22)) for row in (head, *rows))
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    return Piece(text, f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>")


def depth_explorer(model: Blocks, recorded: Mapping[str | None, str]) -> None:
    """Show the table of all depths, then a control that puts one of them in words."""
    import ipywidgets as widgets
    from IPython.display import display

    found = depths(model, recorded)
    table = depth_table(found)
    put(table.text, table.page)
    pick = widgets.SelectionSlider(
        options=[(d.upto or "nothing", d) for d in found],
        description="frozen up to",
        **look(),
    )
    display(controlled([pick], lambda depth: html.escape(depth_sentence(depth))))
