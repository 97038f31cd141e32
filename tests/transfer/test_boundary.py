"""Cached equals uncached; a stale cache is refused; a full disk harms nothing."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from companion.data.augment import CELL_FLIPS
from companion.data.vision import PictureFetch
from companion.models.blocks import Blocks
from companion.transfer.boundary import CachedFetch, cached, fill
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from tests.toys import FAMILIES, state_hash, toy_model, toy_pictures

CPU = torch.device("cpu")
BOUNDARY = {"efficientnet": "block4", "resnet": "layer3", "vit": "block8"}
IDS = np.arange(80)


def fetch_toys(**options: object) -> PictureFetch:
    return PictureFetch(toy_pictures(80), device=CPU, **options)


def frozen(family: str) -> Blocks:
    model = toy_model(family, dropout=0.1)
    freeze(model, BOUNDARY[family])
    return model


def losses(model: Blocks, fetch: PictureFetch | CachedFetch, rate: float = 1e-3) -> list[float]:
    groups = parameter_groups(model, rate)
    config = FitConfig(epochs=1, progress=False)
    return [r["loss"] for r in fit(model, fetch, shuffled(IDS, 4, seed=3), groups, config)]


@pytest.mark.parametrize("family", FAMILIES)
def test_filled_in_the_training_batches_losses_are_bit_equal(family: str) -> None:
    uncached_model, cached_model = frozen(family), frozen(family)
    uncached = losses(uncached_model, fetch_toys())
    assert len(uncached) == 20
    assert losses(cached_model, cached(fetch_toys(), cached_model, IDS)) == uncached
    assert state_hash(cached_model) == state_hash(uncached_model)


@pytest.mark.parametrize("family", FAMILIES)
def test_filled_in_other_batches_losses_agree(family: str, tmp_path: Path) -> None:
    # Adam makes a whole step of the sign of a gradient that is nothing but rounding. So in an
    # untrained network, with BatchNorm over four pictures, the last bit of an activation is soon
    # one per cent of a loss at 1e-3, and on some processors 0.02 per cent at 1e-5.
    rate = 1e-6
    uncached = losses(frozen(family), fetch_toys(), rate)
    model = frozen(family)
    fetch = cached(fetch_toys(), model, IDS, folder=tmp_path / "store")
    fill(fetch, batch_size=32)
    assert fetch.store.filled.all()
    np.testing.assert_allclose(losses(model, fetch, rate), uncached, rtol=1e-4)


def test_a_folder_serves_the_next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = frozen("resnet")
    first = cached(fetch_toys(), model, IDS, folder=tmp_path / "store")
    fill(first)
    expected = first(np.array([3, 1])).inputs
    again = cached(fetch_toys(), frozen("resnet"), IDS, folder=tmp_path / "store")
    monkeypatch.setattr(CachedFetch, "compute", None)  # nothing may be computed again
    assert torch.equal(again(np.array([3, 1])).inputs, expected)


def change_weights(model: Blocks) -> None:
    with torch.no_grad():
        model.layers[2][0].conv1.weight[0, 0, 0, 0] += 1e-3


def change_a_buffer(model: Blocks) -> None:
    model.layers[1][1].running_mean += 1e-3


def replace_weights(model: Blocks) -> None:
    conv = model.layers[1][0]
    conv.weight = torch.nn.Parameter(conv.weight.detach() * 2, requires_grad=False)


def move_weights(model: Blocks) -> None:
    model.layers[1][0].weight.data = model.layers[1][0].weight.detach() * 2


def change_size(model: Blocks) -> None:
    model.layers[0].size = 96


def change_mean(model: Blocks) -> None:
    model.layers[0].mean += 1


def change_format(model: Blocks) -> None:
    model.frozen_dtype = torch.bfloat16


CHANGES = {
    change_weights: "weights",
    change_a_buffer: "weights",
    replace_weights: "weights",
    move_weights: "weights",
    change_size: "preprocessing",
    change_mean: "preprocessing",
    change_format: "dtype",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_a_stale_cache_raises_in_use_and_from_its_folder(change, tmp_path: Path) -> None:
    model = frozen("resnet")
    fetch = cached(fetch_toys(), model, IDS, folder=tmp_path / "store")
    fetch(IDS[:4])
    change(model)
    stale = rf"are stale: [\w, ]*{CHANGES[change]}[\w, ]* changed since .* Make a new cache"
    with pytest.raises(ValueError, match=stale):
        fetch(IDS[:4])
    with pytest.raises(ValueError, match=stale):
        cached(fetch_toys(), model, IDS, folder=tmp_path / "store")


def test_other_examples_make_a_folder_stale(tmp_path: Path) -> None:
    model = frozen("resnet")
    cached(fetch_toys(), model, IDS, folder=tmp_path / "store")(IDS[:4])
    with pytest.raises(ValueError, match="are stale: examples changed"):
        cached(fetch_toys(), model, IDS[::-1], folder=tmp_path / "store")
    other = PictureFetch(toy_pictures(80, seed=1), device=CPU)
    with pytest.raises(ValueError, match="are stale: examples changed"):
        cached(other, model, IDS, folder=tmp_path / "store")


def test_writing_the_same_values_keeps_a_cache() -> None:
    model = frozen("resnet")
    fetch = cached(fetch_toys(), model, IDS)
    before = fetch(IDS[:4]).inputs
    model.load_state_dict(model.state_dict())
    assert torch.equal(fetch(IDS[:4]).inputs, before)


def test_thawing_below_the_boundary_is_refused() -> None:
    model = frozen("resnet")
    fetch = cached(fetch_toys(), model, IDS)
    freeze(model, "layer1")
    with pytest.raises(ValueError, match="holds the output of 5 frozen blocks, but now only 3"):
        fetch(IDS[:4])


def test_random_augmentation_is_refused_or_served_as_views() -> None:
    model = frozen("resnet")
    augmented = fetch_toys(augment=CELL_FLIPS)
    with pytest.raises(ValueError, match="augments at random, so one stored activation cannot"):
        cached(augmented, model, IDS)
    fetch = cached(augmented, model, IDS, views=2)
    fill(fetch)
    views = [fetch(IDS, epoch=epoch).inputs for epoch in range(4)]
    assert torch.equal(views[0], views[2]) and torch.equal(views[1], views[3])
    assert not torch.equal(views[0], views[1])
    direct = model(augmented(IDS, epoch=1).inputs, stop=model.frozen)
    torch.testing.assert_close(views[1], direct, rtol=1e-4, atol=1e-5)
    plain = model(fetch_toys()(IDS).inputs, stop=model.frozen)  # validation sees no augmentation
    torch.testing.assert_close(fetch(IDS).inputs, plain, rtol=1e-4, atol=1e-5)


def test_activations_too_large_for_memory_go_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    model = frozen("resnet")
    expected = cached(fetch_toys(), model, IDS)(IDS).inputs
    monkeypatch.setattr("companion.transfer.boundary.SHARE_OF_FREE_MEMORY", 0.0)
    fetch = cached(fetch_toys(), model, IDS)
    assert torch.equal(fetch(IDS).inputs, expected)
    assert (fetch.folder / "activations.bin").stat().st_size == expected.numel() * 4


FULL_DISK = """
import sys, numpy as np
from pathlib import Path
from companion.transfer.boundary import cached, fill
from tests.transfer.test_boundary import IDS, fetch_toys, frozen
disk = Path(sys.argv[1])
small, large = frozen("resnet"), frozen("resnet")
from companion.transfer.freeze import freeze
freeze(small, "pool"); freeze(large, "stem")
kept = cached(fetch_toys(), small, IDS, folder=disk / "small")
fill(kept)
before = kept(IDS).inputs.clone()
try:
    fill(cached(fetch_toys(), large, IDS, folder=disk / "large"))
except OSError as error:
    print(error)
else:
    sys.exit("the disk was not full")
assert sorted(p.name for p in disk.iterdir()) == ["small"], list(disk.iterdir())
again = cached(fetch_toys(), small, IDS, folder=disk / "small")
assert again.store.filled.all() and (again(IDS).inputs == before).all()
print("still usable")
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="expected unshare, to mount a small disk")
def test_disk_full_while_caching_leaves_what_is_there(tmp_path: Path, root: Path) -> None:
    script = tmp_path / "full.py"
    script.write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {disk} && exec {sys.executable} {script} {disk}"
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount],
        capture_output=True, text=True, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    if "mount" in ran.stderr and "permi" in ran.stderr.lower():
        pytest.skip("mounting a small disk is not permitted here")
    assert ran.returncode == 0, ran.stderr
    assert "MB are free. Pass a folder on another disk" in ran.stdout
    assert "still usable" in ran.stdout


CELLS = 64  # two batches; what ten epochs cost grows with the cells, and their ratio does not


@pytest.mark.alone
@pytest.mark.slow
def test_ten_head_only_epochs_are_eight_times_faster(measured: Callable[[str], None]) -> None:
    from companion.experiments.head_only_speed import run, specs

    # At the cells' own size, and without what a long session leaves for the garbage collector to
    # walk through at the end of each fit: what is constant weighs least so.
    gc.collect()
    gc.freeze()
    try:
        rows = [run(spec | {"size": 300, "cells": CELLS}) for spec in specs(5)]
    finally:
        gc.unfreeze()
    scores = [row["scores"] for row in rows]
    ratio = float(np.median([s["times faster"] for s in scores]))
    times = [(s["seconds uncached"], s["seconds cached"]) for s in scores]
    measured(f"ten head-only epochs, {CELLS} cells: {ratio:.1f} times faster (median); {times}")
    assert all(s["loss cached"] == pytest.approx(s["loss uncached"], rel=1e-4) for s in scores)
    assert ratio >= 8
