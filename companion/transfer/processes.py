"""Several processes train one model: each works on its share of a batch, and all stay alike.

Gradients are added up by one exchange after the backward pass of a step, rather than by hooks
within it. So a process may have no examples at all, fewer micro-batches than the others, or too
little memory, and still takes part in the exchange.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
from torch import distributed, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """The processes of one training, as one of them sees it; `rank` 0 is the main process."""

    rank: int = 0
    world: int = 1
    checkpoint: Path | None = None


# Set only while `fit` runs. At any other time a script may call a function on the main process
# alone, which would then wait for the others for ever.
_team = Team()


def team() -> Team:
    """Return the processes that work together now: this one alone, unless `fit` runs."""
    return _team


@contextmanager
def teamwork(checkpoint: Path | None) -> Iterator[Team]:
    """Share out work and gather results while this is open.

    A process that ends takes the others with it: they raise ConnectionError, whether they notice
    it in an exchange or are told to stop by the launcher.
    """
    global _team
    together = distributed.is_available() and distributed.is_initialized()
    if not together or distributed.get_world_size() == 1:
        yield _team
        return
    _team = Team(distributed.get_rank(), distributed.get_world_size(), checkpoint)
    listens = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: refuse_to_go_on()) if listens else None
    try:
        yield _team
    except ConnectionError:
        before = signal.SIG_IGN  # or the launcher would end this process before it has said why
        raise
    finally:
        if listens:
            signal.signal(signal.SIGTERM, before)
        _team = Team()


def refuse_to_go_on(cause: Exception | None = None) -> NoReturn:
    """Say that this process cannot go on without the others, and what to do.

    Raises:
        ConnectionError: always.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = _team.checkpoint
    if folder is None:
        goes_on = "it starts over, because it keeps no checkpoint: pass fit(checkpoint=folder)"
    else:
        goes_on = f"it goes on from the checkpoint in {folder}"
    raise ConnectionError(
        f"process {_team.rank} of {_team.world} stopped, because another process of this training "
        "ended or the launcher was told to stop. Its own message, if it left one, stands above or "
        "below; one that was killed, by hand or because main memory ran out, leaves none. Start "
        f"the same command again: {goes_on}."
    ) from cause


def exchange(collective: Callable[[], T]) -> T:
    """Run an operation that all processes take part in.

    Raises:
        ConnectionError: another one ended.
    """
    try:
        return collective()
    except RuntimeError as error:
        refuse_to_go_on(error)


def sum_over_processes(tensors: list[torch.Tensor]) -> None:
    """Replace each tensor by its sum over all processes."""
    as_one(tensors, distributed.all_reduce)


def copy_from_main(tensors: list[torch.Tensor]) -> None:
    """Replace each tensor by the main process's."""
    as_one(tensors, lambda flat: distributed.broadcast(flat, src=0))


@torch.no_grad()
def as_one(tensors: list[torch.Tensor], collective: Callable[[torch.Tensor], object]) -> None:
    """Run a collective on all tensors of one type at once: it costs far less than one for each."""
    if _team.world == 1:
        return
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        same = [tensor for tensor in tensors if tensor.dtype == dtype]
        flat = torch.cat([tensor.reshape(-1) for tensor in same])
        exchange(lambda flat=flat: collective(flat))
        for tensor, new in zip(same, flat.split([t.numel() for t in same]), strict=True):
            tensor.copy_(new.view_as(tensor))


def sum_gradients(parameters: list[nn.Parameter]) -> None:
    """Add up the gradients of all processes; one without a gradient adds zero."""
    if _team.world == 1:
        return
    has_one = torch.tensor([float(p.grad is not None) for p in parameters])
    has_one = has_one.to(parameters[0].device)
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    sum_over_processes([has_one, *(p.grad for p in parameters)])
    for parameter, processes in zip(parameters, has_one.tolist(), strict=True):
        if not processes:  # as in a single process: the optimiser must pass over it
            parameter.grad = None


def from_main(value: T) -> T:
    """Return the main process's `value`, which the others wait for."""
    if _team.world == 1:
        return value
    box = [value]
    exchange(lambda: distributed.broadcast_object_list(box, src=0))
    return box[0]


def gather(mine: list[T]) -> list[T]:
    """Return the results of all processes, of which each worked on every `world`-th, in order."""
    if _team.world == 1:
        return mine
    found: list[list[T]] = [[] for _ in range(_team.world)]
    exchange(lambda: distributed.all_gather_object(found, mine))
    return [found[i % _team.world][i // _team.world] for i in range(sum(map(len, found)))]


def check_alike(what: dict[str, str]) -> None:
    """Check that all processes are about to do the same.

    Raises:
        ValueError: this one differs from the main process.
    """
    main = from_main(what)
    wrong = [
        f"{k}: expected {main.get(k)}, found {what[k]}" for k in what if main.get(k) != what[k]
    ]
    if wrong:
        raise ValueError(
            f"process {_team.rank} trains something else than process 0 ({'; '.join(wrong)}). "
            "Every process must load the same model and settings, and see the same files."
        )


def check_launch(world: int) -> None:
    """Check that processes that were started together also found each other.

    Raises:
        RuntimeError: they did not, and each would train on its own.
    """
    wanted = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1 and wanted == 1 and {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= set(os.environ):
        # Only that launcher sets both, and the second only if it was asked for several processes.
        warnings.warn(
            "accelerate launch --cpu started one process, whatever --num_processes says. For "
            "several use torchrun --nproc_per_node, or accelerate launch --multi_gpu, which works "
            "without a GPU.",
            stacklevel=3,
        )
    if wanted > 1 and world == 1:
        raise RuntimeError(
            f"expected {wanted} processes that train together, found this one on its own. Leave it "
            "to fit to set up Accelerate, and train on the CPU or on one CUDA GPU per process."
        )
