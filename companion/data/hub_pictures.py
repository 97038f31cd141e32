"""Sets of pictures from the hub: read through `datasets`, made one size, kept as `Pictures`."""

from __future__ import annotations

import difflib
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from companion.data.cache import build_once
from companion.data.decode import in_colour, middle_square
from companion.data.hub import hub_commit
from companion.data.hub_sets import check_sizes, official_parts
from companion.data.splits import Split
from companion.data.vision import Pictures, digest_of

if TYPE_CHECKING:
    from datasets import Dataset

SIDE = 224
_TRAIN, _TEST = "train", "test"
_VALIDATION = ("validation", "valid", "val", "dev")
_BATCH = 64  # rows read at a time, so that a set's files never lie in memory whole


@dataclass(frozen=True)
class HubPictures:
    """A data set we know: its repository, its columns, and how many pictures each part has."""

    repo: str
    image: str
    label: str
    parts: dict[str, int]


KNOWN = {
    "flowers-102": HubPictures(
        "Donghyun99/Oxford-Flower-102",
        "image",
        "label",
        {"train": 1020, "validation": 1020, "test": 6149},
    ),
    "pets": HubPictures("timm/oxford-iiit-pet", "image", "label", {"train": 3680, "test": 3669}),
}


def load_hub_pictures(
    name: str,
    *,
    splits: Sequence[str] | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    side: int = SIDE,
    revision: str | None = None,
) -> Pictures:
    """Return a data set of pictures on the hub, all its official parts in one, colour, one size.

    `name` is "flowers-102", "pets", or a repository's "owner/name"; `splits` some of its parts,
    None for all. Of each picture the short side is resized to `side` pixels and the middle square
    kept. `kinds` is the official part of each picture (see `official_split`), `groups` are all
    different. Kept in the cache, where a picture takes 3 x side x side bytes (Flowers-102 1.2 GB);
    needs no network from the second call on.

    Raises:
        HubError: the data could not be had, or `datasets` is not installed.
        ValueError: no column of pictures or of single labels, a label that is missing, a picture
            that cannot be read, a part without rows, or of another size than is known.
    """
    known = KNOWN.get(name)
    if known is None and "/" not in name:
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.4) or list(KNOWN)
        raise ValueError(
            f"there is no data set {name!r}. Expected {' or '.join(near)}, or a repository on the "
            "hub as owner/name."
        )
    repo = known.repo if known else name
    columns = (known.image, known.label) if known else (image_column, label_column)
    commit = hub_commit(repo, kind="dataset", revision=revision)
    digest = digest_of(repo, commit, str((splits, columns, side)))

    def build(out: Path) -> None:
        # Asked at once whether the hub answers: `datasets` would try for half a minute.
        hub_commit(repo, kind="dataset", revision=commit, cached=False)
        parts = official_parts(repo, revision, commit, splits)
        if known:
            check_sizes(name, parts, known.parts)
        _store(repo, parts, columns, side, out)

    return _open(build_once("hub-pictures", build, digest), name, digest)


def official_split(pictures: Pictures, *, validation: float = 0.15, seed: int = 0) -> Split:
    """Return the official train, validation and test parts of a data set from the hub.

    Where there is no validation part, the share `validation` of the train part is drawn for it
    from `seed`, each class in proportion; the test part is never touched.

    Raises:
        ValueError: there is no part "train" or "test", or too few of a class to draw from.
    """
    parts = {str(part): np.flatnonzero(pictures.kinds == part) for part in set(pictures.kinds)}
    chosen = next((parts[part] for part in _VALIDATION if part in parts), None)
    if _TRAIN not in parts or _TEST not in parts:
        raise ValueError(
            f"{pictures.name}: expected the official parts train and test, found "
            f"{', '.join(sorted(parts))}. Load them all, or use split_by_example."
        )
    train = parts[_TRAIN]
    if chosen is None:
        train, chosen = _draw_validation(pictures.labels, train, validation, seed)
    return Split(train, chosen, parts[_TEST])


def _draw_validation(
    labels: np.ndarray, train: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    rest, drawn = train_test_split(
        train, test_size=share, stratify=labels[train], random_state=seed
    )
    return np.sort(rest), np.sort(drawn)


def _store(
    repo: str,
    parts: dict[str, Dataset],
    columns: tuple[str | None, str | None],
    side: int,
    out: Path,
) -> None:
    """Write the folder `out`: pixels and labels of all parts in order, and what they mean."""
    first = next(iter(parts.values()))
    image = _column(repo, first, columns[0], "Image", "pictures")
    label = _column(repo, first, columns[1], "ClassLabel", "one label per picture")
    labels = {part: _labels(repo, part, rows[label]) for part, rows in parts.items()}
    sizes = {part: len(found) for part, found in labels.items()}
    out.mkdir()
    np.save(out / "labels.npy", np.concatenate(list(labels.values())))
    about = {"classes": first.features[label].names, "parts": sizes}
    (out / "about.json").write_text(json.dumps(about), "utf-8")
    with open(out / "pixels.npy", "wb") as file:
        shape = (sum(sizes.values()), 3, side, side)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part, rows in parts.items():
            for pixels in _squares(repo, part, rows, image, side):
                file.write(pixels.tobytes())


def _column(repo: str, rows: Dataset, asked: str | None, kind: str, what: str) -> str:
    """Return the column that holds `what`: the one asked for, or the only one of this kind."""
    fitting = [key for key, value in rows.features.items() if type(value).__name__ == kind]
    if asked in fitting:
        return asked
    if asked is None and len(fitting) == 1:
        return fitting[0]
    held = ", ".join(f"{key} ({type(value).__name__})" for key, value in rows.features.items())
    raise ValueError(
        f"{repo}: expected {f'{asked} to be a' if asked else 'one'} column of {what} ({kind}), "
        f"found {held}. Name one with image_column or label_column; lists of labels and labels "
        "without class names are not read."
    )


def _labels(repo: str, part: str, found: Iterable[int | None]) -> np.ndarray:
    labels = list(found)
    if not labels:
        raise ValueError(
            f"{repo}: expected pictures in the part {part!r}, found none. Leave it out with splits."
        )
    missing = [row for row, label in enumerate(labels) if label is None or label < 0]
    if missing:
        raise ValueError(
            f"{repo}: expected a label for every picture of the part {part!r}, found none for "
            f"{len(missing)} of {len(labels)}, the first in row {missing[0]}. Leave the part out "
            "with splits."
        )
    return np.array(labels, dtype=np.int64)


def _squares(repo: str, part: str, rows: Dataset, image: str, side: int) -> Iterator[np.ndarray]:
    """Yield the pictures of a part in order, uint8 (3, side, side)."""
    feature = type(rows.features[image])
    stored = rows.select_columns([image]).cast_column(image, feature(decode=False))
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        row = 0
        for batch in stored.iter(batch_size=_BATCH):
            held = batch[image]
            names = [f"row {row + i} of the part {part!r} of {repo}" for i in range(len(held))]
            yield from pool.map(_square, held, names, [side] * len(held))
            row += len(held)


def _square(stored: dict | None, name: str, side: int) -> np.ndarray:
    """Decode one picture as the hub stores it, {"bytes", "path"}, to uint8 (3, side, side)."""
    source = stored and (io.BytesIO(stored["bytes"]) if stored["bytes"] else stored["path"])
    try:
        if not source:
            raise UnidentifiedImageError("nothing")
        with Image.open(source) as picture:
            upright = in_colour(ImageOps.exif_transpose(picture))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        found = str(error).split(" <")[0]  # an address in memory tells nobody anything
        raise ValueError(
            f"cannot read the picture in {name}: expected a whole PNG or JPEG, found {found}. "
            "Tell the owner of the data set, or leave that part out with splits."
        ) from error
    return middle_square(upright, side)


def _open(folder: Path, name: str, digest: str) -> Pictures:
    about = json.loads((folder / "about.json").read_text("utf-8"))
    parts = about["parts"]
    labels = np.load(folder / "labels.npy")
    return Pictures(
        name=name,
        pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
        labels=labels,
        classes=tuple(about["classes"]),
        groups=np.arange(len(labels)),
        kinds=np.repeat(list(parts), list(parts.values())),
        digest=digest,
    )
