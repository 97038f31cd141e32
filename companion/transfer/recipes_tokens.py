"""Recipe for heads that speak of tokens: tags of words, and spans that answer questions."""

from __future__ import annotations

import numpy as np

from companion.data.examples import Fetch
from companion.models.blocks import Blocks
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_length
from companion.transfer.step import Loss

BATCH = 16  # texts or windows in a step


def fine_tune_tokens(
    model: Blocks,
    fetch: Fetch,
    ids: np.ndarray,
    config: FitConfig,
    *,
    loss: Loss,
    rate: float,
    upto: str | None = None,
) -> list[dict]:
    """Train all blocks above `upto`, or all there are, with `tag_loss` or `span_loss`.

    As for labels (Devlin et al. 2019): only the head and its loss differ. Where a part stays
    frozen, it runs once per text and is cached.

    Raises:
        ValueError: as `freeze`, `parameter_groups` and `fit` do.
    """
    freeze(model, upto)
    source = cached(fetch, model, ids) if upto else fetch
    order = by_length(ids, fetch.lengths(ids), BATCH, seed=config.seed)
    return fit(model, source, order, parameter_groups(model, rate), config, loss=loss)
