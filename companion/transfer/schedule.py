"""The optimiser and how its rates change over the steps."""

from __future__ import annotations

import math

import torch
from torch.optim import SGD, AdamW, Optimizer

SCHEDULES = ("cosine", "linear", "constant")


class UncorrectedAdamW(AdamW):
    """AdamW without the correction of its first steps, as BERT was released with it.

    Adam's averages start at zero. The correction scales them up until they have seen enough steps;
    the optimiser of the first BERT code left it out, which makes its first steps up to six times
    as long (Zhang et al. 2021).
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Take one step."""
        plain = [(group["lr"], group["weight_decay"]) for group in self.param_groups]
        for group in self.param_groups:
            group["taken"] = group.get("taken", 0) + 1
            first, second = (1 - beta ** group["taken"] for beta in group["betas"])
            longer = first / second**0.5
            group["lr"] *= longer
            group["weight_decay"] /= longer  # which is multiplied by the rate
        super().step()
        for group, (rate, decay) in zip(self.param_groups, plain, strict=True):
            group["lr"], group["weight_decay"] = rate, decay


def make_optimizer(name: str, groups: list[dict]) -> Optimizer:
    """Return AdamW (Loshchilov and Hutter 2019), fused where it can be, or SGD with momentum 0.9.

    "adamw-uncorrected" is `UncorrectedAdamW`.

    Raises:
        ValueError: another name.
    """
    groups = [dict(group) for group in groups]  # the caller's stay as they are
    for group in groups:
        group["peak"] = group["lr"]
    if name == "sgd":
        return SGD(groups, momentum=0.9)
    if name not in ("adamw", "adamw-uncorrected"):
        raise ValueError(
            f"expected the optimiser 'adamw', 'adamw-uncorrected' or 'sgd', found {name!r}."
        )
    devices = {p.device.type for group in groups for p in group["params"]}
    kind = AdamW if name == "adamw" else UncorrectedAdamW
    return kind(groups, fused=devices <= {"cpu", "cuda"})


def rate_factor(step: int, steps: int, warmup: float, schedule: str) -> float:
    """Return the share of its peak at which a rate stands at `step` of `steps`, counted from 0.

    It rises in a line over the first `warmup` share of the steps, then falls to 0 along a cosine
    or a line, or stays.

    Raises:
        ValueError: there is no such schedule.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"expected a schedule out of {', '.join(SCHEDULES)}, found {schedule!r}.")
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1 - done if schedule == "linear" else 1.0


def set_rates(optimizer: Optimizer, factor: float) -> float:
    """Set every group to `factor` times its peak rate; return the highest of the rates."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    return max(group["lr"] for group in optimizer.param_groups)
