"""BatchNorms folded into frozen convolutions give the numbers of the blocks as they stand."""

from copy import deepcopy

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from companion.models.blocks import Blocks
from companion.models.folding import EvenSides, folded, pads_unevenly
from companion.models.vision import as_blocks, load_backbone
from companion.transfer.freeze import freeze

NAMES = ("efficientnet_lite0", "resnet18", "resnet50")


def with_statistics(model: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics and weights of its own: a new one changes nothing."""
    generator = torch.Generator().manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight, part.bias, part.running_mean):
                values.data.add_(0.1 * torch.randn(values.shape, generator=generator))
            part.running_var.mul_(1 + torch.rand(part.running_var.shape, generator=generator))
    return model


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> Blocks:
    pretrained = request.param == "efficientnet_lite0"
    found = load_backbone(request.param, size=64, pretrained=pretrained, frozen_dtype=torch.float32)
    return with_statistics(found).eval()


@pytest.fixture
def pictures() -> torch.Tensor:
    return 255 * torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def plain(model: Blocks, x: torch.Tensor) -> torch.Tensor:
    """Run the blocks one after the other as they stand: the slow reference."""
    for layer in model.layers:
        x = layer(x)
    return x


def test_a_folded_network_gives_the_plain_ones_numbers(model: Blocks, pictures) -> None:
    expected = plain(model, pictures)
    freeze(model, model.names[-2])
    torch.testing.assert_close(model(pictures), expected, rtol=1e-4, atol=1e-4)
    norms = [m for i in range(model.frozen) for m in model._as_frozen(i).modules()]
    assert not [m for m in norms if isinstance(m, nn.BatchNorm2d)]  # all of them were folded


def test_the_network_itself_stays_as_it_is(model: Blocks, pictures) -> None:
    before = deepcopy(model.state_dict())
    freeze(model, model.names[-2])
    model(pictures)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("how", ["written to", "replaced", "given other memory"])
def test_a_changed_weight_is_folded_anew(model: Blocks, pictures, how: str) -> None:
    freeze(model, model.names[-2])
    first = model(pictures)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    if how == "written to":
        norm.running_mean.add_(0.5)
    elif how == "replaced":
        norm.bias = nn.Parameter(norm.bias.detach() + 0.5, requires_grad=False)
    else:
        norm.bias.data = norm.bias.data + 0.5
    found = model(pictures)
    assert not torch.allclose(found, first, rtol=1e-3)
    torch.testing.assert_close(found, plain(model, pictures), rtol=1e-4, atol=1e-4)


def test_a_block_that_was_exchanged_runs_in_its_new_form(pictures) -> None:
    model = load_backbone("efficientnet_lite0", size=64, frozen_dtype=torch.float32)
    freeze(model, "top")
    model(pictures)
    model.layers[0] = deepcopy(model.layers[0])
    model.layers[0].std.mul_(2)
    torch.testing.assert_close(model(pictures), plain(model, pictures), rtol=1e-4, atol=1e-4)


def test_a_hook_sees_what_passes_through_a_frozen_block(pictures) -> None:
    model = load_backbone("efficientnet_lite0", size=64, frozen_dtype=torch.float32)
    freeze(model, "top")
    first, seen = model(pictures), []
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    handle = norm.register_forward_hook(lambda module, inputs, out: seen.append(out))
    torch.testing.assert_close(model(pictures), first, rtol=1e-4, atol=1e-4)
    assert len(seen) == 1
    handle.remove()
    assert torch.equal(model(pictures), first)


def test_thawed_blocks_run_as_they_stand_and_their_copies_are_let_go(pictures) -> None:
    model = load_backbone("efficientnet_lite0", size=64, frozen_dtype=torch.float32)
    freeze(model, "top")
    model(pictures)
    assert model._folded
    freeze(model, None)
    assert not model._folded
    assert torch.equal(model(pictures).detach(), plain(model, pictures))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("groups", [1, 6])
@pytest.mark.parametrize("sides", [(32, 32), (16, 24), (33, 32), (15, 15)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_padding_without_a_copy_gives_the_same(kernel, groups, sides, layout) -> None:
    conv = Conv2dSame(6, 12, kernel, stride=2, groups=groups).to(memory_format=layout)
    x = torch.randn(2, 6, *sides).contiguous(memory_format=layout)
    with torch.no_grad():
        torch.testing.assert_close(EvenSides(conv)(x), conv(x), rtol=1e-5, atol=1e-6)


def test_only_a_halving_convolution_pads_unevenly() -> None:
    assert pads_unevenly(Conv2dSame(3, 4, 3, stride=2))
    others = [
        Conv2dSame(3, 4, 3, stride=1),
        Conv2dSame(3, 4, 2, stride=2),
        Conv2dSame(3, 4, 3, stride=2, dilation=2),
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
    ]
    assert not any(map(pads_unevenly, others))


class Backwards(nn.Module):
    """A BatchNorm that stands behind a convolution in the list, and before it in the pass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x))


def test_only_known_modules_are_folded(pictures) -> None:
    own = with_statistics(nn.Sequential(Backwards(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))).eval()
    with torch.no_grad():
        torch.testing.assert_close(folded(own).copy(pictures), own(pictures), rtol=1e-4, atol=1e-3)
    assert isinstance(folded(own).copy[0].norm, nn.BatchNorm2d)
    assert isinstance(folded(own).copy[2], nn.Identity)


def test_nothing_is_copied_where_there_is_nothing_to_fold() -> None:
    layer = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    assert folded(layer).layer() is layer


def test_a_network_of_ones_own_is_folded_too(pictures) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    model = as_blocks(with_statistics(net).eval(), "own", mean=(0.5,) * 3, std=(0.5,) * 3, size=64)
    expected = plain(model, pictures)
    freeze(model, model.names[-2])
    torch.testing.assert_close(model(pictures), expected, rtol=1e-4, atol=1e-4)
