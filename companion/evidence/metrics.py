"""Scores over a whole set at once, from true labels and logits or probabilities."""

from __future__ import annotations

import numpy as np
from sklearn import metrics


def accuracy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the share of examples whose highest logit (N, classes) is at their label (N,)."""
    check(labels, logits)
    return float((logits.argmax(axis=1) == labels).mean())


def balanced_accuracy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean over classes of the share of each that is recognised (its recall)."""
    check(labels, logits)
    return float(metrics.balanced_accuracy_score(labels, logits.argmax(axis=1)))


def macro_f1(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the unweighted mean of the F1 scores of the classes."""
    check(labels, logits)
    return float(metrics.f1_score(labels, logits.argmax(axis=1), average="macro"))


def macro_f1_within(labels: np.ndarray, logits: np.ndarray, kinds: np.ndarray) -> float:
    """Return the macro-F1 within each kind of example (N,), averaged by their numbers.

    Where classes are common in one kind and rare in another, a guess by kind alone scores well over
    all examples together, and badly here. Within a kind, the classes are those that occur there or
    are named there.
    """
    check(labels, logits)
    names, counts = np.unique(kinds, return_counts=True)
    parts = [macro_f1(labels[kinds == name], logits[kinds == name]) for name in names]
    return float(np.average(parts, weights=counts))


def auroc(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the chance that a random positive scores above a random negative (two classes).

    Raises:
        ValueError: there are not two classes, or only one is present in `labels`.
    """
    check(labels, logits)
    if logits.shape[1] != 2 or len(np.unique(labels)) != 2:
        raise ValueError(
            f"AUROC compares two classes: found {logits.shape[1]} columns of scores and one class "
            f"only or too many in the labels {np.unique(labels).tolist()}. Use accuracy, or a "
            "test set with both classes."
        )
    return float(metrics.roc_auc_score(labels, logits[:, 1] - logits[:, 0]))


def check(labels: np.ndarray, logits: np.ndarray) -> None:
    """Check that there is one row of scores per label.

    Raises:
        ValueError: there is not, or there are none.
    """
    if logits.ndim != 2 or len(labels) != len(logits) or len(labels) == 0:
        raise ValueError(
            f"expected labels (N,) and scores (N, classes), found shapes {np.shape(labels)} and "
            f"{logits.shape}. Pass logits or probabilities, not predicted labels."
        )
