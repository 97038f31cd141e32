"""One cost in a process of its own: `python -m companion.experiments.cost_ways SPEC`.

Seconds are per step of `BATCH` examples, after a first epoch or step that is not counted.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from companion.data.examples import Fetch
from companion.data.text import TextFetch, Texts, Tokens
from companion.data.vision import PictureFetch, Pictures
from companion.device import peak_memory_bytes, stopwatch
from companion.experiments import on_elpv
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone
from companion.models.vision import load_backbone
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import Order, by_length, shuffled
from companion.transfer.store import Fingerprint, Size, create_file_store

BATCH = 16
READ = 200  # batches that are read
SIDE = 32  # of synthetic pictures
FEATURES = 256  # of synthetic activations
AT_ONCE = 50_000  # examples that are written together
CELLS = 64  # that a step's time is measured on


def measure(spec: dict) -> dict:
    """Return the seconds of a step and the peak memory of this process."""
    ways: dict[str, Callable[[dict], float]] = {
        "pictures": read_pictures,
        "activations": read_activations,
        "texts": read_texts,
        "freezing": train_above,
        "length": train_on_texts,
        "processes": train_together,
    }
    seconds = ways[spec["arm"]](spec)
    return {"seconds": seconds, "peak memory": peak_memory_bytes()}


def read_pictures(spec: dict) -> float:
    """Read batches of synthetic pictures from a file of uint8, in an order of all of them."""
    n, rng = spec["n"], np.random.default_rng(spec["seed"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.npy"
        write_pictures(file, n, rng)
        labels = rng.integers(0, 2, n)
        found = Pictures(
            name="synthetic",
            pixels=np.load(file, mmap_mode="r"),
            labels=labels,
            classes=("no", "yes"),
            groups=labels,
            kinds=labels,
            digest=str(n),
        )
        return read(PictureFetch(found), shuffled(np.arange(n), BATCH))


def write_pictures(file: Path, n: int, rng: np.random.Generator) -> None:
    """Write `n` synthetic pictures, uint8 (n, 1, SIDE, SIDE), as a .npy file."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, 1, SIDE, SIDE)}
    with open(file, "wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for start in range(0, n, AT_ONCE):
            shape = (min(n - start, AT_ONCE), 1, SIDE, SIDE)
            out.write(rng.integers(0, 256, shape, dtype=np.uint8).tobytes())


def read_activations(spec: dict) -> float:
    """Read batches of synthetic activations from the file that stands in for main memory."""
    n, rng = spec["n"], np.random.default_rng(spec["seed"])
    mark = Fingerprint(1, "", "", "", "")
    with tempfile.TemporaryDirectory() as folder:
        store = create_file_store(Path(folder) / "store", Size((n, FEATURES), n), mark)
        for start in range(0, n, AT_ONCE):
            rows = np.arange(start, min(n, start + AT_ONCE))
            values = rng.standard_normal((len(rows), FEATURES), dtype=np.float32)
            store.write(rows, torch.from_numpy(values))
        device = torch.device("cpu")
        return read(lambda ids: store.read(ids, device), shuffled(np.arange(n), BATCH))


def read_texts(spec: dict) -> float:
    """Read batches of synthetic texts of 5 to 60 tokens, those of about one length together."""
    n, rng = spec["n"], np.random.default_rng(spec["seed"])
    tokens = synthetic_tokens(rng.integers(5, 61, n), rng)
    order = by_length(np.arange(n), tokens.lengths, BATCH)
    return read(as_fetch(tokens, rng), order)


def read(fetch: Callable[[np.ndarray], object], order: Order) -> float:
    """Return the seconds that a batch takes to read, with its share of the epoch's order."""
    with stopwatch() as ordering:
        batches = order(0)
    with stopwatch() as reading:
        for ids in batches[:READ]:
            fetch(ids)
    return ordering() / len(batches) + reading() / min(READ, len(batches))


def synthetic_tokens(lengths: np.ndarray, rng: np.random.Generator) -> Tokens:
    """Return random tokens for texts of these lengths (N,)."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(1000, 30_000, offsets[-1], dtype=np.int32)
    return Tokens(ids=ids, offsets=offsets, pad=0, vocabulary=30_522, cut=0)


def as_fetch(tokens: Tokens, rng: np.random.Generator) -> TextFetch:
    """Return a fetch of synthetic texts with random labels."""
    n = len(tokens.lengths)
    labels = rng.integers(0, 2, n)
    labels[:2] = 0, 1
    plain = Texts("synthetic", ("x",) * n, labels, ("no", "yes"), labels, labels, labels)
    return TextFetch(plain, tokens)


def train_above(spec: dict) -> float:
    """Train what is above a boundary, from its cache; the epoch that fills it is not counted."""
    backbone = load_cells_backbone(spec)
    model = add_label_head(backbone, classes=2)
    ids = on_elpv.by_module(0).train[:CELLS]
    fetch: Fetch = PictureFetch(on_elpv.cells())
    freeze(model, None if spec["n"] == "nothing" else spec["n"])
    if model.frozen:
        fetch = cached(fetch, model, ids)
    return step_seconds(model, fetch, shuffled(ids, BATCH))


def load_cells_backbone(spec: dict) -> Blocks:
    """Return the picture network, its frozen part in fp32."""
    return load_backbone(on_elpv.BACKBONE, size=spec["size"], frozen_dtype=torch.float32)


def train_on_texts(spec: dict) -> float:
    """Train a whole text network on synthetic texts of one length."""
    rng = np.random.default_rng(spec["seed"])
    tokens = synthetic_tokens(np.full(3 * BATCH, spec["n"]), rng)
    model = add_label_head(load_text_backbone("minilm_l6"), classes=2)
    return step_seconds(model, as_fetch(tokens, rng), shuffled(np.arange(3 * BATCH), BATCH))


def train_together(spec: dict) -> float:
    """Train a whole picture network in as many processes as this was started in."""
    model = add_label_head(load_cells_backbone(spec), classes=2)
    ids = on_elpv.by_module(0).train[:CELLS]
    return step_seconds(model, PictureFetch(on_elpv.cells()), shuffled(ids, BATCH))


def step_seconds(model: Blocks, fetch: Fetch, order: Order) -> float:
    """Return the seconds of a training step, after one epoch that is not counted."""
    groups = parameter_groups(model, rate=1e-4)
    fit(model, fetch, order, groups, FitConfig(epochs=1, progress=False))
    with stopwatch(fetch.device) as seconds:
        records = fit(model, fetch, order, groups, FitConfig(epochs=2, progress=False))
    return seconds() / len(records)


if __name__ == "__main__":
    found = measure(json.loads(sys.argv[1]))
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps(found))
