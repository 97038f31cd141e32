"""Networks through the hub: the weights that were served, and three ways to train them."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from companion.models.from_hub import hub_checkpoint
from tests.hub import clients
from tests.hub.conftest import Hub

# The networks of the lessons, at their full size: side of the pictures, boundary, rate.
NETWORKS = {
    "resnet50": (64, "layer3", 1e-3),
    "efficientnet_b0": (64, "block4", 1e-3),
    "vit_base_patch16_224.augreg2_in21k_ft_in1k": (32, "block9", 1e-4),
}


def random_checkpoint(name: str, path: Path) -> Path:
    """Write weights of the right shapes in fp16, drawn so that the signal neither dies nor bursts.

    timm's own drawing takes seconds for a ViT-B/16; this one takes half of one.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = timm.create_model(name).state_dict()
    drawn = {}
    for key, value in shapes.items():
        if not value.is_floating_point():
            drawn[key] = torch.zeros(value.shape, dtype=value.dtype)
        elif value.dim() > 1:
            drawn[key] = torch.empty(value.shape).normal_(0, 0.02, generator=generator).half()
        else:
            ones = key.endswith(("weight", "running_var"))
            drawn[key] = torch.full(value.shape, float(ones), dtype=torch.half)
    save_file(drawn, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_each_family_is_probed_and_fine_tuned_in_part_and_whole(hub: Hub, name: str) -> None:
    size, upto, rate = NETWORKS[name]
    served = random_checkpoint(name, hub.home / "model.safetensors")
    hub.add_model(hub_checkpoint(name).hf_hub_id, {"model.safetensors": served})
    done = hub.call(clients.train_three_ways, name, str(served), size, upto, rate)
    assert done["tensors"] > 100 and done["unlike"] == []  # the weights are those, all of them
    learning = [block for block in done["names"] if block not in ("preprocess", "pool")]
    above = learning[learning.index(upto) + 1 :]
    moved = {way: done[way]["moved"] for way in ("probe", "partial", "full")}
    assert moved == {"probe": ["head"], "partial": above, "full": learning}
    for way in ("partial", "full"):
        assert done[way]["losses"][-1] < done[way]["losses"][0]


def test_without_its_own_weights_a_network_is_refused_not_made_up(hub: Hub) -> None:
    other = random_checkpoint("resnet10t", hub.home / "model.safetensors")
    hub.add_model("timm/resnet18.a1_in1k", {"config.json": b"{}"})
    hub.add_model("timm/resnet34.a1_in1k", {"model.safetensors": other})
    hub.add_model("timm/resnet26.bt_in1k", {"model.safetensors": b"<html>"})
    missing, unfit, no_weights = hub.call(clients.refused, ["resnet18", "resnet34", "resnet26"])
    assert missing == (
        f"HubError: expected model.safetensors of the model timm/resnet18.a1_in1k, found that "
        f"{hub.url}/timm/resnet18.a1_in1k has no such file. Check the file's name and the revision."
    )
    assert unfit == (
        "HubError: expected the weights of resnet34 in model.safetensors of the model "
        f"timm/resnet34.a1_in1k, found that timm {timm.__version__} cannot load it: Error(s) in "
        "loading state_dict for ResNet: Update timm, or choose another tag."
    )
    assert no_weights.startswith(
        "HubError: expected the weights of resnet26 in model.safetensors of the model "
        f"timm/resnet26.bt_in1k, found that timm {timm.__version__} cannot load it: "
    )


def test_tags_are_known_and_wrong_ones_are_told() -> None:
    config = hub_checkpoint("resnet50.a1_in1k")
    assert config.hf_hub_id == "timm/resnet50.a1_in1k" and config.license == "apache-2.0"
    assert hub_checkpoint("resnet50").hf_hub_id == config.hf_hub_id
    with pytest.raises(ValueError, match="timm names no weights 'resnet50.x'. Expected one of "):
        hub_checkpoint("resnet50.x")
