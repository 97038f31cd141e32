"""The optimiser and how its rates change over the steps."""

from __future__ import annotations

import math

from torch.optim import SGD, AdamW, Optimizer

SCHEDULES = ("cosine", "linear", "constant")


def make_optimizer(name: str, groups: list[dict]) -> Optimizer:
    """Return AdamW (Loshchilov and Hutter 2019), fused where it can be, or SGD with momentum 0.9.

    Raises:
        ValueError: another name.
    """
    groups = [dict(group) for group in groups]  # the caller's stay as they are
    for group in groups:
        group["peak"] = group["lr"]
    if name == "sgd":
        return SGD(groups, momentum=0.9)
    if name != "adamw":
        raise ValueError(f"expected the optimiser 'adamw' or 'sgd', found {name!r}.")
    devices = {p.device.type for group in groups for p in group["params"]}
    return AdamW(groups, fused=devices <= {"cpu", "cuda"})


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
