"""Sets of pictures through the hub: what comes out, the official split, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from companion.data.hub_pictures import KNOWN, _store, official_split
from companion.data.hub_sets import check_sizes
from companion.data.vision import Pictures
from tests.hub import clients
from tests.hub.conftest import ClientError, Hub

CLASSES = ["dark", "light"]
FEATURES = datasets.Features(
    {"image": datasets.Image(), "label": datasets.ClassLabel(names=CLASSES)}
)
REPO = "course/greys"


def png(left: int, middle: int, right: int) -> bytes:
    """Return a picture of 48 x 16 pixels, three grey squares side by side."""
    row = np.repeat(np.array([left, middle, right], dtype=np.uint8), 16)
    file = io.BytesIO()
    Image.fromarray(np.tile(row, (16, 1))).save(file, "PNG")
    return file.getvalue()


def greys(values: list[int], labels: list) -> datasets.Dataset:
    """Return rows whose middle square has these values."""
    images = [{"bytes": png(0, value, 255), "path": None} for value in values]
    return datasets.Dataset.from_dict({"image": images, "label": labels}, features=FEATURES)


def parquet(rows: datasets.Dataset, folder: Path) -> bytes:
    """Return rows as the bytes of a parquet file."""
    rows.to_parquet(folder / "rows.parquet")
    return (folder / "rows.parquet").read_bytes()


@pytest.fixture
def served(hub: Hub) -> Hub:
    """A hub with a data set of three official parts."""
    parts = {
        "test": greys([70, 80], [1, 0]),
        "train": greys([10, 20, 30, 40], [0, 1, 0, 1]),
        "validation": greys([50, 60], [0, 1]),
    }
    files = {
        f"data/{part}-00000-of-00001.parquet": parquet(rows, hub.home)
        for part, rows in parts.items()
    }
    hub.add_dataset(REPO, {"README.md": b"# greys\n"} | files)
    return hub


def test_a_data_set_comes_with_its_official_parts_and_stays(served: Hub) -> None:
    done = served.call(clients.pictures, REPO, {"side": 8})
    assert done["shape"] == [8, 3, 8, 8] and done["mapped"] and done["same"]
    # The middle square was kept, and of it the inside is as it was.
    assert done["middles"] == [[v] * 3 for v in (10, 20, 30, 40, 50, 60, 70, 80)]
    assert done["labels"] == [0, 1, 0, 1, 0, 1, 1, 0] and done["classes"] == CLASSES
    assert done["kinds"] == ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assert done["groups"] == list(range(8))
    assert done["split"] == [[0, 1, 2, 3], [4, 5], [6, 7]]
    served.fault("network")
    assert served.call(clients.pictures, REPO, {"side": 8}) == done
    with pytest.raises(ClientError, match="HubError: expected to reach .* for the dataset course/"):
        served.call(clients.pictures, REPO, {"side": 9})


def test_a_damaged_file_is_refused_and_does_not_stay(served: Hub) -> None:
    served.fault("corrupt")
    served.repos["datasets", REPO].files.pop("README.md")  # `datasets` would not mind that one
    done = served.call(clients.pictures_despite, REPO, {"side": 8})
    assert done["said"].startswith(
        "HubError: expected data/train-00000-of-00001.parquet of the dataset course/greys to have "
        "sha256 "
    )
    assert done["labels"] == [0, 1, 0, 1, 0, 1, 1, 0]


def test_pets_by_its_name_has_its_columns_and_a_validation_part(hub: Hub) -> None:
    names = [f"breed {i}" for i in range(37)]
    features = FEATURES | {
        "label": datasets.ClassLabel(names=names),
        "label_cat_dog": datasets.ClassLabel(names=["cat", "dog"]),
    }
    files, one = {}, {"bytes": png(0, 9, 255), "path": None}
    for part, n in KNOWN["pets"].parts.items():
        columns = {"image": [one] * n, "label": np.arange(n) % 37, "label_cat_dog": [0] * n}
        rows = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        files[f"data/{part}-00000-of-00001.parquet"] = parquet(rows, hub.home)
    hub.add_dataset(KNOWN["pets"].repo, files)
    done = hub.call(clients.pictures, "pets", {"side": 8})
    assert done["shape"] == [7349, 3, 8, 8] and done["classes"] == names
    train, validation, test = done["split"]
    assert test == list(range(3680, 7349)) and len(validation) == 552
    assert sorted(train + validation) == list(range(3680))


def test_pets_has_the_sizes_that_we_know_or_is_refused(hub: Hub) -> None:
    parts = {part: greys([9] * 4, [0, 1, 0, 1]) for part in ("train", "test")}
    with pytest.raises(ValueError) as caught:
        check_sizes("pets", parts, KNOWN["pets"].parts)
    assert str(caught.value) == (
        "pets: expected the official parts {'train': 3680, 'test': 3669}, found {'train': 4, "
        "'test': 4}. The repository has changed: pass the revision that had them, or its "
        "owner/name to take it as it is."
    )


def column(**columns: object) -> datasets.Dataset:
    """Return four grey rows, with some columns of other kinds."""
    rows = greys([1, 2, 3, 4], [0, 1, 0, 1])
    for name, (values, feature) in columns.items():
        if name in rows.column_names:
            rows = rows.remove_columns(name)
        rows = rows.add_column(name, values, feature=feature)
    return rows


MULTI = [[0], [0, 1], [1], []], datasets.List(datasets.ClassLabel(names=CLASSES))
PLAIN = [0, 1, 0, 1], datasets.Value("int64")
SECOND = [0, 1, 0, 1], datasets.ClassLabel(names=CLASSES)
REFUSED = {
    "several labels a picture": (
        column(label=MULTI),
        (None, None),
        "d: expected one column of one label per picture (ClassLabel), found image (Image), label "
        "(List). Name one with image_column or label_column; lists of labels and labels without "
        "class names are not read.",
    ),
    "no class names": (column(label=PLAIN), (None, "label"), "expected label to be a column of"),
    "two of them": (column(other=SECOND), (None, None), "label (ClassLabel), other (ClassLabel)."),
    "no pictures": (
        column().remove_columns("image"),
        (None, None),
        "d: expected one column of pictures (Image), found label (ClassLabel).",
    ),
    "no rows": (
        column().select([]),
        (None, None),
        "d: expected pictures in the part 'train', found none. Leave it out with splits.",
    ),
    "labels held back": (
        greys([1, 2, 3], [0, -1, None]),
        (None, None),
        "d: expected a label for every picture of the part 'train', found none for 2 of 3, the "
        "first in row 1. Leave the part out with splits.",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_no_set_of_labelled_pictures_is_refused(why: str, tmp_path: Path) -> None:
    rows, columns, text = REFUSED[why]
    with pytest.raises(ValueError) as caught:
        _store("d", {"train": rows}, columns, 8, tmp_path / "out")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "stored, found",
    [
        ({"bytes": png(0, 9, 255)[:60], "path": None}, "truncated"),
        ({"bytes": b"no picture", "path": None}, "cannot identify image file"),
        (None, "nothing"),
    ],
    ids=["truncated", "text", "missing"],
)
def test_a_picture_that_cannot_be_read_is_named(
    stored: dict | None, found: str, tmp_path: Path
) -> None:
    images = [{"bytes": png(0, 9, 255), "path": None}, stored]
    rows = datasets.Dataset.from_dict({"image": images, "label": [0, 1]}, features=FEATURES)
    text = (
        "cannot read the picture in row 1 of the part 'train' of d: expected a whole PNG or JPEG, "
        f"found .*({found}).*. Tell the owner of the data set, or leave that part out with splits."
    )
    with pytest.raises(ValueError, match=text):
        _store("d", {"train": rows}, (None, None), 8, tmp_path / "out")


def pictures(kinds: list[str]) -> Pictures:
    """Return pictures of these official parts, of two classes in turn."""
    n = len(kinds)
    pixels = np.zeros((n, 3, 4, 4), dtype=np.uint8)
    return Pictures(
        "d", pixels, np.arange(n) % 2, ("a", "b"), np.arange(n), np.array(kinds), digest="x"
    )


def test_validation_is_drawn_from_train_where_there_is_none() -> None:
    ours = pictures(["train"] * 40 + ["test"] * 10)
    split = official_split(ours, validation=0.25, seed=3)
    assert split.test.tolist() == list(range(40, 50))
    assert len(split.validation) == 10 and ours.labels[split.validation].sum() == 5
    assert sorted([*split.train, *split.validation]) == list(range(40))
    assert official_split(ours, validation=0.25, seed=3).digest == split.digest
    assert official_split(ours, validation=0.25, seed=4).digest != split.digest


def test_an_official_split_needs_its_parts() -> None:
    with pytest.raises(ValueError) as caught:
        official_split(pictures(["train"] * 4 + ["validation"] * 4))
    assert str(caught.value) == (
        "d: expected the official parts train and test, found train, validation. Load them all, or "
        "use split_by_example."
    )


def test_a_name_we_do_not_know_and_a_package_that_is_missing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from companion.data import hub_pictures, hub_sets

    with pytest.raises(ValueError) as caught:
        hub_pictures.load_hub_pictures("flowers")
    assert str(caught.value) == (
        "there is no data set 'flowers'. Expected flowers-102, or a repository on the hub as "
        "owner/name."
    )
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(hub_sets.HubError, match='pip install "datasets>=3"`, then restart'):
        hub_sets.datasets_package()
