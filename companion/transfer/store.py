"""Where activations are kept, and the fingerprint that says what they are."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from companion.data.examples import Padded, pad
from companion.data.vision import let_go_of_pages
from companion.models.blocks import Activations, Blocks


@dataclass(frozen=True)
class Fingerprint:
    """What stored activations depend on: any difference makes them stale."""

    boundary: int
    weights: str
    preprocessing: str
    dtype: str
    examples: str


def fingerprint(model: Blocks, boundary: int, digest: str, ids: Iterable[int]) -> Fingerprint:
    """Return the fingerprint of the first `boundary` blocks over the examples `ids`.

    `digest` names the content that the ids stand for.
    """
    examples = hashlib.sha256(digest.encode())
    examples.update(np.fromiter(ids, dtype=np.int64).tobytes())
    return Fingerprint(
        boundary=boundary,
        weights=hash_weights(model, boundary),
        preprocessing=preprocessing(model),
        dtype=str(model.frozen_dtype),
        examples=examples.hexdigest()[:16],
    )


def preprocessing(model: Blocks) -> str:
    """Return the settings of block 0 in words, where it prepares the inputs."""
    return str(model.layers[0]) if model.names[0] == "preprocess" else "none"


def hash_weights(model: Blocks, boundary: int) -> str:
    """Return a hash of the parameters and buffers of the first `boundary` blocks."""
    out = hashlib.sha256()
    for name, value in model.layers[:boundary].state_dict().items():
        out.update(name.encode())
        out.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return out.hexdigest()[:16]


def compare(stored: Fingerprint, now: Fingerprint, where: str) -> None:
    """Check that stored activations are the ones that the model would compute now.

    Raises:
        ValueError: they are stale; the message names what changed.
    """
    changed = [
        f.name for f in fields(Fingerprint) if getattr(stored, f.name) != getattr(now, f.name)
    ]
    if changed:
        details = "; ".join(f"{n} was {getattr(stored, n)}, is {getattr(now, n)}" for n in changed)
        raise ValueError(
            f"the activations in {where} are stale: {', '.join(changed)} changed since they were "
            f"stored ({details}). Make a new cache: call cached() again, with an empty folder."
        )


@dataclass(frozen=True)
class Size:
    """How large a store is: the shape of its data, its rows, and their lengths (rows,) if any."""

    shape: tuple[int, ...]
    rows: int
    lengths: np.ndarray | None = None

    @property
    def bytes(self) -> int:
        """The memory that the data takes."""
        return 4 * int(np.prod(self.shape))


class Store:
    """Rows of activations in fp32, in memory or in a file, and which rows are filled.

    Row i takes the places offsets[i] to offsets[i + 1] of `data`: one place (...) each, or one for
    each token of a text, so that no padding is stored. `file` is the memory map behind `data`.
    """

    def __init__(
        self,
        data: torch.Tensor,
        filled: np.ndarray,
        lengths: np.ndarray | None,
        file: np.memmap | None = None,
    ) -> None:
        self.data = data
        self.file = file
        self.filled = filled
        self.lengths = lengths
        self.offsets = None if lengths is None else np.concatenate([[0], np.cumsum(lengths)])

    def write(self, rows: np.ndarray, values: Activations) -> None:
        """Keep `values` (B, ...) as `rows` (B,); the data first, then the note that it is there."""
        flat = values.rows() if isinstance(values, Padded) else values
        self.data[self.places(rows)] = flat.to(self.data.device)
        self.let_go()
        self.filled[rows] = True

    def read(self, rows: np.ndarray, device: torch.device) -> Activations:
        """Return `rows` (B,) as a new tensor (B, ...) on `device`, padded if they differ."""
        values = self.data[self.places(rows)].to(device)
        self.let_go()
        if self.lengths is None:
            return values
        return pad(values, torch.from_numpy(self.lengths[rows]).to(device))

    def let_go(self) -> None:
        """Keep the pages of a file out of this process's memory, which does not grow with it."""
        if self.file is not None:
            let_go_of_pages(self.file)

    def places(self, rows: np.ndarray) -> torch.Tensor:
        """Return the places in `data` that `rows` (B,) take, one row after the other."""
        if self.offsets is not None:
            spans = zip(self.offsets[rows], self.offsets[rows + 1], strict=True)
            rows = np.concatenate([np.arange(start, end) for start, end in spans])
        return torch.from_numpy(rows).to(self.data.device)


def memory_store(size: Size, device: torch.device) -> Store:
    """Return an empty store in the memory of `device`."""
    data = torch.empty(size.shape, device=device)
    return Store(data, np.zeros(size.rows, dtype=bool), size.lengths)


def create_file_store(folder: Path, size: Size, mark: Fingerprint) -> Store:
    """Make an empty store in `folder`, which appears whole or not at all, and open it.

    Raises:
        OSError: the disk is too full; nothing is left behind.
    """
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        reserve(temporary / "activations.bin", size.bytes)
        reserve(temporary / "filled.bin", size.rows)
        if size.lengths is not None:
            np.save(temporary / "lengths.npy", size.lengths)
        description = {"shape": list(size.shape), "rows": size.rows, "fingerprint": asdict(mark)}
        (temporary / "fingerprint.json").write_text(json.dumps(description))
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if error.errno != errno.ENOSPC:
            raise
        free = shutil.disk_usage(folder.parent).free
        raise OSError(
            errno.ENOSPC,
            f"the activations need {size.bytes / 1e6:.0f} MB in {folder}, but {free / 1e6:.0f} MB "
            "are free. Pass a folder on another disk, or free some with `companion cache clear`.",
        ) from error
    try:
        os.replace(temporary, folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not (folder / "fingerprint.json").exists():
            raise
        # Another process was first: each writes the rows of its own examples into one store.
    return open_file_store(folder, mark)


def reserve(path: Path, size: int) -> None:
    """Make a file of `size` zero bytes whose blocks are really there.

    A memory map over a hole would kill the process when the disk fills up.
    """
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for at in range(0, size, 1 << 20):
                file.write(bytes(min(1 << 20, size - at)))


def open_file_store(folder: Path, mark: Fingerprint) -> Store:
    """Open the store in `folder`, made by this process or by an earlier one.

    Raises:
        ValueError: it holds the activations of something else.
    """
    description = json.loads((folder / "fingerprint.json").read_text())
    compare(Fingerprint(**description["fingerprint"]), mark, str(folder))
    shape = tuple(description["shape"])
    file = np.memmap(folder / "activations.bin", dtype=np.float32, mode="r+", shape=shape)
    filled = np.memmap(folder / "filled.bin", dtype=bool, mode="r+", shape=(description["rows"],))
    lengths = folder / "lengths.npy"
    known = np.load(lengths) if lengths.exists() else None
    return Store(torch.from_numpy(file), filled, known, file)
