"""Slices compose to the network, at every boundary of every family; others are refused by name."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from companion.models.blocks import Blocks
from companion.models.families import cut
from companion.models.vision import as_blocks, load_backbone
from tests.toys import FAMILIES, HALF, toy_model, toy_network


@pytest.mark.parametrize("family", FAMILIES)
def test_slices_compose_at_every_boundary(family: str) -> None:
    model = toy_model(family).eval()
    x = torch.randint(0, 256, (3, 1, 80, 80), dtype=torch.uint8)
    with torch.no_grad():
        whole = model(x)
        for boundary in range(1, len(model.layers)):
            piecewise = model(model(x, stop=boundary), start=boundary)
            assert torch.equal(piecewise, whole), model.names[boundary]


@pytest.mark.parametrize(
    "name, size",
    [
        ("resnet18", 64),
        ("resnet50", 64),
        ("tf_efficientnet_lite0", 64),
        ("efficientnet_b0", 64),
        ("vit_small_patch14_dinov2", 56),
        ("vit_tiny_patch16_224", 64),
        ("deit3_small_patch16_224", 64),
        ("vit_base_patch16_siglip_224", 64),  # pools by attention, so it is cut once
        ("mobilenetv3_small_100", 64),  # no family of its own: one boundary, after the features
    ],
)
def test_blocks_equal_the_plain_network(name: str, size: int) -> None:
    torch.manual_seed(0)
    options = {"img_size": size} if "vit" in name or "deit" in name else {}
    net = timm.create_model(name, num_classes=5, **options).eval()
    x = torch.rand(2, 3, size, size)
    with torch.no_grad():
        plain = net.forward_head(net.forward_features(x), pre_logits=True)
        blocks = as_blocks(
            net, name, mean=HALF, std=HALF, size=size, device="cpu", frozen_dtype=torch.float32
        )
        composed = blocks(x, start=1)  # past the preprocessing
    torch.testing.assert_close(composed, plain, rtol=1e-4, atol=1e-5)
    assert blocks.features == plain.shape[1]


def test_families_are_cut_where_their_stages_are() -> None:
    assert list(cut(toy_network("resnet"))) == [
        "stem", "layer1", "layer2", "layer3", "layer4", "pool",
    ]  # fmt: skip
    names = list(cut(toy_network("efficientnet")))
    assert names == ["stem", *(f"block{i}" for i in range(7)), "top", "pool"]
    names = list(cut(toy_network("vit")))
    assert names == ["embedding", *(f"block{i}" for i in range(12)), "norm", "pool"]


def test_a_learners_own_sequential() -> None:
    net = nn.Sequential()
    net.add_module("first", nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU()))
    net.add_module("second", nn.Sequential(nn.Conv2d(4, 8, 3, stride=2), nn.ReLU()))
    net.add_module("pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    blocks = as_blocks(net, "mine", mean=HALF, std=HALF, size=32, device="cpu")
    assert blocks.names == ["preprocess", "first", "second", "pool"]
    assert blocks.features == 8


def test_a_network_whose_slices_do_not_compose_is_refused() -> None:
    class Skips(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + 1

    net = Skips(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match="skips: its blocks, run one after the other, do not give"):
        as_blocks(net, "skips", mean=HALF, std=HALF, size=32, device="cpu")


def test_no_timm_network_and_no_sequential_is_refused_by_name() -> None:
    class Wild(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x).mean(dim=(2, 3))

    with pytest.raises(ValueError, match="Wild cannot be cut into blocks: expected a timm network"):
        as_blocks(Wild(), "wild", mean=HALF, std=HALF, size=32, device="cpu")


def test_untrained_twin_is_drawn_from_its_seed() -> None:
    def first_weights(seed: int) -> torch.Tensor:
        blocks = load_backbone(
            "resnet18", size=32, pretrained=False, seed=seed, frozen_dtype=torch.float32
        )
        return blocks.layers[1][0].weight.detach().cpu()

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(first_weights(1), first_weights(1))
    assert not torch.equal(first_weights(1), first_weights(2))
    assert torch.equal(torch.rand(1), expected)  # the caller's random state is left alone


def test_an_outer_autocast_does_not_change_frozen_outputs() -> None:
    model: Blocks = toy_model("efficientnet").eval()
    model.frozen = 4
    x = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = model(x, stop=4)
    assert torch.equal(inside, model(x, stop=4))
