"""Where the network that is handed over is wrong: its confusion, and what it was surest of."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from companion.teaching.data_report import table
from companion.teaching.figures import HOUSE_STYLE, draw_gallery
from companion.teaching.own import Outcome
from companion.teaching.own_page import figure, shortened

MISTAKES = 12  # shown
ALL = "mistakes.csv"


def mistake_lines(o: Outcome, folder: Path) -> list[str]:
    """Return the confusion as a figure and a table, and the mistakes that it was surest of.

    All mistakes are listed in a CSV file in `folder`.
    """
    counts, classes = o.handed.confusion, [shortened(name) for name in o.prepared.data.classes]
    listed = mistake_rows(o)
    with open(folder / ALL, "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("where", "label", "said", "chance"), *listed])
    rows = [[name, *map(str, row)] for name, row in zip(classes, counts.tolist(), strict=True)]
    alt = confusion_alt(counts, classes)
    lines = [
        figure(draw_confusion(counts, classes), alt, "confusion", folder),
        "",
        *table(["true, below; said, across", *classes], rows),
        "",
        f"Wrong in {len(listed):,} of {int(counts.sum()):,}, which `{ALL}` lists. The surest of "
        "them come first: look at each, since the label may be what is wrong.",
        "",
    ]
    return [*lines, *shown_lines(o, folder)]


def mistake_rows(o: Outcome) -> list[tuple[str, str, str, str]]:
    """Return where each mistake stands, its label, what was said, and with what chance."""
    classes, labels = o.prepared.data.classes, o.prepared.data.labels
    return [
        (o.found.places[o.prepared.rows[i]], classes[labels[i]], said.label, f"{said.chance:.3f}")
        for i, said in o.handed.mistakes
    ]


def shown_lines(o: Outcome, folder: Path) -> list[str]:
    """Return the first mistakes: texts in a table, pictures in a figure with their names below."""
    rows = mistake_rows(o)[:MISTAKES]
    if not rows:
        return []
    if o.task.kind == "texts":
        said = [shortened(answer.item) for _, answer in o.handed.mistakes[:MISTAKES]]
        cells = [[*map(shortened, row), text] for row, text in zip(rows, said, strict=True)]
        return table(["where", "label", "said", "chance", "text"], cells)
    pixels = o.prepared.data.pixels[[i for i, _ in o.handed.mistakes[:MISTAKES]]]
    fig = draw_gallery(pixels, [f"{label}, said {said}" for _, label, said, _ in rows], columns=4)
    alt = "The test pictures that it was wrong about and surest of: " + "; ".join(
        f"{place} is {label}, said {said}" for place, label, said, _ in rows
    )
    cells = [[*map(shortened, row)] for row in rows]
    return [
        figure(fig, alt, "mistakes", folder),
        "",
        *table(["where", "label", "said", "chance"], cells),
    ]


def confusion_alt(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Return the confusion in words: what is most often taken for what."""
    off = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(off.argmax(), off.shape)
    right = f"Confusion of {int(counts.sum())} test examples, {int(np.trace(counts))} right."
    if not off.any():
        return right + " None is wrong."
    return f"{right} Most often wrong: {classes[i]} said to be {classes[j]}, {off[i, j]} times."


def draw_confusion(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Return counts (K, K) as a figure: rows are true, shares of a row are shades."""
    k = len(classes)
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(max(5, 1.5 + 0.9 * k), max(3.5, 1.2 + 0.7 * k)))
        ax = fig.subplots()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        names = [shortened(name, 16) for name in classes]
        ax.set_xticks(
            range(k), names, rotation=30 if k > 3 else 0, ha="right" if k > 3 else "center"
        )
        ax.set_yticks(range(k), names)
        ax.set_xlabel("said")
        ax.set_ylabel("true")
        for i in range(k):
            for j in range(k):
                colour = "white" if shares[i, j] > 0.5 else "black"
                ax.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour)
    return fig
