"""Pictures: decoded once, served in batches, augmented one by one and never in validation."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from companion.data.augment import CELL_FLIPS, Augment, augment, draws
from companion.data.elpv import infer_modules, load_elpv
from companion.data.vision import PictureFetch, decode_pictures
from tests.toys import toy_pictures

ALL_OF_IT = Augment(True, True, True, rotate=10, zoom=0.1, brightness=0.1, contrast=0.1)
CPU = torch.device("cpu")
IDS = np.arange(16)


def test_two_pictures_of_one_batch_are_augmented_differently() -> None:
    one = torch.from_numpy(toy_pictures(1).pixels[:1])
    same = one.expand(64, -1, -1, -1).contiguous()  # 64 times the same picture
    flipped = augment(same, CELL_FLIPS, np.arange(64), seed=0, epoch=0)
    assert flipped.dtype == torch.uint8 and len(torch.unique(flipped, dim=0)) == 4
    varied = augment(same, ALL_OF_IT, np.arange(64), seed=0, epoch=0)
    assert len(torch.unique(varied, dim=0)) == 64


def test_a_draw_depends_on_seed_epoch_and_example_alone() -> None:
    fetch = PictureFetch(toy_pictures(40), ALL_OF_IT, seed=3, device=CPU)
    whole = fetch(IDS, epoch=2).inputs
    alone = fetch(IDS[[7]], epoch=2).inputs
    torch.testing.assert_close(alone[0], whole[7])
    assert not torch.equal(fetch(IDS, epoch=3).inputs, whole)
    other = PictureFetch(toy_pictures(40), ALL_OF_IT, seed=4, device=CPU)
    assert not torch.equal(other(IDS, epoch=2).inputs, whole)


def test_draws_are_uniform_and_unrelated() -> None:
    u = draws(np.arange(20_000), seed=1, epoch=1)
    assert u.shape == (20_000, 8) and u.min() >= 0 and u.max() < 1
    assert (u.mean(dim=0) - 0.5).abs().max() < 0.01
    neighbours = np.corrcoef(u[:-1].numpy().T, u[1:].numpy().T)
    assert np.abs(neighbours - np.eye(16)).max() < 0.03


def test_validation_is_never_augmented() -> None:
    data = toy_pictures(40)
    fetch = PictureFetch(data, ALL_OF_IT, device=CPU)
    first, second = fetch(IDS).inputs, fetch(IDS).inputs
    assert torch.equal(first, second) and torch.equal(first, torch.from_numpy(data.pixels[IDS]))


def test_defaults_change_nothing() -> None:
    x = torch.from_numpy(toy_pictures(4).pixels)
    assert torch.equal(augment(x, Augment(), np.arange(4), seed=0, epoch=0), x)


def test_pictures_are_decoded_as_pillow_decodes_them(tmp_path) -> None:
    rng = np.random.default_rng(0)
    paths = []
    for i in range(5):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(paths[-1])
    decode_pictures(paths, tmp_path / "out", channels=3)
    pixels = np.load(tmp_path / "out", mmap_mode="r")
    assert pixels.shape == (5, 3, 20, 30)
    np.testing.assert_array_equal(pixels[3], np.asarray(Image.open(paths[3])).transpose(2, 0, 1))


def test_elpv_as_published() -> None:
    cells = load_elpv()
    assert cells.pixels.shape == (2624, 1, 300, 300) and cells.pixels.dtype == np.uint8
    assert {k: int((cells.kinds == k).sum()) for k in ("mono", "poly")} == {
        "mono": 1074,
        "poly": 1550,
    }
    assert cells.labels.sum() == 106 + 715  # probability 2/3 and 1
    modules = [len(np.unique(cells.groups[cells.kinds == k])) for k in ("mono", "poly")]
    assert modules == [18, 26]
    assert all(len(set(cells.kinds[cells.groups == g])) == 1 for g in range(44))
    assert isinstance(cells.pixels, np.memmap)


def test_modules_are_blocks_within_runs() -> None:
    kinds = np.array(["a"] * 60 + ["b"] * 130 + ["a"] * 20)
    modules = infer_modules(kinds)
    assert [int((modules == m).sum()) for m in range(4)] == [60, 65, 65, 20]


LOAD = "from companion.data.elpv import load_elpv; print(load_elpv().pixels[::100].sum())"


@pytest.mark.slow
def test_eight_processes_decode_the_pictures_into_one_cache(tmp_path, root) -> None:
    environment = os.environ | {"COMPANION_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LOAD]
    started = [
        subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    sums = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 8 and len(sums) == 1
    names = [p.name for p in tmp_path.rglob("elpv-pictures-*") if p.is_file()]
    assert len([name for name in names if not name.endswith(".lock")]) == 1
