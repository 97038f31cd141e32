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


def by_length(ids: np.ndarray, lengths: np.ndarray, batch_size: int, *, seed: int = 0) -> Order:
    """Return an order whose batches hold examples of about one length, so that little is padded.

    `lengths` (N,) belong to `ids` (N,). In each epoch the examples are shuffled, sorted by length
    (so that chance decides between equals), cut into batches, and the batches are shuffled. Every
    example comes once, and every epoch has the same number of batches.

    Raises:
        ValueError: no ids, a batch size below 1, or not one length for each id.
    """
    ids, lengths = check_order(ids, batch_size), np.asarray(lengths)
    if lengths.shape != ids.shape:
        raise ValueError(
            f"expected one length for each of the {len(ids)} ids, found {lengths.shape}. "
            "Pass fetch.lengths(ids)."
        )

    def batches(epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((seed, epoch))
        places = rng.permutation(len(ids))
        sorted_ids = ids[places[np.argsort(lengths[places], kind="stable")]]
        whole = cut(sorted_ids, batch_size)
        return [whole[i] for i in rng.permutation(len(whole))]

    return batches


def by_tokens(ids: np.ndarray, lengths: np.ndarray, tokens: int, *, seed: int = 0) -> Order:
    """Return an order whose batches hold about `tokens` tokens each, padding included.

    As `by_length`, but with more short sequences or fewer long ones in a batch.

    Raises:
        ValueError: no ids, not one length for each id, or a sequence is longer than `tokens`.
    """
    ids, lengths = check_order(ids, 1), np.asarray(lengths)
    if lengths.shape != ids.shape or lengths.max() > tokens:
        raise ValueError(
            f"expected one length for each of the {len(ids)} ids, of at most {tokens} tokens, "
            f"found {lengths.shape} with a longest of {lengths.max()}. Cut the documents shorter."
        )
    ends = token_ends(np.sort(lengths), tokens)

    def batches(epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((seed, epoch))
        places = rng.permutation(len(ids))
        sorted_ids = ids[places[np.argsort(lengths[places], kind="stable")]]
        whole = np.split(sorted_ids, ends)
        return [whole[i] for i in rng.permutation(len(whole))]

    return batches


def token_ends(lengths: np.ndarray, tokens: int) -> list[int]:
    """Return where to cut sorted `lengths` (N,) so that each padded batch fits into `tokens`."""
    ends, start = [], 0
    for place, length in enumerate(lengths.tolist()):
        if (place + 1 - start) * length > tokens:
            ends.append(place)
            start = place
    return ends


def for_scoring(ids: np.ndarray, lengths: np.ndarray | None, batch_size: int) -> list[np.ndarray]:
    """Return batches of places in `ids` (N,): as they come, or by length where there are lengths.

    Examples of equal length go by their id, so that their batch, and with it the last digit of
    their score, does not depend on the order in which they were asked for.

    Raises:
        ValueError: no ids, or a batch size below 1.
    """
    ids = check_order(ids, batch_size)
    return cut(np.arange(len(ids)) if lengths is None else np.lexsort((ids, lengths)), batch_size)


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
