"""A network as an ordered list of named blocks, with one forward through any slice of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import torch
from torch import nn

from companion.data.examples import Padded
from companion.models.folding import Folded, folded

Activations = torch.Tensor | Padded  # one tensor (B, ...), or sequences of different lengths


class Blocks(nn.Module):
    """A network cut into named blocks that run one after the other.

    Freezing, rate groups, caching and probing by depth all read this list. The first `frozen`
    blocks never change: they run in eval mode, without gradient, in the number format
    `frozen_dtype`, whatever mode the rest is in. Blocks above them that are `pinned` do not change
    either, but let the gradient through. `companion.transfer.freeze` sets both.
    """

    def __init__(
        self,
        blocks: Mapping[str, nn.Module],
        name: str,
        *,
        features: int = 0,
        frozen_dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.name = name
        self.features = features  # width F of the features (B, F) that the backbone ends in
        self.names = list(blocks)
        self.layers = nn.ModuleList(blocks.values())
        self.frozen = 0
        self.pinned: frozenset[int] = frozenset()  # positions
        self.frozen_dtype = frozen_dtype
        self._folded: dict[int, Folded] = {}  # frozen blocks as they run, by position

    def forward(self, x: Activations, start: int = 0, stop: int | None = None) -> Activations:
        """Run blocks `start` to `stop` (exclusive; None for the end) on `x`, a batch (B, ...)."""
        stop = len(self.layers) if stop is None else stop
        edge = min(max(self.frozen, start), stop)
        if start < edge:
            x = self._run_frozen(x, start, edge)
        for layer in self.layers[edge:stop]:
            x = layer(x)
        return x

    def _run_frozen(self, x: Activations, start: int, stop: int) -> Activations:
        """Run a slice of the frozen blocks; what leaves it is fp32."""
        low = self.frozen_dtype != torch.float32
        # Autocast is set here, on or off, so that an outer one cannot change frozen outputs.
        with torch.no_grad(), torch.autocast(x.device.type, self._autocast_dtype(), enabled=low):
            for i in range(start, stop):
                x = self._as_frozen(i)(x)
        return x.float()

    def _as_frozen(self, i: int) -> nn.Module:
        """Return block `i` as it runs frozen: in eval mode, BatchNorms folded where they can be."""
        layer = self.layers[i].eval()  # someone may have called train() on a part of it
        if i not in self._folded or not self._folded[i].current(layer):
            self._folded[i] = folded(layer)
        return self._folded[i].layer()

    def _autocast_dtype(self) -> torch.dtype:
        # Autocast checks its dtype even when it is off, and fp32 is not one that it accepts.
        return torch.bfloat16 if self.frozen_dtype == torch.float32 else self.frozen_dtype

    def forget_folded(self) -> None:
        """Let go of the copies in which blocks ran that are frozen no more."""
        self._folded = {i: copy for i, copy in self._folded.items() if i < self.frozen}

    def train(self, mode: bool = True) -> Blocks:
        """Set the mode of the blocks that train; frozen and pinned ones stay in eval mode."""
        self.training = mode
        for i, layer in enumerate(self.layers):
            if i >= self.frozen:
                layer.train(mode and i not in self.pinned)
        return self

    def position(self, block: str) -> int:
        """Return where the block called `block` stands, counted from 0.

        Raises:
            ValueError: no block has that name; the message lists the nearest ones.
        """
        if block not in self.names:
            near = difflib.get_close_matches(block, self.names, n=3, cutoff=0.3) or self.names
            raise ValueError(
                f"{self.name} has no block {block!r}. Nearest: {', '.join(near)}. "
                f"Its blocks, in order: {', '.join(self.names)}."
            )
        return self.names.index(block)


def check_slices(blocks: Blocks, whole: torch.Tensor, x: Activations) -> None:
    """Check that running the blocks one at a time on `x` gives `whole`, the network's own output.

    Raises:
        ValueError: they differ, so a boundary cut here would not be the network that was asked for.
    """
    with torch.no_grad():
        piecewise = x
        for i in range(len(blocks.layers)):
            piecewise = blocks(piecewise, start=i, stop=i + 1)
    if piecewise.shape != whole.shape or not torch.allclose(piecewise, whole, rtol=1e-4, atol=1e-5):
        raise ValueError(
            f"{blocks.name}: its blocks, run one after the other, do not give the network's own "
            "output, so it cannot be frozen or cached at a block. Use a ResNet, EfficientNet or "
            "VisionTransformer from timm, a bert, distilbert or roberta network, or an "
            "nn.Sequential of your own."
        )
