"""Exercises 02.1 to 02.3: what a frozen block, two rates and LP-FT must hold, tried out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from companion.teaching.exercise import NotYet, act, kind, short

# 02.1 ------------------------------------------------------------------------------------------


def _network() -> nn.Sequential:
    """Return four blocks with BatchNorm and dropout, the last one the head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blocks = [
            nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU()),
            nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5)),
            nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)),
            nn.Linear(6, 2),
        ]
        for block in blocks[:3]:
            nn.init.uniform_(block[1].running_mean, -1, 1)
        return nn.Sequential(*blocks)


def freezing(function: Any) -> str | None:
    """Judge `function(model, upto)`, which freezes blocks 0 to upto in place."""
    for upto in (0, 1):
        model = _network()
        act(function, model, upto)
        fault = _frozen_fault(model, upto)
        if fault:
            return f"with upto = {upto}: {fault}"
    return None


def _frozen_fault(model: nn.Sequential, upto: int) -> str | None:
    frozen, rest = model[: upto + 1], model[upto + 1 :]
    before, above = copy.deepcopy(frozen.state_dict()), copy.deepcopy(rest.state_dict())
    was_eval = not any(block.training for block in frozen)
    x, y = torch.randn(16, 4, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 2
    if not any(p.requires_grad for p in rest.parameters()):
        return "nothing is left to train: the blocks above upto, the head too, should still learn."
    trains = [p for p in model.parameters() if p.requires_grad]
    steps = torch.optim.SGD(trains, lr=0.1, weight_decay=0.1)
    model.train()
    for _ in range(3):
        steps.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        steps.step()
    after = frozen.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    if any(not name.endswith(("running_mean", "running_var", "tracked")) for name in changed):
        return f"the optimiser changed {changed[0]} of a frozen block: it still requires gradients."
    if changed and was_eval:
        return (
            f"{changed[0]} moved. The blocks were in eval mode when your function returned, but "
            "model.train() switched them back. They have to stay in eval mode after it."
        )
    if changed:
        return (
            f"{changed[0]} moved although no gradient reached it: requires_grad_(False) does not "
            "stop BatchNorm, which updates its running statistics in train mode."
        )
    if _depends_on_mode(model, upto, x):
        return (
            "nothing moved, but the frozen blocks answer differently in train mode: BatchNorm "
            "uses the batch's own statistics there, and dropout drops. Keep them in eval mode."
        )
    now = rest.state_dict()
    if all(torch.equal(above[name], now[name]) for name in above):
        return "the blocks above upto did not learn in three steps."
    return None


def _depends_on_mode(model: nn.Sequential, upto: int, x: torch.Tensor) -> bool:
    """Tell whether the frozen blocks give something else after model.train() than in eval mode."""
    with torch.no_grad():
        model.train()
        out = model[: upto + 1](x)
        for module in model[: upto + 1].modules():
            module.training = False
        return not torch.equal(out, model[: upto + 1](x))


# 02.2 ------------------------------------------------------------------------------------------


class _Net(nn.Module):
    """A backbone, of which a part is frozen, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.stem.requires_grad_(False)


def rates(function: Any) -> str | None:
    """Judge `function(model, rate, head_rate) -> groups`."""
    model = _Net()
    names = {id(p): name for name, p in model.named_parameters()}
    found = _read_groups(act(function, model, 1e-4, 1e-2))
    listed = [names.get(id(p)) for p, _ in found]
    if None in listed:
        return "a group holds something that is no parameter of the model. Do not copy the model."
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        return (
            f"{twice[0]} stands in two groups. model.parameters() holds the head too: leave it out "
            "of the first group."
        )
    if any(name.startswith("stem") for name in listed):
        return "stem.weight is frozen and stands in a group all the same: take what requires_grad."
    missing = [n for n in ("body.weight", "body.bias", "head.weight", "head.bias")
               if n not in listed]  # fmt: skip
    if missing:
        return f"{missing[0]} trains, but stands in no group: it would never change."
    rate = dict(zip(listed, (rate for _, rate in found), strict=True))
    if (rate["body.weight"], rate["head.weight"]) == (1e-2, 1e-4):
        return "the rates are swapped: the head is new and learns fast, the backbone slowly."
    wrong = [n for n in rate if rate[n] != (1e-2 if n.startswith("head") else 1e-4)]
    if wrong:
        return (
            f"{wrong[0]} learns at {rate[wrong[0]]}; asked for were rate = 0.0001 for what trains "
            "below the head and head_rate = 0.01 for the head."
        )
    return None


def _read_groups(groups: Any) -> list[tuple[torch.Tensor, float]]:
    """Return (parameter, rate) of every entry.

    Raises: NotYet if these are no optimiser groups.
    """
    known = isinstance(groups, (list, tuple)) and all(isinstance(g, dict) for g in groups)
    if not known or not groups or any({"params", "lr"} - set(group) for group in groups):
        raise NotYet(
            "expected a list of dictionaries, each with 'params' and 'lr', found "
            f"{short(groups)} ({kind(groups)})."
        )
    return [(p, group["lr"]) for group in groups for p in list(group["params"])]


# 02.3 ------------------------------------------------------------------------------------------


def two_steps(function: Any) -> str | None:
    """Judge `function(model, train, head_rate, rate)`, where train(parameters, rate) trains."""
    model = _Net()
    model.requires_grad_(True)
    calls: list[tuple[list[torch.Tensor], float, torch.Tensor, torch.Tensor]] = []

    def train(parameters: Sequence[torch.Tensor], rate: float) -> None:
        parameters = list(parameters)
        calls.append((parameters, rate, *_weights(model)))
        with torch.no_grad():
            for p in parameters:
                p.add_(rate * torch.sign(p + 0.5))
        ends.append(_weights(model))

    ends: list[tuple[torch.Tensor, torch.Tensor]] = []

    act(function, model, train, 1e-1, 1e-3)
    return _steps_fault(model, calls, ends)


def _weights(model: _Net) -> tuple[torch.Tensor, torch.Tensor]:
    return model.head.weight.detach().clone(), model.body.weight.detach().clone()


def _steps_fault(model: _Net, calls: list, ends: list) -> str | None:
    if len(calls) != 2:
        return f"expected two calls of train, one for each step, found {len(calls)}."
    head = {id(p) for p in model.head.parameters()}
    everything = {id(p) for p in model.parameters()}
    first, second = ({id(p) for p in parameters} for parameters, *_ in calls)
    if first - head:
        return (
            "the first step trains more than the head. The backbone should not move before the "
            "head fits: a random head sends it random gradients."
        )
    if not torch.equal(calls[1][2], ends[0][0]):
        return (
            "the head was made anew between the two steps. The second step has to start from the "
            "head that the first one found, or the first was for nothing."
        )
    if second != everything:
        return "the second step does not train everything: give it model.parameters()."
    if first != head:
        return "the first step leaves out a part of the head: give it model.head.parameters()."
    found = calls[0][1], calls[1][1]
    if found == (1e-3, 1e-1):
        return "the rates are swapped: head_rate is for the first step, rate for the second."
    if found[0] == found[1]:
        return (
            "both steps use one rate. The backbone wants a smaller one than the new head: "
            "head_rate first, then rate."
        )
    return None if found == (1e-1, 1e-3) else f"expected head_rate, then rate, found {found}."
