"""Exercise 00.5: an accuracy that depends on the batch size, and the ways to mend it wrongly."""

from __future__ import annotations

from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, call, compare, number

_PICTURES = np.arange(10.0).reshape(10, 1, 1) * np.ones((1, 2, 2))  # picture i holds the value i
_TRUTH = np.array([0, 0, 0, 0, 0, 1, 1, 0, 1, 0])  # `bright` is wrong on 4, 7 and 9


def bright(pictures: np.ndarray) -> np.ndarray:
    """Answer 1 for a picture of mean above 3.5, else 0: (n, height, width) to (n,)."""
    return (pictures.mean(axis=(1, 2)) > 3.5).astype(int)


def accuracy(predict: Any, pictures: np.ndarray, labels: np.ndarray, batch_size: int) -> float:
    """Return the share of all pictures that `predict` gets right, whatever the batch size."""
    hits = _batch_hits(predict, pictures, labels, batch_size)
    return float(np.concatenate(hits).mean())


def _batch_hits(
    predict: Any, pictures: np.ndarray, labels: np.ndarray, size: int
) -> list[np.ndarray]:
    starts = range(0, len(labels), size)
    return [predict(pictures[i : i + size]) == labels[i : i + size] for i in starts]


_BATCHES = tuple(
    {"predict": bright, "pictures": _PICTURES, "labels": _TRUTH, "batch_size": size}
    for size in (4, 5, 3)
)
_BATCH_MISTAKES = (
    Mistake(
        lambda *case: np.mean([hits.mean() for hits in _batch_hits(*case)]),
        "That is still the bug: the mean of the batches' accuracies. The short last batch counts "
        "as much as a full one, so each of its pictures counts more.",
    ),
    Mistake(
        lambda *case: np.mean([h.mean() for h in _batch_hits(*case) if len(h) == case[3]]),
        "You seem to drop the short last batch. Its pictures are part of the test set: count "
        "them, each once.",
    ),
    Mistake(
        lambda *case: np.sum([h.mean() * case[3] for h in _batch_hits(*case)]) / len(case[2]),
        "You seem to weight every batch by batch_size. The last one is shorter: weight it by the "
        "pictures it really holds.",
    ),
    Mistake(
        lambda *case: accuracy(*case) * len(case[2]) / (len(_batch_hits(*case)) * case[3]),
        "You seem to divide by batches x batch_size, more pictures than there are. Divide by the "
        "number of labels.",
    ),
    Mistake(
        lambda *case: _batch_hits(*case)[-1].mean(),
        "You seem to return the accuracy of the last batch only. Is `return` inside the loop, or "
        "the count started anew in it?",
    ),
    Mistake(
        lambda *case: accuracy(*case) * len(case[2]),
        "You seem to return a count. Divide by the number of labels.",
    ),
)


def evaluation(function: Any) -> str | None:
    """Judge `function(predict, pictures, labels, batch_size) -> float`."""
    sizes = []

    def watched(pictures: np.ndarray) -> np.ndarray:
        sizes.append(len(pictures))
        return bright(pictures)

    fault = compare(function, _BATCHES, accuracy, _BATCH_MISTAKES, number)
    if fault is None:
        call(function, watched, _PICTURES, _TRUTH, 4)
    if max(sizes, default=0) > 4:
        fault = (
            f"the accuracy is right, but predict got {max(sizes)} pictures at once with "
            "batch_size = 4. A large test set would not fit: keep the batches, mend the mean."
        )
    return fault
