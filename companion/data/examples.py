"""The one shape in which every source of examples hands them to training."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch


class Batch(NamedTuple):
    """Some examples on the device: inputs (B, ...), targets (B, ...) and their ids (B,).

    `start` is the block at which the inputs enter the network: 0 for raw examples, the boundary
    for activations that were stored there.
    """

    inputs: torch.Tensor
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
