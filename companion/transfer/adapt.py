"""Further pre-training: a language model goes on learning from text of another domain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from companion.data.examples import Batch, Fetch
from companion.data.masking import MaskedFetch
from companion.data.tags import IGNORED
from companion.data.vision import digest_of
from companion.models.blocks import Blocks
from companion.models.heads import label_loss
from companion.models.language_heads import language_loss
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_tokens, for_scoring, shuffled
from companion.transfer.store import hash_weights

BATCH = 4096  # tokens in a step
WARM_RATE = 1e-3  # of a new head
HIDDEN_BATCH = 512  # hidden tokens in a step that warms a head
WARM_VIEWS = 2  # maskings of each sequence that a head is warmed on


def adapt(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float,
    batch_tokens: int = BATCH,
    checkpoint: Path | str | None = None,
) -> list[dict]:
    """Train all of a language model further on the sequences `ids` (Gururangan et al. 2020).

    A masked network learns from a `MaskedFetch`, a causal one from a `NextTokenFetch`. Steps hold
    about `batch_tokens` tokens each, so that corpora of equal size cost equal steps.

    Raises:
        ValueError: as `by_tokens` and `fit` do.
    """
    freeze(model, None)
    order = by_tokens(ids, fetch.lengths(ids), batch_tokens, seed=config.seed)
    groups = parameter_groups(model, rate)
    return fit(model, fetch, order, groups, config, loss=language_loss, checkpoint=checkpoint)


def warm_head(
    model: Blocks,
    fetch: MaskedFetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    rate: float = WARM_RATE,
    views: int = WARM_VIEWS,
) -> list[dict]:
    """Train a new head alone on the sequences `ids`, so that its losses speak of the network.

    The network below runs once for each of `views` maskings, and only what it makes of the hidden
    tokens is kept. Use text of every domain that will be compared, or the head favours one.
    """
    freeze(model, model.names[-2])
    hidden = hidden_tokens(model, fetch, ids, views)
    order = shuffled(np.arange(len(hidden.labels)), HIDDEN_BATCH, seed=config.seed)
    return fit(model, hidden, order, parameter_groups(model, rate), config, loss=label_loss)


@dataclass(frozen=True)
class HiddenTokens:
    """A fetch of what a frozen network makes of hidden tokens: `vectors` (N, D), `labels` (N,)."""

    vectors: torch.Tensor
    labels: torch.Tensor
    start: int  # the block that they enter
    digest: str
    random: bool = False

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return vectors (B, D) and the tokens that stood there (B,)."""
        return Batch(self.vectors[ids], self.labels[ids], np.asarray(ids), self.start)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the tokens that stood there (B,)."""
        return self.labels[ids]

    def lengths(self, ids: np.ndarray) -> None:
        """Return None: all are alike."""

    @property
    def device(self) -> torch.device:
        """Where the vectors are."""
        return self.vectors.device


@torch.no_grad()
def hidden_tokens(model: Blocks, fetch: MaskedFetch, ids: np.ndarray, views: int) -> HiddenTokens:
    """Run the frozen blocks of `model` on `views` maskings of the sequences `ids`, once each."""
    vectors, labels, stop = [], [], len(model.layers) - 1
    for view in range(views):
        for part in for_scoring(ids, fetch.lengths(ids), 32):
            batch = fetch(ids[part], epoch=view)
            wanted = batch.targets != IGNORED
            vectors.append(model(batch.inputs, stop=stop).values[wanted])
            labels.append(batch.targets[wanted])
    digest = digest_of(fetch.digest, hash_weights(model, stop), str(views))
    return HiddenTokens(torch.cat(vectors), torch.cat(labels), stop, digest)


@torch.no_grad()
def held_out_loss(model: Blocks, fetch: Fetch, ids: np.ndarray) -> float:
    """Return the mean loss in nats per token to be guessed, in eval mode.

    The masks of a `MaskedFetch` are the fixed ones: two networks guess the same tokens.
    """
    was_training = model.training
    model.eval()
    losses = [language_loss(model, fetch(ids[part])) for part in for_scoring(ids, None, 32)]
    model.train(was_training)
    return float(sum(float(loss) for loss, _ in losses) / sum(count for _, count in losses))


@torch.no_grad()
def pseudo_perplexity(model: Blocks, fetch: MaskedFetch, ids: np.ndarray) -> float:
    """Return exp of the mean loss over every token, each hidden alone (Salazar et al. 2020).

    A sequence of T tokens costs T passes: use a few dozen sequences.
    """
    was_training, total, count = model.training, 0.0, 0
    model.eval()
    for i in ids:
        loss, n = language_loss(model, fetch.one_by_one(int(i)))
        total, count = total + float(loss), count + n
    model.train(was_training)
    return math.exp(total / count)
