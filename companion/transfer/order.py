"""The order of the examples: a function of the seed and the epoch, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

# An order maps an epoch to that epoch's batches, each an array of example ids.
Order = Callable[[int], list[np.ndarray]]
Items = TypeVar("Items", np.ndarray, list[np.ndarray])


def shuffled(ids: np.ndarray, batch_size: int, *, seed: int = 0) -> Order:
    """Return an order that shuffles `ids` (N,) anew in each epoch; the last batch may be short.

    Raises:
        ValueError: no ids, or a batch size below 1.
    """
    ids = check_order(ids, batch_size)

    def batches(epoch: int) -> list[np.ndarray]:
        return cut(np.random.default_rng((seed, epoch)).permutation(ids), batch_size)

    return batches


def in_sequence(ids: np.ndarray, batch_size: int) -> Order:
    """Return an order that keeps `ids` (N,) as they are, for evaluation.

    Raises:
        ValueError: no ids, or a batch size below 1.
    """
    batches = cut(check_order(ids, batch_size), batch_size)
    return lambda epoch: batches


def cut(ids: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut `ids` into consecutive pieces of `size`; the last may be shorter."""
    return [ids[i : i + size] for i in range(0, len(ids), size)]


def shard(items: Items, rank: int, world: int) -> Items:
    """Return the part of a batch, or of a list of batches, that process `rank` of `world` does."""
    return items[rank::world]


def check_order(ids: np.ndarray, batch_size: int) -> np.ndarray:
    """Return `ids` as an array of integers, checked together with the batch size."""
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, found {batch_size}.")
    ids = np.asarray(ids)
    if ids.ndim != 1 or len(ids) == 0:
        raise ValueError(
            f"expected a list of at least one example id, found shape {ids.shape}. "
            "Pass the train part of a split."
        )
    return ids
