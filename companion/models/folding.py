"""Frozen convolutions as they run fastest: BatchNorm folded in, no copy made only to pad."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from timm.layers import Conv2dSame
from timm.models._efficientnet_blocks import ConvBnAct, DepthwiseSeparableConv, InvertedResidual
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from companion.models.watched import Watched, unchanged, watch

# In these a BatchNorm that stands behind a convolution is what the convolution's output goes to.
KNOWN = (
    nn.Sequential,
    ConvBnAct,
    DepthwiseSeparableConv,
    InvertedResidual,
    BasicBlock,
    Bottleneck,
)


@dataclass(frozen=True)
class Folded:
    """A block as it runs frozen: `copy`, made from the block `source` as its parts were then."""

    source: nn.Module
    copy: nn.Module
    modules: list[nn.Module]
    watched: list[Watched]

    def current(self, layer: nn.Module) -> bool:
        """Return whether `layer` is still what this was made from."""
        return layer is self.source and unchanged(self.watched)

    def layer(self) -> nn.Module:
        """Return what to run: the block itself where somebody looks into it with a hook."""
        hooked = any(m._forward_hooks or m._forward_pre_hooks for m in self.modules)
        return self.source if hooked else self.copy


def folded(layer: nn.Module) -> Folded:
    """Return `layer`, in eval mode, with each BatchNorm folded into the convolution before it.

    It is a copy, or the layer itself where there is nothing to fold. The output is the same to
    float order. Source: Jacob et al. 2018, who fold it before they round.
    """
    if not any(pairs(part) for part in layer.modules()):
        return Folded(layer, layer, [], [])
    copy = deepcopy(layer).eval().requires_grad_(False)
    for part in list(copy.modules()):
        for conv, norm in pairs(part):
            fold(part, conv, norm)
    return Folded(layer, copy, list(layer.modules()), watch([layer]))


def pairs(part: nn.Module) -> list[tuple[str, str]]:
    """Return the names of each convolution in `part` and of the BatchNorm behind it."""
    if type(part) not in KNOWN:
        return []
    children = list(part.named_children())
    return [
        (conv, norm)
        for (conv, first), (norm, second) in zip(children, children[1:], strict=False)
        if isinstance(first, nn.Conv2d)
        and isinstance(second, nn.BatchNorm2d)
        and second.running_mean is not None
    ]


def fold(part: nn.Module, conv: str, norm: str) -> None:
    """Fold one BatchNorm into its convolution; of timm's, the activation within it stays."""
    before, after = getattr(part, conv), getattr(part, norm)
    whole = fuse_conv_bn_eval(before, after)
    setattr(part, conv, EvenSides(whole) if pads_unevenly(whole) else whole)
    setattr(part, norm, getattr(after, "act", nn.Identity()))


def pads_unevenly(conv: nn.Conv2d) -> bool:
    """Return whether a convolution halves its input with one more row of padding at the end."""
    odd = all(size % 2 for size in conv.kernel_size)
    return isinstance(conv, Conv2dSame) and odd and (conv.stride, conv.dilation) == ((2, 2), (1, 1))


class EvenSides(nn.Module):
    """A halving convolution whose padding costs no copy where the sides of its input are even.

    TensorFlow's padding has one row and column more at the end than at the beginning. A kernel with
    a row and column of zeros before it makes both alike, and the output is the same.
    """

    def __init__(self, conv: Conv2dSame) -> None:
        super().__init__()
        self.conv = conv
        layout = torch.channels_last
        if conv.weight.is_contiguous():
            layout = torch.contiguous_format
        self.weight = F.pad(conv.weight, (1, 0, 1, 0)).contiguous(memory_format=layout)
        self.padding = tuple(size // 2 for size in conv.kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, D, H / 2, W / 2), rounded up."""
        if x.shape[-2] % 2 or x.shape[-1] % 2:
            return self.conv(x)
        groups = self.conv.groups
        return F.conv2d(x, self.weight, self.conv.bias, 2, self.padding, groups=groups)
