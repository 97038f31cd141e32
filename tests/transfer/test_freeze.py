"""Frozen means frozen; the checks are checked in turn, by mutants that each must fail them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from timm.layers import DropPath
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from companion.data.vision import PictureFetch
from companion.models.blocks import Blocks
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups, what_trains
from companion.transfer.order import shuffled
from tests.toys import FAMILIES, state_hash, toy_model, toy_pictures

BOUNDARY = {"efficientnet": "block3", "resnet": "layer2", "vit": "block5"}
CONFIG = FitConfig(epochs=1, progress=False, warmup=0.0)


def broken_promises(model: Blocks, groups: list[dict]) -> list[str]:
    """Train for an epoch with weight decay; return what moved below the boundary."""
    data = toy_pictures(24)
    fetch = PictureFetch(data, device=torch.device("cpu"))
    prefix = model.layers[: model.frozen]
    x = fetch(np.arange(8)).inputs
    before_state, before = state_hash(prefix), model.eval()(x, stop=model.frozen)
    model.train()
    promises = {"outputs repeat in train mode": torch.equal(before, model(x, stop=model.frozen))}
    fit(model, fetch, shuffled(np.arange(24), 8), groups, CONFIG)
    model.train()
    after = model(x, stop=model.frozen)
    promises["outputs are the same after training"] = torch.equal(before, after)
    promises["parameters and buffers are the same"] = before_state == state_hash(prefix)
    return [promise for promise, held in promises.items() if not held]


def frozen_model(family: str) -> tuple[Blocks, list[dict]]:
    model = toy_model(family)
    freeze(model, BOUNDARY[family])
    return model, parameter_groups(model, 1e-2, weight_decay=0.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_below_the_boundary_changes(family: str) -> None:
    model, groups = frozen_model(family)
    trains_before = state_hash(model.layers[model.frozen :])
    assert broken_promises(model, groups) == []
    assert state_hash(model.layers[model.frozen :]) != trains_before


def test_frozen_parts_put_into_train_mode_one_by_one_stay_pinned() -> None:
    model, groups = frozen_model("efficientnet")
    for module in model.modules():
        module.training = True
    assert broken_promises(model, groups) == []


def run_without_eval_pin(self: Blocks, x: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    with torch.no_grad():
        for layer in self.layers[start:stop]:
            x = layer(x)
    return x


def run_with(kinds: tuple[type, ...]) -> Callable:
    """Return a frozen forward in which the modules of these kinds are in train mode."""

    def run(self: Blocks, x: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        for module in self.layers[start:stop].modules():
            module.training = self.training and isinstance(module, kinds)
        return run_without_eval_pin(self, x, start, stop)

    return run


MUTANTS = {
    "no eval pin": {"train": nn.Module.train, "_run_frozen": run_without_eval_pin},
    "BatchNorm statistics updating": {"_run_frozen": run_with((_BatchNorm,))},
    "dropout and drop-path live": {"_run_frozen": run_with((nn.Dropout, DropPath))},
}


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_mutants_of_the_frozen_forward_are_caught(
    family: str, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if family == "vit" and "BatchNorm" in mutant:
        pytest.skip("a vision transformer has no BatchNorm")
    model, groups = frozen_model(family)
    for name, function in MUTANTS[mutant].items():
        monkeypatch.setattr(Blocks, name, function)
    assert broken_promises(model, groups) != []


@pytest.mark.parametrize("family", FAMILIES)
def test_weight_decay_that_reaches_a_frozen_tensor_is_caught(family: str) -> None:
    model, groups = frozen_model(family)
    slipped_in = list(model.layers[model.frozen - 1].parameters())
    for parameter in slipped_in:  # a zero gradient is enough for AdamW to decay a tensor
        parameter.grad = torch.zeros_like(parameter)
    groups.append({"params": slipped_in, "lr": 1e-2, "weight_decay": 0.5})
    assert "parameters and buffers are the same" in broken_promises(model, groups)


@pytest.mark.parametrize("family", FAMILIES)
def test_groups_hold_each_trainable_parameter_once(family: str) -> None:
    model = toy_model(family)
    freeze(model, BOUNDARY[family])
    groups = parameter_groups(model, 1e-3, head_rate=1e-2, layer_decay=0.5)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    rates = {group["name"].split()[0]: group["lr"] for group in groups}
    assert rates["head"] == 1e-2
    below = [rates[name] for name in model.names[model.frozen : -1] if name in rates]
    assert below == sorted(below) and below[-1] <= 1e-3
    assert all(g["weight_decay"] == 0 for g in groups for p in g["params"] if p.dim() <= 1)


def test_thawing_lets_everything_train_again() -> None:
    model = toy_model("resnet")
    freeze(model, "layer4")
    freeze(model, None)
    assert all(p.requires_grad for p in model.parameters())
    assert all(m.training for m in model.train().modules())


def test_table_of_what_trains() -> None:
    model = toy_model("resnet")
    freeze(model, "layer3")
    lines = what_trains(model).splitlines()
    assert len(lines) == 1 + len(model.names)
    assert next(x for x in lines if x.startswith("layer3")).split()[2:] == ["0", "frozen"]
    assert next(x for x in lines if x.startswith("head")).split()[1:] == [
        "1,026",
        "1,026",
        "trains",
    ]
