"""Whether any part of a network was written to or replaced: cheap enough to ask for each batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

# Where a part of a module is held, under which name, the part, and of a tensor what changes when it
# is written to (its version) or given other memory.
Watched = tuple[dict, str, object, int | None, int | None]


def watch(layers: Iterable[nn.Module]) -> list[Watched]:
    """Return every part of some layers, as it is now; see `unchanged`."""
    watched: list[Watched] = []
    for module in (module for layer in layers for module in layer.modules()):
        for holder in (module._modules, module._parameters, module._buffers):
            watched += [(holder, name, part, *state_of(part)) for name, part in holder.items()]
    return watched


def state_of(part: object) -> tuple[int | None, int | None]:
    """Return the version of a tensor and where its memory is."""
    return (part._version, part.data_ptr()) if isinstance(part, torch.Tensor) else (None, None)


def unchanged(watched: list[Watched]) -> bool:
    """Return whether no part has been written to or replaced since."""
    for holder, name, part, version, place in watched:  # no calls: this runs at every step
        if holder.get(name) is not part:
            return False
        if version is not None and (part._version != version or part.data_ptr() != place):
            return False
    return True
