"""The one shape in which every source of examples hands them to training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch


@dataclass(frozen=True)
class Padded:
    """Sequences of different lengths in one tensor: what lies past a length is padding.

    `values` (B, T, ...), `lengths` (B,), both on one device; T is the longest of them.
    """

    values: torch.Tensor
    lengths: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """True (B, T) where a sequence has a value."""
        places = torch.arange(self.values.shape[1], device=self.device)
        return places < self.lengths[:, None]

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self.values.device

    def float(self) -> Padded:
        """Return the same sequences in fp32."""
        return Padded(self.values.float(), self.lengths)

    def mean(self) -> torch.Tensor:
        """Return the mean (B, ...) of each sequence, padding left out."""
        mask = self.mask[..., None]
        return (self.values * mask).sum(dim=1) / self.lengths[:, None]

    def rows(self) -> torch.Tensor:
        """Return the values (sum of lengths, ...) one sequence after the other, without padding."""
        return self.values[self.mask]


def pad(rows: torch.Tensor, lengths: torch.Tensor, filler: int = 0) -> Padded:
    """Return sequences that lie one after the other in `rows` (sum of lengths, ...), padded."""
    parts = rows.split(lengths.tolist())
    values = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=filler)
    return Padded(values, lengths)


class Batch(NamedTuple):
    """Some examples on the device: inputs (B, ...), targets (B, ...) and their ids (B,).

    Sequences of different lengths come as one `Padded`.

    `start` is the block at which the inputs enter the network: 0 for raw examples, the boundary
    for activations that were stored there.
    """

    inputs: torch.Tensor | Padded
    targets: torch.Tensor
    ids: np.ndarray
    start: int = 0


class Fetch(Protocol):
    """A function from example ids (B,) to a batch; a random one also looks at the epoch.

    `digest` names the content it serves, `random` says whether two epochs can differ.
    """

    random: bool
    digest: str
    device: torch.device

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return these examples, varied by the epoch if one is given and the fetch is random."""
        ...

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the targets (B, ...) of these examples on the device, without their inputs."""
        ...

    def lengths(self, ids: np.ndarray) -> np.ndarray | None:
        """Return how long each example (B,) is, or None where all are alike."""
        ...
