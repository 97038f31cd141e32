"""One optimiser step: micro-batches, gradient, clipping, and what to do when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from companion.data.examples import Batch, Fetch
from companion.transfer.order import cut, token_ends
from companion.transfer.plumbing import autocast
from companion.transfer.processes import copy_from_main, sum_gradients, sum_over_processes, team

# A loss returns the sum over a batch and the number of examples (or tokens) in that sum. One that
# is no such sum, because it compares examples with each other, carries `additive = False`.
Loss = Callable[[nn.Module, Batch], tuple[torch.Tensor, int]]
Piece = Callable[[], tuple[torch.Tensor, int]]


def parts_of(ids: np.ndarray, fetch: Fetch, size: int, tokens: int | None) -> list[np.ndarray]:
    """Cut a batch of `ids` (B,) into parts of at most `size` examples.

    With `tokens`, the examples of a part are of about one length, and a part holds no more than so
    many tokens, padding included, or than the longest example of the batch alone.

    Raises:
        ValueError: `tokens` is asked for, and the examples have no lengths.
    """
    if tokens is None:
        return cut(ids, size)
    lengths = fetch.lengths(ids)
    if lengths is None:
        raise ValueError(
            f"expected examples with lengths, as micro_tokens={tokens} counts tokens, found "
            "examples that are all alike. Use micro_batch instead."
        )
    places = np.argsort(lengths, kind="stable")
    ends = token_ends(lengths[places], max(tokens, lengths.max()))
    return [part for alike in np.split(ids[places], ends) for part in cut(alike, size)]


def pieces_of(
    parts: list[np.ndarray], loss: Loss, fetch: Fetch, model: nn.Module, epoch: int
) -> list[Piece]:
    """Return the losses of the parts of a batch, each a list of ids (B,), still to be computed."""

    def piece(part: np.ndarray) -> tuple[torch.Tensor, int]:
        return loss(model, fetch(part, epoch=epoch))

    return [partial(piece, part) for part in parts]


def gradient(
    accelerator: Accelerator, pieces: list[Piece], examples: int
) -> tuple[torch.Tensor, int]:
    """Give the parameters this process's part of the gradient; return the summed loss and count.

    `examples` is the size of the whole batch, over all processes.
    """
    total, count = torch.zeros((), device=accelerator.device), 0
    for piece in pieces:
        with autocast(accelerator):
            summed, n = piece()
        # Divided before the backward pass, or fp16 would overflow.
        accelerator.backward(summed * (1 / examples))
        total, count = total + summed.detach(), count + n
    return total, count


def train_step(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Optimizer,
    pieces: list[Piece],
    examples: int,
    clip: float,
) -> torch.Tensor | None:
    """Take one step on the mean loss of a batch of `examples`; return that mean.

    The mean is over the examples (or tokens) of all pieces and all processes, however unevenly
    they are spread. The gradient is clipped to norm `clip`, 0 for no limit. Returns None, with the
    model as it was, if memory ran out in any process.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    ran_out = False
    try:
        total, count = gradient(accelerator, pieces, examples)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        optimizer.zero_grad()
        ran_out, total, count = True, torch.zeros((), device=accelerator.device), 0
    if team().world > 1:
        sums = torch.stack([total.double(), *total.new_tensor([count, ran_out]).double()])
        sum_over_processes([sums])
        total, count, ran_out = sums[0], int(sums[1]), bool(sums[2])
    if ran_out:
        optimizer.zero_grad()
        return None
    sum_gradients(parameters)
    if team().world > 1:
        copy_from_main([s for m in model.modules() if in_batch_mode(m) for s in m.buffers()])
    if count != examples:  # the loss counts tokens
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(examples / count)
    if clip:
        accelerator.clip_grad_norm_(parameters, clip)
    optimizer.step()
    optimizer.zero_grad()
    return total / count


def in_batch_mode(module: nn.Module) -> bool:
    """Return whether `module` is a BatchNorm that sees the batch as a whole and tracks it."""
    return isinstance(module, _BatchNorm) and module.training


def smaller_micro_batch(model: nn.Module, loss: Loss, size: int) -> int:
    """Return half of `size`, to be used after memory ran out, and free what the failed try held.

    Raises:
        MemoryError: the batch cannot be cut without changing what is learned, or not any further.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if not getattr(loss, "additive", True):
        cause = "its loss compares the examples of a batch, so cutting the batch would change it"
    elif any(map(in_batch_mode, model.modules())):
        cause = "BatchNorm in train mode sees the batch as a whole, so cutting it would change it"
    elif size <= 1:
        cause = "one example alone does not fit"
    else:
        return size // 2
    raise MemoryError(
        f"memory ran out with {size} examples at once, and {cause}. Use a smaller batch, smaller "
        "pictures or shorter texts, or freeze more blocks and cache them."
    )


def is_out_of_memory(error: Exception) -> bool:
    """Return whether `error` says that the accelerator's or the main memory ran out."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    known = isinstance(error, torch.OutOfMemoryError)
    return known or (isinstance(error, RuntimeError) and any(w in str(error) for w in words))
