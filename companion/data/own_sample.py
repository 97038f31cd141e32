"""A folder of pictures and a table of texts, as they arrive on a Monday: real, and with faults."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from companion.data.elpv import load_elpv
from companion.data.splits import draw
from companion.data.tweets import load_tweets

MODULES = 16  # solar modules, 20 cells of each
CELLS = 20
ROWS = 300  # of the table, before its faults
TOPIC = "airlines"


def write_sample_folder(folder: Path, seed: int = 0) -> Path:
    """Write 320 solar cells with one folder for each class, named by module, and return the folder.

    `seed` draws the cells of each module. Five faults stand in it: a file cut off, an empty one,
    notes, a cell in both classes, and one that was saved again at half its size.

    Raises:
        AssetError: the package that carries the cells is missing or damaged.
    """
    shutil.rmtree(folder, ignore_errors=True)
    cells = load_elpv()
    names = ("functional", "defective")
    for name in names:
        (folder / name).mkdir(parents=True)
    for module, ids in enumerate(sample_of_modules(cells.groups, cells.labels, seed), 1):
        for number, i in enumerate(ids, 1):
            file = folder / names[cells.labels[i]] / f"module{module:02}_{number}.png"
            Image.fromarray(cells.pixels[i, 0]).save(file)
    plant_in_folder(folder)
    return folder


def sample_of_modules(groups: np.ndarray, labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the ids of some cells of those modules that have the most even share of defects."""
    modules = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    modules = [ids for ids in modules if len(ids) >= CELLS]
    modules.sort(key=lambda ids: abs(labels[ids].mean() - 0.5))
    return [draw(labels, ids, CELLS, seed=seed) for ids in modules[:MODULES]]


def plant_in_folder(folder: Path) -> None:
    """Put the faults into the folder."""
    whole, defective = folder / "functional", folder / "defective"
    first, second, third = sorted(whole.iterdir())[:3]
    (whole / "module90_1.png").write_bytes(first.read_bytes()[:2000])
    (defective / "module91_1.png").write_bytes(b"")
    (folder / "notes.txt").write_text("Sorted on Friday. Ask Kim about module 7.", "utf-8")
    shutil.copy(second, defective / "module92_1.png")
    with Image.open(third) as picture:
        picture.resize((150, 150)).save(whole / "module93_1.jpg", quality=80)


def write_sample_table(file: Path, seed: int = 0) -> Path:
    """Write 300 tweets about airlines with their sentiment as a CSV file, and return the file.

    `seed` draws the tweets. Six faults stand in it: a label in capitals, one misspelt, copies, a
    copy with another label, an empty text, and letters that were decoded wrongly.

    Raises:
        AssetError: the package that carries the tweets is missing or damaged.
    """
    tweets = load_tweets()
    ids = draw(tweets.labels, np.flatnonzero(tweets.kinds == TOPIC), ROWS, seed=seed)
    ids = np.random.default_rng(seed).permutation(ids)
    rows = [[tweets.texts[i], tweets.classes[tweets.labels[i]]] for i in ids]
    plant_in_rows(rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["text", "label"], *rows])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(out.getvalue(), "utf-8")
    return file


def plant_in_rows(rows: list[list[str]]) -> None:
    """Put the faults into the rows (text, label)."""
    rows[10][1] = rows[10][1].upper()
    rows[40][1] = rows[40][1][:-1]  # its last letter is lost
    rows.append(list(rows[3]))
    rows.append([rows[5][0], "positive" if rows[5][1] != "positive" else "negative"])
    rows.append(["", "neutral"])
    rows[20][0] += " Itâ€™s a cafÃ© now"
