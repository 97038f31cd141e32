"""The frozen prefix runs once: its output is stored at the boundary and served as a batch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch

from companion.data.examples import Batch, Fetch, Padded
from companion.models.blocks import Activations, Blocks
from companion.models.watched import Watched, unchanged, watch
from companion.transfer.order import cut
from companion.transfer.store import (
    Fingerprint,
    Size,
    Store,
    compare,
    create_file_store,
    fingerprint,
    memory_store,
    open_file_store,
    preprocessing,
)

SHARE_OF_FREE_MEMORY = 0.25  # what a store may take before it goes to the next larger place


@dataclass
class CachedFetch:
    """A fetch that serves stored activations of the frozen blocks, and fills what is missing.

    A batch of which nothing is stored yet runs through the prefix as it stands, so the first
    epoch computes what it would have computed uncached, bit for bit.
    """

    fetch: Fetch
    model: Blocks
    rows: dict[int, int]  # example id -> row within one view
    views: int
    mark: Fingerprint
    watched: list[Watched]
    folder: Path | None = None
    store: Store | None = None

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return stored activations (B, ...) of these examples, computing what is missing."""
        self.refuse_if_stale()
        ids = np.asarray(ids)
        view = 0 if epoch is None or not self.views else 1 + epoch % self.views
        rows = self.rows_of(ids) + view * len(self.rows)
        missing = np.ones(len(ids), dtype=bool) if self.store is None else ~self.store.filled[rows]
        if missing.any():
            self.compute(ids[missing], rows[missing], view)
        return Batch(self.store.read(rows, self.device), self.targets(ids), ids, self.mark.boundary)

    def compute(self, ids: np.ndarray, rows: np.ndarray, view: int) -> None:
        """Run the frozen blocks on these examples and store their output."""
        batch = self.fetch(ids, epoch=view - 1 if view else None)
        out = self.model(batch.inputs, stop=self.mark.boundary)
        if self.store is None:
            self.store = self.make_store(self.size_for(out))
        self.store.write(rows, out)

    def size_for(self, out: Activations) -> Size:
        """Return how large a store has to be for rows like those of `out` (B, ...)."""
        count = len(self.rows) * (1 + self.views)
        if not isinstance(out, Padded):
            return Size((count, *out.shape[1:]), count)
        lengths = np.tile(self.fetch.lengths(np.array(list(self.rows))), 1 + self.views)
        return Size((int(lengths.sum()), *out.values.shape[2:]), count, lengths)

    def make_store(self, size: Size) -> Store:
        """Choose where activations live: the folder asked for, the GPU, main memory or a file."""
        if self.folder is None and self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if size.bytes < SHARE_OF_FREE_MEMORY * free:
                return memory_store(size, self.device)
        available = psutil.virtual_memory().available
        if self.folder is None and size.bytes < SHARE_OF_FREE_MEMORY * available:
            return memory_store(size, torch.device("cpu"))
        if self.folder is None:
            # Removed together with this object.
            self._temporary = tempfile.TemporaryDirectory(prefix="activations-")
            self.folder = Path(self._temporary.name) / "store"
        return create_file_store(self.folder, size, self.mark)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Return the row of each example.

        Raises:
            ValueError: the cache was not made for one of them.
        """
        try:
            return np.array([self.rows[int(i)] for i in ids])
        except KeyError as missing:
            raise ValueError(
                f"example {missing} is not among the {len(self.rows)} that this cache was made "
                "for. Pass the ids of all splits: cached(fetch, model, ids)."
            ) from None

    def refuse_if_stale(self) -> None:
        """Raise ValueError if the frozen blocks have changed since the cache was made."""
        if self.model.frozen < self.mark.boundary:
            raise ValueError(
                f"this cache holds the output of {self.mark.boundary} frozen blocks, but now only "
                f"{self.model.frozen} are frozen. Freeze them again, or fetch uncached."
            )
        settings = (preprocessing(self.model), str(self.model.frozen_dtype))
        if unchanged(self.watched) and settings == (self.mark.preprocessing, self.mark.dtype):
            return
        now = fingerprint(
            self.model, self.mark.boundary, content(self.fetch, self.views), self.rows
        )
        compare(self.mark, now, "this cache")  # written to, but with the same values, is fine
        self.watched = watch(self.model.layers[: self.mark.boundary])

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the targets (B, ...) of these examples on the device."""
        return self.fetch.targets(ids)

    def lengths(self, ids: np.ndarray) -> np.ndarray | None:
        """Return how long each example (B,) is, or None where all are alike."""
        return self.fetch.lengths(ids)

    @property
    def device(self) -> torch.device:
        """The device on which batches are served."""
        return self.fetch.device

    @property
    def random(self) -> bool:
        """Whether two epochs can serve different views of one example."""
        return self.views > 0

    @property
    def digest(self) -> str:
        """Name the content that this serves."""
        return str(self.mark)


def cached(
    fetch: Fetch,
    model: Blocks,
    ids: np.ndarray,
    *,
    folder: Path | str | None = None,
    views: int = 0,
) -> CachedFetch:
    """Return another fetch, which runs the frozen blocks of `model` once per example of `ids`.

    Train with it as with `fetch`: its batches start at the boundary. Activations are kept on the
    GPU, in memory or in a temporary file, by size; in `folder` they outlast the process. Several
    processes that train together keep one store each, or fill one `folder` between them, on a disk
    of the machine that they run on. Of a fetch that augments at random, `views` augmented views of
    each example are stored and served in turn; without `views` it is refused.

    Raises:
        ValueError: nothing is frozen, the fetch is random and `views` is 0, or the activations in
            `folder` belong to other weights, preprocessing, number format or examples.
        OSError: the disk is too full for the activations.
    """
    if model.frozen == 0:
        raise ValueError(
            f"nothing in {model.name} is frozen, so there is no boundary to store at. "
            "Call freeze(model, upto=...) first."
        )
    if fetch.random and views < 1:
        raise ValueError(
            "this fetch augments at random, so one stored activation cannot stand for an example. "
            "Pass views=4 to store four augmented views of each, or fetch without augmentation."
        )
    views = views if fetch.random else 0
    rows = {int(i): row for row, i in enumerate(ids)}
    mark = fingerprint(model, model.frozen, content(fetch, views), rows)
    parts = watch(model.layers[: model.frozen])
    out = CachedFetch(fetch, model, rows, views, mark, parts, Path(folder) if folder else None)
    if out.folder is not None and (out.folder / "fingerprint.json").exists():
        out.store = open_file_store(out.folder, mark)
    return out


def content(fetch: Fetch, views: int) -> str:
    """Name what a cache of `fetch` holds."""
    return f"{fetch.digest}|views={views}"


def fill(fetch: CachedFetch, batch_size: int = 64) -> None:
    """Run the frozen blocks now on every example (and view) that is not stored yet."""
    ids = np.array(list(fetch.rows))
    for view in range(fetch.views + 1):
        for batch in cut(ids, batch_size):
            fetch(batch, epoch=view - 1 if view else None)
