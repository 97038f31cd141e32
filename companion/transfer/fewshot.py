"""Learning from a few examples per class: episodes, prototypes, neighbours, contrast.

Nothing here knows what a picture or a text is: features and labels are all there is.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from companion.data.examples import Batch, Fetch
from companion.models.blocks import Blocks
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import Order, check_order
from companion.transfer.predict import vectors


class Episode(NamedTuple):
    """Ids of the examples that teach (ways * shots,) and that ask (ways * queries,)."""

    support: np.ndarray
    queries: np.ndarray


def draw_episode(
    labels: np.ndarray,
    pool: np.ndarray,
    *,
    ways: int,
    shots: int,
    queries: int,
    seed: int,
    ask_from: np.ndarray | None = None,
) -> Episode:
    """Return `shots` and `queries` examples of each of `ways` classes of `pool`.

    No example is in both parts (Vinyals et al. 2016). Queries come from `ask_from`, where examples
    of one origin, such as cells of one module, must not be on both sides; None: from the pool.

    Raises:
        ValueError: fewer classes than `ways`, or a drawn class has too few examples.
    """
    rng, pool = np.random.default_rng(seed), np.asarray(pool)
    other = pool if ask_from is None else np.asarray(ask_from)
    classes = np.unique(labels[pool])
    if not 2 <= ways <= len(classes):
        raise ValueError(
            f"expected 2 to {len(classes)} ways, the classes of the pool, found {ways}."
        )
    support, asked = [], []
    for c in rng.choice(classes, ways, replace=False):
        taught = rng.permutation(pool[labels[pool] == c])[:shots]
        left = rng.permutation(np.setdiff1d(other[labels[other] == c], taught))[:queries]
        if len(taught) < shots or len(left) < queries:
            raise ValueError(
                f"class {c} has {len(taught)} of {shots} shots in the pool, and {len(left)} of "
                f"{queries} queries beside them. Ask for fewer."
            )
        support.append(taught)
        asked.append(left)
    return Episode(np.concatenate(support), np.concatenate(asked))


def units(features: np.ndarray) -> np.ndarray:
    """Return features (N, F), each brought to length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def prototypes(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean unit feature of each class (C, F), and the classes (C,).

    Source: Snell et al. 2017, with directions in place of distances.

    Raises:
        ValueError: one class only.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"prototypes need at least two classes, found one class only: {classes}. Draw "
            "per class."
        )
    directions = units(features)
    return np.stack([directions[labels == c].mean(axis=0) for c in classes]), classes


def nearest_prototype(features: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each of `asked` (Q, F) the class whose prototype has the most alike direction."""
    means, classes = prototypes(features, labels)
    return classes[(units(asked) @ units(means).T).argmax(axis=1)]


def nearest_neighbour(features: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each of `asked` (Q, F) the label of the example of the most alike direction."""
    return labels[(units(asked) @ units(features).T).argmax(axis=1)]


def contrast(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    upto: str | None = None,
    per_class: int = 4,
) -> list[dict]:
    """Train features so that examples of one class have one direction, others a right angle.

    The pairs are all those within a batch that holds `per_class` examples of each class, so that
    each example is run once per step and not once per pair. Source of the loss: SetFit, Tunstall et
    al. 2022. `model` ends in features (B, F).

    Raises:
        ValueError: as `balanced`, `freeze` and `fit` do.
    """
    freeze(model, upto)
    order = balanced(ids, fetch.targets(ids).cpu().numpy(), per_class, seed=config.seed)
    return fit(model, fetch, order, parameter_groups(model, rate), config, loss=contrast_loss)


def balanced(ids: np.ndarray, labels: np.ndarray, per_class: int, *, seed: int = 0) -> Order:
    """Return an order whose batches hold `per_class` examples of each class, all different.

    `labels` (N,) belong to `ids` (N,). An epoch shows each example of the smallest class once; the
    others are drawn anew in each epoch.

    Raises:
        ValueError: no ids, a number per class below 2, or a class with fewer examples.
    """
    ids, labels = check_order(ids, per_class), np.asarray(labels)
    classes, counts = np.unique(labels, return_counts=True)
    if per_class < 2 or counts.min() < per_class:
        raise ValueError(
            f"expected 2 to {counts.min()} examples of each class in a batch, as many as the "
            f"smallest class has, found {per_class}."
        )
    steps = int(counts.min()) // per_class

    def batches(epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((seed, epoch))
        rows = [rng.permutation(ids[labels == c])[: steps * per_class] for c in classes]
        return list(np.stack([row.reshape(steps, per_class) for row in rows], 1).reshape(steps, -1))

    return batches


def contrast_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return a batch's contrast, times the number of its examples, and that number.

    Of all pairs, the cosine of two features should be 1 within a class and 0 between classes. The
    squared errors of pairs within a class and between classes count half each.
    """
    found = F.normalize(vectors(model(batch.inputs, start=batch.start)).float(), dim=1)
    first, second = torch.triu_indices(len(found), len(found), offset=1, device=found.device)
    alike = batch.targets[first] == batch.targets[second]
    errors = ((found[first] * found[second]).sum(dim=1) - alike.float()) ** 2
    return (errors[alike].mean() + errors[~alike].mean()) / 2 * len(found), len(found)


contrast_loss.additive = False  # it compares the examples of a batch


def all_pairs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of all pairs within a class (P, 2) and between classes (Q, 2).

    The literal list that SetFit's sampler draws from, as many of each kind, without pairs of an
    example with itself: what `contrast_loss` takes the mean over.
    """
    places = np.array(list(combinations(range(len(labels)), 2)))
    alike = labels[places[:, 0]] == labels[places[:, 1]]
    return places[alike], places[~alike]
