"""Pictures: decoded once to uint8 and kept, handed out in batches, augmented on the device."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from companion.data.augment import Augment, augment
from companion.data.cache import build_once
from companion.data.examples import Batch
from companion.device import default_device


@dataclass(frozen=True)
class Pictures:
    """A set of labelled pictures of one size.

    `pixels` (N, C, H, W) uint8, often a memory map; `labels` (N,) from 0 to len(classes) - 1;
    `groups` (N,) what may not be split, such as the module a cell was cut from; `kinds` (N,) a
    type to report by. `digest` names the content.

    Raises:
        ValueError: arrays of different lengths, or a label outside the range.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    kinds: np.ndarray
    digest: str

    def __post_init__(self) -> None:
        lengths = {len(self.pixels), len(self.labels), len(self.groups), len(self.kinds)}
        if len(lengths) > 1:
            raise ValueError(
                f"{self.name}: expected one label, group and kind per picture, found "
                f"{len(self.pixels)} pictures, {len(self.labels)} labels, {len(self.groups)} "
                f"groups, {len(self.kinds)} kinds. Build all four from the same list of files."
            )
        wrong = [x for x in np.unique(self.labels) if not 0 <= x < len(self.classes)]
        if wrong:
            raise ValueError(
                f"{self.name}: label {wrong[0]} is outside the range 0 to {len(self.classes) - 1} "
                f"of its {len(self.classes)} classes. Number the labels from 0 without gaps."
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class PictureFetch:
    """A function from example ids to a batch on the device.

    Called with an `epoch` it augments, with draws fixed by (seed, epoch, example id); called
    without one, as validation does, it never augments.
    """

    pictures: Pictures
    augment: Augment | None = None
    seed: int = 0
    device: torch.device = field(default_factory=default_device)

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return pictures (B, C, H, W), uint8 or 0..255, and labels (B,) for ids (B,)."""
        ids = np.asarray(ids)
        pixels = read_rows(self.pictures.pixels, ids)
        inputs = torch.from_numpy(pixels).to(self.device, non_blocking=True)
        if self.augment is not None and epoch is not None:
            inputs = augment(inputs, self.augment, ids, seed=self.seed, epoch=epoch)
        return Batch(inputs, self.targets(ids), ids)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the labels (B,) of these examples on the device."""
        return torch.from_numpy(self.pictures.labels[ids]).to(self.device, non_blocking=True)

    def lengths(self, ids: np.ndarray) -> None:
        """Return None: pictures are alike in size."""
        return None

    @property
    def random(self) -> bool:
        """Whether two epochs can see different inputs for one example."""
        return self.augment is not None

    @property
    def digest(self) -> str:
        """Name the content that this serves: part of a cache's fingerprint."""
        text = self.pictures.digest
        return f"{text}|{self.augment}|{self.seed}" if self.random else text


def read_rows(pixels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return a copy of some rows; of a memory map, let go of the pages that this touched."""
    rows = np.array(pixels[ids])
    let_go_of_pages(pixels)
    return rows


def let_go_of_pages(array: np.ndarray) -> None:
    """Return the pages of a memory map that were touched; other arrays are left alone.

    They stay in the system's file cache, which all kernels of a class share, but they no longer
    count as memory of this one. Nothing that was written is lost.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def decode_picture(path: Path, channels: int) -> np.ndarray:
    """Return one picture file as uint8 (C, H, W), grey for 1 channel and RGB for 3.

    Raises:
        ValueError: the file is empty, truncated or no picture; the message names it.
    """
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        found = "an empty file" if path.exists() and path.stat().st_size == 0 else str(error)
        raise ValueError(
            f"cannot read the picture {path.name}: expected a whole PNG or JPEG file, found "
            f"{found}. Replace the file, or leave it out of the list."
        ) from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def decode_pictures(paths: Sequence[Path], target: Path, *, channels: int = 1) -> None:
    """Decode pictures of one size into `target`, a .npy file of uint8 (N, C, H, W).

    Raises:
        ValueError: a file is no readable picture, or has another size than the first.
    """
    first = decode_picture(paths[0], channels)
    shape = (len(paths), *first.shape)
    with open(target, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            decoded = pool.map(lambda path: decode_picture(path, channels), paths)
            for path, pixels in zip(paths, decoded, strict=True):
                check_size(path, pixels, first)
                file.write(pixels.tobytes())


def check_size(path: Path, pixels: np.ndarray, first: np.ndarray) -> None:
    """Check that a picture has the size of the first one."""
    if pixels.shape != first.shape:
        raise ValueError(
            f"the picture {path.name} is {pixels.shape[2]} x {pixels.shape[1]} pixels, expected "
            f"{first.shape[2]} x {first.shape[1]} like the first. Resize them to one size first."
        )


def open_pictures(
    paths: Sequence[Path], name: str, digest: str, *, channels: int = 1
) -> np.ndarray:
    """Return pictures (N, C, H, W) uint8 as a memory map, decoded on the first call only.

    The decoded copy lives in the cache folder under `name` and `digest`.
    """
    file = build_once(name, lambda out: decode_pictures(paths, out, channels=channels), digest)
    return np.load(file, mmap_mode="r")


def digest_of(*parts: bytes | str) -> str:
    """Return a SHA-256 that names some content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()
