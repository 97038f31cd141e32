"""ELPV: electroluminescence pictures of solar cells, and the modules they were cut from."""

from __future__ import annotations

import itertools

import numpy as np

from companion.data.assets import ASSETS, asset_path
from companion.data.vision import Pictures, open_pictures

CELLS_PER_MODULE = 60  # the usual panel has 6 x 10 cells; those here have 48 to 72


def load_elpv() -> Pictures:
    """Return the 2,624 ELPV cells, 300 x 300 pixels grey, labelled functional (0) or defective (1).

    A cell counts as defective from a defect probability of 0.5, as in Deitsch et al. 2019.
    `kinds` is "mono" or "poly"; `groups` is the inferred module, 0 to 43.

    Raises:
        AssetError: the package `elpv-dataset` is missing or damaged.
    """
    folder = asset_path("elpv")
    rows = [line.split() for line in (folder / "labels.csv").read_text().splitlines() if line]
    paths = [folder / row[0] for row in rows]
    probability = np.array([float(row[1]) for row in rows])
    kinds = np.array([row[2] for row in rows])
    digest = ASSETS["elpv"].sha256
    return Pictures(
        name="ELPV",
        pixels=open_pictures(paths, "elpv-pictures", digest),
        labels=(probability >= 0.5).astype(np.int64),
        classes=("functional", "defective"),
        groups=infer_modules(kinds),
        kinds=kinds,
        digest=digest,
    )


def infer_modules(kinds: np.ndarray) -> np.ndarray:
    """Return for each cell the module (0, 1, ...) it was probably cut from.

    The data set names no modules, but its cells are listed module by module. Each run of one
    cell type is cut into equal blocks of about 60 cells, which gives the 18 mono and 26 poly
    modules that Deitsch et al. 2019 report. Runs of one block are certain; edges inside the long
    runs are guesses, so a few cells may carry a neighbour's number.
    """
    modules = np.empty(len(kinds), dtype=np.int64)
    start = first = 0
    for _, run in itertools.groupby(kinds):
        length = len(list(run))
        blocks = max(1, round(length / CELLS_PER_MODULE))
        modules[start : start + length] = first + np.arange(length) * blocks // length
        start, first = start + length, first + blocks
    return modules
