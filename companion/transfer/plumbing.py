"""Accelerate, opened and closed around one training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedType
from torch import nn
from torch.optim import Optimizer

from companion.device import training_precision


def open_accelerator(precision: str, device: torch.device) -> Accelerator:
    """Return an Accelerator for `device` in the wanted precision: "auto", "no", "fp16" or "bf16".

    Raises:
        ValueError: the device cannot train in that precision.
    """
    if precision == "auto":
        precision = training_precision(device)
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(
            f"fp16 training needs a CUDA GPU, found {device.type}. Use precision='auto', which "
            "takes what this machine is good at."
        )
    return Accelerator(mixed_precision=precision, cpu=device.type == "cpu")


@contextmanager
def accelerated(
    model: nn.Module, optimizer: Optimizer, precision: str, device: torch.device
) -> Iterator[tuple[Accelerator, nn.Module, Optimizer]]:
    """Yield an Accelerator with model and optimiser prepared; leave no trace of it afterwards."""
    accelerator = open_accelerator(precision, device)
    try:
        yield accelerator, *prepare(accelerator, model, optimizer)
    finally:
        close_accelerator(accelerator, model)


def own_random_state(device: torch.device) -> AbstractContextManager[None]:
    """Return a context that puts the random state back, so that training leaves it as it was."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def prepare(
    accelerator: Accelerator, model: nn.Module, optimizer: Optimizer
) -> tuple[nn.Module, Optimizer]:
    """Wrap the optimiser, and the model where several processes share the work.

    A single process keeps the model as it is: autocast is written out in the loop.
    """
    optimizer = accelerator.prepare_optimizer(optimizer)
    if accelerator.distributed_type != DistributedType.NO:
        model = accelerator.prepare_model(model)
    return model, optimizer


def close_accelerator(accelerator: Accelerator, model: nn.Module) -> None:
    """Leave `model` as it came and forget the Accelerator, so that another may be opened.

    Accelerate keeps one precision per process and marks what it has prepared; both would make a
    second training in the same notebook fail or run in the wrong precision.
    """
    model = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    for mark in ("forward", "_original_forward", "_is_accelerate_prepared"):
        model.__dict__.pop(mark, None)
    accelerator.free_memory()  # collects garbage and empties the accelerator's cache
    process_group_stays = accelerator.distributed_type != DistributedType.NO
    AcceleratorState._reset_state(reset_partial_state=not process_group_stays)
    GradientState._reset_state()
