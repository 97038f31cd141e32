"""The beginning of many texts, read once: all that follows attends to its keys and values."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from companion.data.examples import Padded, pad
from companion.models.blocks import Blocks


@dataclass(frozen=True)
class Prefix:
    """What each layer made of P tokens: keys and values (1, heads, P, D); empty for no tokens."""

    length: int = 0
    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)


class Reader:
    """Stands where a layer expects its cache, and notes the keys and values that pass."""

    def __init__(self) -> None:
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Note the keys and values (1, heads, P, D) of a layer, and return them."""
        self.keys.append(keys)
        self.values.append(values)
        return keys, values


class Joiner:
    """Stands where a layer expects its cache, and puts a prefix before each text of a batch.

    Nothing is written to the prefix, so that any number of batches can share it. The caches of
    transformers grow in place, and are copied and cropped differently from version to version.
    """

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values (B, heads, P + T, D) from those of the texts (B, heads, T, D)."""
        before = (self.prefix.keys[layer], self.prefix.values[layer])
        return tuple(
            torch.cat([old.expand(len(new), -1, -1, -1), new], dim=2)
            for old, new in zip(before, (keys, values), strict=True)
        )


@torch.no_grad()
def read_prefix(model: Blocks, ids: Sequence[int]) -> Prefix:
    """Return what the layers of a causal network make of the tokens `ids` (P,).

    Raises:
        ValueError: they are more than the network's window holds.
    """
    if len(ids) == 0:
        return Prefix()
    check_window(model, len(ids))
    reader = Reader()
    x = Padded(torch.tensor([ids], device=place_of(model)), torch.tensor([len(ids)]))
    run_layers(model, x, Prefix(), reader, None)
    return Prefix(len(ids), reader.keys, reader.values)


@torch.no_grad()
def next_token_log_probabilities(
    model: Blocks,
    prefix: Prefix,
    rows: Sequence[Sequence[int]],
    last: int = 1,
    seen: np.ndarray | None = None,
) -> torch.Tensor:
    """Return log-probabilities (B, last, vocabulary) of the tokens after the end of each row.

    `rows` are token ids that follow `prefix`. The entry [i, -1] belongs to the token after the
    whole of row i, [i, -2] to the row's own last token, and so on. `seen` (P,) says which tokens of
    the prefix may be attended to; None: all. Numbers of earlier tokens stay as they are.

    Raises:
        ValueError: prefix and row are more than the network's window holds.
    """
    lengths = torch.tensor([len(row) for row in rows])
    check_window(model, prefix.length + int(lengths.max()))
    flat = torch.tensor([i for row in rows for i in row])
    x = pad(flat, lengths)
    x = Padded(x.values.to(place_of(model)), x.lengths)
    cache = Joiner(prefix) if prefix.length else None
    out = run_layers(model, x, prefix, cache, mask_of(x, prefix, seen))
    places = (lengths[:, None] + torch.arange(-last, 0)).clamp_min(0).to(out.device)
    ends = out.gather(1, places[..., None].expand(-1, -1, out.shape[-1]))
    return model.layers[-1](ends).float().log_softmax(dim=-1)


def run_layers(
    model: Blocks,
    x: Padded,
    prefix: Prefix,
    cache: Reader | Joiner | None,
    mask: torch.Tensor | None,
) -> torch.Tensor:
    """Run the layers between the embeddings and the head on ids (B, T), to vectors (B, T, D)."""
    vectors = model.layers[0](x).values
    places = prefix.length + torch.arange(vectors.shape[1], device=vectors.device)[None]
    for block in model.layers[1:-1]:
        turns = block.rotary(vectors, places)
        vectors = block.net(
            vectors,
            attention_mask=mask,
            position_embeddings=turns,
            position_ids=places,
            **{cache_word(block.net): cache},
        )
        # Before version 5 of transformers a layer returns a tuple.
        vectors = vectors[0] if isinstance(vectors, tuple) else vectors
    return vectors


def cache_word(layer: torch.nn.Module) -> str:
    """Return what a layer calls its cache: "cache" since version 5.24 of transformers."""
    words = inspect.signature(layer.forward).parameters
    return "cache" if "cache" in words else "past_key_values"


def mask_of(x: Padded, prefix: Prefix, seen: np.ndarray | None) -> torch.Tensor:
    """Return who may attend (1, 1, T, P + T) to whom: the prefix as `seen`, then what was before.

    Padding stands at the end, so no token of a text attends to it.
    """
    width = x.values.shape[1]
    own = torch.ones(width, width, dtype=torch.bool).tril()
    before = torch.ones(prefix.length, dtype=torch.bool)
    if seen is not None:
        before = torch.from_numpy(np.asarray(seen, dtype=bool))
    mask = torch.cat([before.expand(width, -1), own], dim=1)
    return mask[None, None].to(x.device)


def check_window(model: Blocks, tokens: int) -> None:
    """Refuse a text that is longer than what the network was trained on.

    Raises:
        ValueError: it is.
    """
    window = model.layers[0].positions
    if tokens > window:
        raise ValueError(
            f"the prompt has {tokens:,} tokens, and {model.name} reads at most {window:,}. Use "
            "fewer or shorter demonstrations."
        )


def place_of(model: Blocks) -> torch.device:
    """Return where the network is."""
    return next(model.parameters()).device
