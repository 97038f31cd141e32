"""Picture backbones: from installed packages, from the hub, untrained, or the learner's own."""

from __future__ import annotations

import difflib
from pathlib import Path

import timm
import torch
from torch import nn
from torchvision.transforms.v2 import functional as TF

from companion.data.assets import ASSETS, asset_path
from companion.data.cache import build_once, cache_folder, cached_file
from companion.device import Format, default_device, fastest_format
from companion.models.blocks import Blocks, check_slices
from companion.models.families import cut
from companion.models.from_hub import hub_network
from companion.models.onnx_vit import convert_saliency_vit

# name -> (asset, timm architecture). The timm name is what an untrained twin is made from.
EMBEDDED = {
    "efficientnet_lite0": ("efficientnet-lite0", "tf_efficientnet_lite0"),
    "vit_small_patch14_saliency": ("vit-small-saliency", "vit_small_patch14_dinov2"),
}


UNTRAINED = " (untrained)"


class Preprocess(nn.Module):
    """Block 0: pictures of any size, 0 to 255, to what the network was trained on.

    Grey pictures are repeated to three channels. The whole picture is kept: it is resized to
    `size` x `size` pixels, without a crop.
    """

    def __init__(
        self, size: int, mean: tuple[float, ...], std: tuple[float, ...], channels_last: bool
    ) -> None:
        super().__init__()
        self.size = size
        self.channels_last = channels_last
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (B, 1 or 3, H, W), uint8 or 0..255, to (B, 3, size, size) floats.

        Raises:
            ValueError: the pictures have another number of channels or of dimensions.
        """
        if x.dim() != 4 or x.shape[1] not in (1, 3):
            raise ValueError(
                f"expected pictures of shape (B, 1, H, W) or (B, 3, H, W), found {tuple(x.shape)}. "
                "Drop an alpha channel, and put the channels before height and width."
            )
        x = x.float()
        if x.shape[-2:] != (self.size, self.size):
            x = TF.resize(x, [self.size, self.size], TF.InterpolationMode.BICUBIC, antialias=True)
        x = (x.clamp(0, 255) - self.mean) / self.std  # a grey picture becomes (B, 3, ...) here
        return x.contiguous(memory_format=self.layout)

    @property
    def layout(self) -> torch.memory_format:
        """The memory layout in which the network was fastest when it was loaded."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def extra_repr(self) -> str:
        """Say what decides the output: this text is part of a cache's fingerprint."""
        mean, std = self.mean.flatten().tolist(), self.std.flatten().tolist()
        return (
            f"size={self.size}, mean={mean}, std={std}, bicubic, channels_last={self.channels_last}"
        )


def load_backbone(
    name: str,
    *,
    size: int = 224,
    pretrained: bool = True,
    seed: int = 0,
    device: torch.device | str | None = None,
    frozen_dtype: torch.dtype | None = None,
) -> Blocks:
    """Return a picture network as blocks in eval mode, from "preprocess" to features (B, F).

    `name` is "efficientnet_lite0" or "vit_small_patch14_saliency", whose weights come from
    installed packages; or any timm name, such as "resnet50", whose weights come from the hub, or
    are drawn from `seed` with `pretrained=False`.
    `size` is the side of the square the pictures are resized to, in pixels. `frozen_dtype` is the
    number format of frozen blocks; None measures once which format is fastest on this machine.

    Raises:
        ValueError: an unknown name, a network that cannot be cut, or one without weights anywhere.
        AssetError: the package that carries the weights is missing or damaged.
        HubError: the weights could not be had from the hub, or are damaged.
    """
    net = create_network(name, size=size, pretrained=pretrained, seed=seed)
    config = timm.data.resolve_data_config({}, model=net)
    return as_blocks(
        net,
        name if pretrained else name + UNTRAINED,
        mean=config["mean"],
        std=config["std"],
        size=size,
        device=device,
        frozen_dtype=frozen_dtype,
    )


def create_network(name: str, *, size: int, pretrained: bool, seed: int) -> nn.Module:
    """Return the plain timm network called `name`, with pretrained or with random weights."""
    asset, architecture = EMBEDDED.get(name, (None, name))
    if architecture.partition(".")[0] not in timm.list_models():
        raise ValueError(unknown_backbone(name))
    options = {"img_size": size} if architecture.startswith("vit_") else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if pretrained and asset is None:
            return hub_network(name, options).eval()
        net = timm.create_model(architecture, pretrained=False, **options)
    if pretrained:
        load_embedded_weights(net, asset)
    return net.eval()


def unknown_backbone(name: str) -> str:
    """Return the message for a backbone that neither the companion nor timm knows."""
    known = list(dict.fromkeys([*EMBEDDED, *timm.list_models()]))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    nearest = f"Nearest: {', '.join(near)}." if near else "Nothing is spelled like it."
    return (
        f"there is no backbone {name!r}. {nearest} With weights: {', '.join(EMBEDDED)}; "
        "with weights from the hub, or untrained: any name in timm.list_models()."
    )


def load_embedded_weights(net: nn.Module, asset: str) -> None:
    """Copy the weights of an installed package into a timm network of the same architecture."""
    path = asset_path(asset)
    if asset == "efficientnet-lite0":
        # Same tensors, order and shapes as timm's; only the names differ.
        found = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(zip(net.state_dict(), found.values(), strict=True))
    else:
        state = saliency_state(path, net)
    net.load_state_dict(state)


def saliency_state(path: Path, net: nn.Module) -> dict[str, torch.Tensor]:
    """Return the saliency ViT's weights for `net`, its positions resampled to the net's grid."""
    from safetensors.torch import load_file
    from timm.layers import resample_abs_pos_embed

    key = ASSETS["vit-small-saliency"].sha256
    converted = build_once("vit-small-saliency", lambda out: convert_saliency_vit(path, out), key)
    state = load_file(converted)
    grid = net.patch_embed.grid_size
    state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], list(grid), num_prefix_tokens=1)
    return state


def as_blocks(
    net: nn.Module,
    name: str,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    size: int = 224,
    device: torch.device | str | None = None,
    frozen_dtype: torch.dtype | None = None,
) -> Blocks:
    """Return a learner's own network as blocks, after a block "preprocess" with this mean and std.

    `net` is a timm network, or an `nn.Sequential` that maps pictures (B, 3, size, size) to
    features (B, F). `mean` and `std` are per channel, of values from 0 to 1.

    Raises:
        ValueError: the network cannot be cut into blocks that compose to it.
    """
    net = net.eval().to(device or default_device())
    device = next(net.parameters()).device
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    layers = cut_and_check(net, name, x)
    plain = nn.Sequential(*layers.values()).eval()  # or BatchNorm would learn from the noise in x
    # An untrained twin is as fast as the pretrained network, so they share one timing.
    key = f"{name.removesuffix(UNTRAINED)} {size}"
    chosen = choose_format(plain, x, key, frozen_dtype)
    with torch.no_grad():
        features = plain(x)
    if features.dim() != 2:
        raise ValueError(
            f"{name} ends in an output of shape {tuple(features.shape)}, expected features (B, F). "
            "End the nn.Sequential in nn.AdaptiveAvgPool2d(1) and nn.Flatten()."
        )
    preprocess = Preprocess(size, tuple(mean), tuple(std), chosen.channels_last).to(device)
    blocks = {"preprocess": preprocess} | layers
    out = Blocks(blocks, name, features=features.shape[1], frozen_dtype=chosen.dtype)
    return out.to(memory_format=preprocess.layout).eval()


def cut_and_check(net: nn.Module, name: str, x: torch.Tensor) -> dict[str, nn.Module]:
    """Cut `net` into blocks and check on `x` that they compose to the network's own output."""
    with torch.no_grad():
        whole = net(x)
    # The classifier is set aside before the cut, since cutting takes the network apart.
    classifier = net.get_classifier() if hasattr(net, "get_classifier") else nn.Identity()
    layers = cut(net)
    check_slices(Blocks(layers | {"classifier": classifier}, name), whole, x)
    return layers


def choose_format(net: nn.Module, x: torch.Tensor, key: str, dtype: torch.dtype | None) -> Format:
    """Return the layout and number format for frozen blocks: measured, or with `dtype` as asked."""
    if dtype is not None:
        convolutions = sum(isinstance(m, nn.Conv2d) for m in net.modules())
        return Format(channels_last=convolutions > 1, dtype=dtype)  # a ViT has one, its patches
    pictures = x[:1].expand(8, -1, -1, -1).contiguous()
    memo = cached_file("formats.json")
    return fastest_format(net, pictures, memo=memo, key=key, keep=memo.parent == cache_folder())
