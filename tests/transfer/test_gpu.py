"""What only a CUDA device can show; skipped, with a message, where there is none."""

import gc

import numpy as np
import pytest
import torch

from companion.data.augment import CELL_FLIPS
from companion.data.elpv import load_elpv
from companion.data.vision import PictureFetch
from companion.device import training_precision
from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import predict

pytestmark = pytest.mark.gpu
GPU = torch.device("cuda")
IDS = np.arange(256)


def network(name: str = "efficientnet_lite0", size: int = 126) -> torch.nn.Module:
    """Return a pretrained network with a head on the GPU."""
    return add_label_head(load_backbone(name, size=size, device=GPU), classes=2)


def losses(precision: str, name: str) -> list[float]:
    """Return the losses of 48 steps of full fine-tuning in one precision."""
    model = network(name)
    freeze(model, None)
    plan = FitConfig(epochs=3, progress=False, precision=precision)
    fetch, order = PictureFetch(load_elpv(), device=GPU), shuffled(IDS, 16)
    return [r["loss"] for r in fit(model, fetch, order, parameter_groups(model, 1e-4), plan)]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "vit_small_patch14_saliency"])
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_mixed_precision_learns_what_fp32_learns(name: str, precision: str) -> None:
    if precision == "bf16" and training_precision(GPU) != "bf16":
        pytest.skip("this GPU only emulates bf16")
    full, mixed = losses("no", name), losses(precision, name)
    assert np.isfinite(mixed).all()
    assert mixed[0] == pytest.approx(full[0], rel=0.02)
    assert np.mean(mixed[-16:]) == pytest.approx(np.mean(full[-16:]), rel=0.15)
    assert np.mean(mixed[-16:]) < np.mean(mixed[:16])


def test_a_real_out_of_memory_halves_the_micro_batch_and_keeps_the_losses() -> None:
    """The ViT has no BatchNorm: its batch may be cut. Memory is limited to what half needs."""
    fetch = PictureFetch(load_elpv(), device=GPU)
    plan = FitConfig(epochs=1, progress=False, precision="no")

    def train() -> list[float]:
        model = network("vit_small_patch14_saliency", 224)
        freeze(model, None)
        groups = parameter_groups(model, 1e-5)
        return [r["loss"] for r in fit(model, fetch, shuffled(IDS, 64), groups, plan)]

    torch.cuda.reset_peak_memory_stats()
    roomy = train()
    most = torch.cuda.max_memory_allocated()
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.75 * most / total)
    try:
        tight = train()
        assert torch.cuda.max_memory_allocated() <= most
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert tight == pytest.approx(roomy, rel=1e-3)


def test_augmentation_runs_on_the_device_and_equals_the_cpu_s() -> None:
    there, here = (PictureFetch(load_elpv(), CELL_FLIPS, device=d) for d in (GPU, "cpu"))
    batch = there(IDS[:32], epoch=3)
    assert batch.inputs.device.type == batch.targets.device.type == "cuda"
    assert torch.equal(batch.inputs.cpu(), here(IDS[:32], epoch=3).inputs)
    assert not torch.equal(batch.inputs, there(IDS[:32], epoch=4).inputs)


def test_activations_are_kept_on_the_gpu_and_train_to_the_same_losses() -> None:
    fetch, found = PictureFetch(load_elpv(), device=GPU), {}
    for way in ("cached", "uncached"):
        model = network()
        freeze(model, upto="block5")
        source = cached(fetch, model, IDS) if way == "cached" else fetch
        groups = parameter_groups(model, 1e-3)
        plan = FitConfig(epochs=2, progress=False)
        found[way] = [r["loss"] for r in fit(model, source, shuffled(IDS, 32), groups, plan)]
        if way == "cached":
            assert source(IDS[:4]).inputs.device.type == "cuda"
    assert found["cached"] == pytest.approx(found["uncached"], rel=1e-2)


def test_the_frozen_network_in_low_precision_answers_as_in_fp32() -> None:
    fetch = PictureFetch(load_elpv(), device=GPU)
    exact = load_backbone("efficientnet_lite0", device=GPU, frozen_dtype=torch.float32)
    answers = []
    for backbone in (network(size=224), add_label_head(exact, classes=2)):
        freeze(backbone, upto="pool")
        answers.append(predict(backbone, fetch, IDS[:64]))
    np.testing.assert_allclose(*answers, atol=0.05)
