"""Nearest neighbours: which examples does a network take for alike?"""

from __future__ import annotations

import numpy as np


def nearest(features: np.ndarray, queries: np.ndarray, k: int = 5) -> np.ndarray:
    """Return the places (Q, k) of the `k` examples most like each query, the most like first.

    `features` (N, F) are compared by the cosine of the angle between them, after each feature is
    centred on its mean over all examples: what all of them share says nothing about likeness.
    `queries` (Q,) are places in `features`; a query is never its own neighbour.

    Raises:
        ValueError: k is not between 1 and N - 1.
    """
    if not 1 <= k < len(features):
        raise ValueError(
            f"expected k from 1 to {len(features) - 1}, one fewer than there are examples, "
            f"found {k}."
        )
    centred = features - features.mean(axis=0)
    units = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    cosines = units[queries] @ units.T  # (Q, N)
    cosines[np.arange(len(queries)), queries] = -np.inf
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k]


def share_alike(neighbours: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> float:
    """Return the share of neighbours (Q, k) that have the label (N,) of their query."""
    return float((labels[neighbours] == labels[queries][:, None]).mean())
