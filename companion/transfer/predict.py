"""What the model says: logits, features and scores, in eval mode and over whole sets at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from companion.data.examples import Fetch, Padded
from companion.data.splits import Split
from companion.models.blocks import Activations, Blocks
from companion.transfer.order import for_scoring, shard
from companion.transfer.processes import gather, team

# A metric takes the true labels (N,) and the logits (N, classes).
Metric = Callable[[np.ndarray, np.ndarray], float]


@torch.no_grad()
def predict(model: nn.Module, fetch: Fetch, ids: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """Return the logits (N, classes) for `ids` (N,), in their order, never augmented.

    While `fit` runs in several processes, each of them scores whole batches, so that the numbers
    are those of a single process, and all return the logits of all.
    """
    was_training = model.training
    model.eval()
    ids = np.asarray(ids)
    places = for_scoring(ids, fetch.lengths(ids), batch_size)
    mine = shard(places, team().rank, team().world)
    batches = (fetch(ids[part]) for part in mine)
    out = [model(batch.inputs, start=batch.start).float().cpu() for batch in batches]
    model.train(was_training)
    return in_order(gather(out), places)


@torch.no_grad()
def features(
    model: Blocks, fetch: Fetch, ids: np.ndarray, *, upto: str = "pool", batch_size: int = 64
) -> np.ndarray:
    """Return what leaves block `upto` for `ids` (N,), as (N, F): maps and tokens are averaged.

    All blocks up to there run as frozen ones do: eval mode, `frozen_dtype`, no augmentation.
    """
    stop = model.position(upto) + 1
    frozen, model.frozen = model.frozen, max(model.frozen, stop)
    ids = np.asarray(ids)
    places = for_scoring(ids, fetch.lengths(ids), batch_size)
    try:
        batches = (fetch(ids[part]) for part in places)
        out = [vectors(model(b.inputs, start=b.start, stop=stop)).cpu() for b in batches]
    finally:
        model.frozen = frozen
        model.train(model.training)  # the blocks above `frozen` were pinned in eval mode
    return in_order(out, places)


@torch.no_grad()
def features_by_block(
    model: Blocks, fetch: Fetch, ids: np.ndarray, *, batch_size: int = 64
) -> dict[str, np.ndarray]:
    """Return what leaves each block of `model` for `ids` (N,), as (N, F) by the block's name.

    One pass serves all blocks; they run as in `features`.
    """
    out: dict[str, list[torch.Tensor]] = {name: [] for name in model.names}
    frozen, model.frozen = model.frozen, len(model.names)
    ids = np.asarray(ids)
    places = for_scoring(ids, fetch.lengths(ids), batch_size)
    try:
        for part in places:
            x = fetch(ids[part]).inputs
            for i, name in enumerate(model.names):
                x = model(x, start=i, stop=i + 1)
                out[name].append(vectors(x).cpu())
    finally:
        model.frozen = frozen
        model.train(model.training)
    return {name: in_order(parts, places) for name, parts in out.items()}


def in_order(parts: list[torch.Tensor], places: list[np.ndarray]) -> np.ndarray:
    """Return the rows of all batches, each at its place."""
    return torch.cat(parts).numpy()[np.argsort(np.concatenate(places))]


def vectors(x: Activations) -> torch.Tensor:
    """Average maps (B, C, H, W) or tokens (B, T, D) to one vector each; leave (B, F) as it is."""
    if isinstance(x, Padded):
        return x.mean()
    if x.dim() == 4:
        return x.mean(dim=(2, 3))
    return x.mean(dim=1) if x.dim() == 3 else x


def scorer(fetch: Fetch, split: Split, metric: Metric) -> Callable[[nn.Module], float]:
    """Return a function that scores a model on the validation part of `split`, for choosing.

    The metric sees all examples at once and the model is in eval mode, so neither the size of the
    last batch nor BatchNorm's mode can change the score.

    Raises:
        TypeError: something else than a split is passed, such as the ids of the test part.
    """
    if not isinstance(split, Split):
        raise TypeError(
            f"expected a Split, found {type(split).__name__}: a scorer chooses between epochs and "
            "settings, and only the validation part may do that. Pass the split itself, and "
            "score the test part once, at the end, with test_score."
        )
    labels = fetch.targets(split.validation).cpu().numpy()
    return lambda model: float(metric(labels, predict(model, fetch, split.validation)))


def test_score(model: nn.Module, fetch: Fetch, split: Split, metric: Metric) -> float:
    """Return the score of a finished model on the test part of `split`.

    From then on `fit` refuses this model: a test that training goes on after is a validation.
    """
    labels = fetch.targets(split.test).cpu().numpy()
    model.judged_on = split.digest
    return float(metric(labels, predict(model, fetch, split.test)))


test_score.__test__ = False  # pytest would take it for a test


def refuse_judged(model: nn.Module) -> None:
    """Refuse to train a model whose test score is known.

    Raises:
        ValueError: it was scored by `test_score`.
    """
    if getattr(model, "judged_on", None):
        raise ValueError(
            f"this model was scored on the test part of split {model.judged_on}, and training it "
            "further would make that part a choice. Train a new model, and score it on validation "
            "until you are done."
        )
