"""Lesson 01 by depth: first filters, scores after every block, neighbours, and the control."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from companion.data.vision import Pictures
from companion.evidence.intervals import Interval
from companion.teaching.figures import (
    HOUSE_STYLE,
    MARKERS,
    OKABE_ITO,
    draw_gallery,
    figure_html,
    show,
)
from companion.teaching.page import controlled, look, put
from companion.transfer.neighbours import nearest, share_alike

ACROSS = 8  # filters in a row
SHOWN = 5  # neighbours
DASHES = (":", "--", "-.")


def first_filters(weights: Mapping[str, np.ndarray], alt: str, caption: str = "") -> None:
    """Show the filters of first layers: name -> weights (N, 3, H, W), one panel each."""
    show(draw_filters(weights), alt, caption)


def draw_filters(weights: Mapping[str, np.ndarray]) -> Figure:
    """Return the figure of `first_filters`: grey is no weight, a colour what a filter answers to.

    Each filter is stretched by its own largest weight: compare patterns, not strengths.
    """
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 4.4 * len(weights)))
        axes = fig.subplots(len(weights), 1, squeeze=False).ravel()
        for ax, (name, found) in zip(axes, weights.items(), strict=True):
            ax.imshow(mosaic(found), interpolation="nearest")
            ax.set_title(name)
            ax.set_axis_off()
    return fig


def mosaic(filters: np.ndarray) -> np.ndarray:
    """Return filters (N, 3, H, W) as one picture (rows, columns, 3), 0 to 1, with white gaps."""
    height, width = filters.shape[-2:]
    rows = -(-len(filters) // ACROSS)
    page = np.ones((rows * (height + 1) - 1, ACROSS * (width + 1) - 1, 3))
    for i, one in enumerate(filters):
        top, left = (i // ACROSS) * (height + 1), (i % ACROSS) * (width + 1)
        tile = 0.5 + 0.5 * one / max(np.abs(one).max(), 1e-12)
        page[top : top + height, left : left + width] = tile.transpose(1, 2, 0)
    return page


def scores_by_block(
    arms: Mapping[str, Mapping[str, Interval]],
    ylabel: str,
    alt: str,
    references: Mapping[str, float] | None = None,
    xlabel: str = "probe reads what leaves this block",
) -> None:
    """Show a score for every block: arm -> block -> mean with its interval.

    references: label -> value of a level line, such as chance.
    Raises: ValueError if the arms name different blocks.
    """
    table = [["arm", "after", "mean", "low", "high"]]
    for arm, blocks in arms.items():
        for block, found in blocks.items():
            ends = [f"{value:.3f}" for value in (found.mean, found.low, found.high)]
            table.append([arm, block, *ends])
    show(draw_scores_by_block(arms, ylabel, references, xlabel), alt, table=table)


def draw_scores_by_block(
    arms: Mapping[str, Mapping[str, Interval]],
    ylabel: str,
    references: Mapping[str, float] | None = None,
    xlabel: str = "",
) -> Figure:
    """Return the figure of `scores_by_block`; same arguments, same errors."""
    blocks = list(next(iter(arms.values())))
    if any(list(found) != blocks for found in arms.values()):
        raise ValueError(
            f"expected the blocks {blocks} for every arm, found "
            f"{ {arm: list(found) for arm, found in arms.items()} }. Score all of them."
        )
    places = np.arange(len(blocks))
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 5))
        ax = fig.subplots()
        for i, (arm, found) in enumerate(arms.items()):
            mean, low, high = np.array([(f.mean, f.low, f.high) for f in found.values()]).T
            colour, beside = OKABE_ITO[i], places + 0.12 * (i - (len(arms) - 1) / 2)
            ax.vlines(beside, low, high, color=colour, lw=1.8)
            ax.plot(beside, mean, color=colour, marker=MARKERS[i], label=arm)
        for dashes, (label, value) in zip(DASHES, (references or {}).items(), strict=False):
            ax.axhline(value, color="#444444", ls=dashes, lw=1.8, zorder=0, label=label, marker="")
        ax.set_xticks(places, blocks, rotation=45, ha="right")
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.1)
    return fig


@dataclass(frozen=True)
class Looked:
    """What one block takes for alike: pictures, their features by block, and recorded scores.

    `features` maps a block to (N, F); `recorded` a block to the words of what a probe scored there.
    """

    pictures: Pictures
    features: Mapping[str, np.ndarray]
    recorded: Mapping[str, str]


def neighbour_rows(
    looked: Looked, query: int, blocks: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Return pictures (R, 3, H, W) and captions: for each block the query and its neighbours."""
    rows, captions = [], []
    for block in blocks:
        found = nearest(looked.features[block], np.array([query]), SHOWN)[0]
        rows += [query, *found.tolist()]
        names = [looked.pictures.classes[looked.pictures.labels[i]] for i in found]
        captions += [f"{block}:", *names]
    return looked.pictures.pixels[rows], captions


def neighbours_by_depth(looked: Looked, query: int, blocks: Sequence[str], alt: str) -> None:
    """Show the query and its five nearest pictures after each of some blocks, a row each."""
    pictures, captions = neighbour_rows(looked, query, blocks)
    caption = "Left in each row: the picture asked about. To its right: what that block finds."
    show(draw_gallery(pictures, captions, columns=SHOWN + 1), alt, caption)


def depth_words(looked: Looked, block: str) -> str:
    """Say what a block takes for alike over all pictures, and what a probe of it scored."""
    everyone = np.arange(len(looked.pictures))
    found = nearest(looked.features[block], everyone, SHOWN)
    place = share_alike(found, looked.pictures.labels, everyone)
    tint = share_alike(found, looked.pictures.kinds, everyone)
    said = f" Recorded: {looked.recorded[block]}." if block in looked.recorded else ""
    return (
        f"After {block}, {place:.0%} of the five nearest are from the same picture, and {tint:.0%} "
        f"have the same colouring.{said}"
    )


def depth_page(looked: Looked, block: str, query: int) -> str:
    """Return the HTML that the control shows: the query, its neighbours, and the words."""
    pictures, captions = neighbour_rows(looked, query, [block])
    found = ", ".join(captions[1:])
    asked = looked.pictures.classes[looked.pictures.labels[query]]
    alt = f"A piece of the picture {asked}, and its nearest after {block}: {found}."
    return figure_html(draw_gallery(pictures, captions), alt, depth_words(looked, block))


def depth_explorer(looked: Looked, queries: Sequence[int]) -> None:
    """Say in words what every block does, then show controls for depth and picture."""
    import ipywidgets as widgets
    from IPython.display import display

    words = [depth_words(looked, block) for block in looked.features]
    items = "".join(f"<li>{html.escape(text)}</li>" for text in words)
    put("\n".join(words), f"<ul>{items}</ul>")
    blocks = list(looked.features)
    names = [(f"{looked.pictures.classes[looked.pictures.labels[q]]} {q}", q) for q in queries]
    depth = widgets.SelectionSlider(options=blocks, description="after block", **look())
    query = widgets.Dropdown(options=names, description="picture", **look())
    display(controlled([depth, query], partial(depth_page, looked)))
