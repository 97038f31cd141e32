"""The embedded weights are what they claim, and preprocessing does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data as pictures
from sklearn.model_selection import GroupShuffleSplit
from torch import nn

from companion.data.elpv import load_elpv
from companion.data.splits import split_by_example
from companion.data.vision import PictureFetch
from companion.device import Format, fastest_format
from companion.evidence.intervals import t_interval
from companion.evidence.metrics import accuracy, auroc
from companion.models.vision import Preprocess, create_network, load_backbone
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe

# ImageNet-1k numbers of the classes that scikit-image's pictures should be given.
EXPECTED = {"coffee": {967}, "camera": {872}, "chelsea": {281, 282, 285}}  # cats; tripod; espresso


def test_loading_and_timing_leave_the_weights_as_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timing runs the network on noise; with BatchNorm in train mode it would learn from it."""
    net = create_network("efficientnet_lite0", size=64, pretrained=True, seed=0)
    plain = list(net.state_dict().values())
    monkeypatch.setattr("companion.models.vision.cache_folder", lambda: tmp_path)
    monkeypatch.setattr("companion.models.vision.cached_file", lambda name: tmp_path / name)
    timed, remembered = (load_backbone("efficientnet_lite0", size=64) for _ in range(2))
    assert (tmp_path / "formats.json").exists()
    for backbone in (timed, remembered):
        loaded = list(backbone.layers[1:].state_dict().values())
        assert len(loaded) == len(plain) - 2  # all but the ImageNet classifier
        assert all(torch.equal(a.cpu(), b) for a, b in zip(loaded, plain, strict=False))


@pytest.mark.parametrize("name", EXPECTED)
def test_efficientnet_knows_scikit_images_pictures(name: str) -> None:
    net = create_network("efficientnet_lite0", size=224, pretrained=True, seed=0)
    picture = torch.from_numpy(np.ascontiguousarray(getattr(pictures, name)()))
    picture = picture.permute(2, 0, 1) if picture.dim() == 3 else picture[None]
    side = min(picture.shape[1:])
    top, left = (picture.shape[1] - side) // 2, (picture.shape[2] - side) // 2
    square = picture[None, :, top : top + side, left : left + side]
    prepare = Preprocess(224, (0.5,) * 3, (0.5,) * 3, channels_last=False)
    with torch.no_grad():
        shares = net(prepare(square)).softmax(dim=1)[0]
    assert int(shares.argmax()) in EXPECTED[name]
    assert shares[list(EXPECTED[name])].sum() > 0.8


def test_untrained_weights_do_not_know_them() -> None:
    net = create_network("tf_efficientnet_lite0", size=224, pretrained=False, seed=0)
    coffee = torch.from_numpy(np.ascontiguousarray(pictures.coffee())).permute(2, 0, 1)[None]
    prepare = Preprocess(224, (0.5,) * 3, (0.5,) * 3, channels_last=False)
    with torch.no_grad():
        assert net(prepare(coffee)).softmax(dim=1)[0, 967] < 0.05


def test_the_saliency_vit_equals_its_onnx_graph() -> None:
    """The graph's own arithmetic for block 0's attention, redone in numpy from the ONNX file."""
    onnx = pytest.importorskip("onnx")
    from onnx.numpy_helper import to_array

    from companion.data.assets import asset_path

    graph = onnx.load(asset_path("vit-small-saliency")).graph
    arrays = {item.name: to_array(item) for item in graph.initializer}
    nodes = {n.name: n.input[1] for n in graph.node if n.op_type == "MatMul"}
    backbone = load_backbone(
        "vit_small_patch14_saliency", size=56, device="cpu", frozen_dtype=torch.float32
    )
    block = backbone.layers[backbone.position("block3")]
    x = torch.randn(1, 5, 384, generator=torch.Generator().manual_seed(0))
    here = "/backbone/encoder/layer.3/"
    weight = arrays[nodes[here + "mlp/fc1/MatMul"]]
    bias = arrays["backbone.encoder.layer.3.mlp.fc1.bias"]
    with torch.no_grad():
        np.testing.assert_allclose(block.mlp.fc1(x), x.numpy() @ weight + bias, atol=1e-4)
        qkv = block.attn.qkv(x).numpy()
    for i, part in enumerate(("query", "key", "value")):
        weight = arrays[nodes[f"{here}attention/attention/{part}/MatMul"]]
        bias = arrays[f"backbone.encoder.layer.3.attention.attention.{part}.bias"]
        expected = x.numpy() @ weight + bias
        np.testing.assert_allclose(qkv[..., 384 * i : 384 * (i + 1)], expected, atol=1e-4)


def test_preprocessing_resizes_and_normalises_grey_and_colour_alike() -> None:
    prepare = Preprocess(32, (0.5,) * 3, (0.25,) * 3, channels_last=True)
    grey = torch.full((2, 1, 50, 40), 255, dtype=torch.uint8)
    out = prepare(grey)
    assert out.shape == (2, 3, 32, 32) and out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, torch.full_like(out, 2.0))  # (1 - 0.5) / 0.25
    torch.testing.assert_close(prepare(grey.expand(-1, 3, -1, -1).float()), out)


def test_the_format_is_measured_once_and_remembered(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    x, memo = torch.rand(4, 3, 32, 32), tmp_path / "formats.json"
    first = fastest_format(net, x, memo=memo, key="net")
    known = json.loads(memo.read_text())
    (key,) = known
    assert "threads" in key and first.dtype in (torch.float32, torch.bfloat16)
    known[key] |= {"channels_last": not first.channels_last, "dtype": "bfloat16"}
    memo.write_text(json.dumps(known))
    again = fastest_format(net, x, memo=memo, key="net")
    assert again == Format(not first.channels_last, torch.bfloat16)  # read, not measured


@pytest.fixture(scope="module")
def elpv_features() -> np.ndarray:
    cells = load_elpv()
    backbone = load_backbone("efficientnet_lite0", size=160)
    return features(backbone, PictureFetch(cells), np.arange(len(cells)))


# assets.md's first look, five splits: accuracy and AUROC with the standard deviation over splits.
@pytest.mark.slow
@pytest.mark.parametrize(
    "how, splits, wanted", [("cell", 5, (0.854, 0.902)), ("module", 20, (0.82, 0.85))]
)
def test_the_linear_probe_reaches_its_first_look(
    how: str, splits: int, wanted: tuple, elpv_features: np.ndarray, measured: Callable
) -> None:
    cells = load_elpv()
    strata = np.char.add(cells.kinds, cells.labels.astype(str))
    rows = []
    for seed in range(splits):
        if how == "cell":
            test = split_by_example(strata, seed=seed).test
        else:  # a quarter of all modules, whatever their type, as the first look drew them
            modules = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
            test = next(modules.split(strata, groups=cells.groups))[1]
        train = np.setdiff1d(np.arange(len(cells)), test)  # nothing is chosen, so no validation
        probe = linear_probe(elpv_features[train], cells.labels[train])
        shares = probe.predict_proba(elpv_features[test])
        truth = cells.labels[test]
        rows.append((accuracy(truth, shares), auroc(truth, shares)))
    found = [t_interval(column) for column in np.array(rows).T]
    measured(f"probe by {how}, {splits} splits: accuracy {found[0]}, AUROC {found[1]}")
    # Within noise of another five splits: their mean is as uncertain as that of five of these.
    for interval, value, column in zip(found, wanted, np.array(rows).T, strict=True):
        noise = 2 * column.std(ddof=1) * (1 / 5 + 1 / splits) ** 0.5
        assert interval.mean > value - max(noise, 0.01)
