"""Accelerate, opened and closed around one training."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import distributed
from torch.optim import Optimizer

from companion.device import training_precision
from companion.transfer.processes import check_launch


def open_accelerator(precision: str, device: torch.device) -> Accelerator:
    """Return an Accelerator for `device` in the wanted precision: "auto", "no", "fp16" or "bf16".

    Raises:
        ValueError: the device cannot train in that precision.
        RuntimeError: several processes were started and did not find each other.
    """
    if precision == "auto":
        precision = training_precision(device)
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(
            f"fp16 training needs a CUDA GPU, found {device.type}. Use precision='auto', which "
            "takes what this machine is good at."
        )
    accelerator = Accelerator(mixed_precision=precision, cpu=device.type == "cpu")
    check_launch(accelerator.num_processes)
    if distributed.is_available() and distributed.is_initialized():
        atexit.unregister(leave_process_group)
        atexit.register(leave_process_group)
    return accelerator


def leave_process_group() -> None:
    """Close the connection between processes, where a script has not done so itself."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def accelerated(
    optimizer: Optimizer, precision: str, device: torch.device
) -> Iterator[tuple[Accelerator, Optimizer]]:
    """Yield an Accelerator with the optimiser prepared; leave no trace of it afterwards.

    The model stays as it is: autocast is written out in the loop, and so is the exchange between
    processes. The optimiser is prepared where gradients are scaled; elsewhere that would only cost
    a search for other packages in each step.
    """
    accelerator = open_accelerator(precision, device)
    try:
        scales = accelerator.scaler is not None
        yield accelerator, accelerator.prepare_optimizer(optimizer) if scales else optimizer
    finally:
        close_accelerator(accelerator)


def autocast(accelerator: Accelerator) -> AbstractContextManager[None]:
    """Return a context of the accelerator's precision that is left also when an error passes.

    `accelerator.autocast()` stays on after an error in Accelerate up to 1.10 at least; then all
    that follows in the notebook runs in low precision.
    """
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(accelerator.mixed_precision)
    return torch.autocast(accelerator.device.type, low) if low else nullcontext()


def own_random_state(device: torch.device) -> AbstractContextManager[None]:
    """Return a context that puts the random state back, so that training leaves it as it was."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def close_accelerator(accelerator: Accelerator) -> None:
    """Forget the Accelerator, so that another may be opened.

    Accelerate keeps one precision per process, which would make a second training in the same
    notebook fail or run in the wrong one. The connection between processes stays: it cannot be
    made twice.
    """
    if accelerator.device.type != "cpu":  # it collects garbage, half a second in a large notebook
        accelerator.free_memory()
    AcceleratorState._reset_state(reset_partial_state=not distributed.is_initialized())
    GradientState._reset_state()
