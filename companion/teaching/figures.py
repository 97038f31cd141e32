"""The course's figures: one style, alt text that survives every page, the numbers beside them.

`draw_*` returns a matplotlib Figure; the function without the prefix also puts it on the page.
"""

from __future__ import annotations

import base64
import html
import io
import sys
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from companion.teaching.page import put

# Okabe and Ito's palette for all kinds of colour vision, the dark ones first, yellow left out as
# too pale on white. Every colour comes with its own marker, so colour is never the only cue.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("--", ":", "-.", (0, (8, 3)))

# Sizes are for a page that shows the figure at half its width.
HOUSE_STYLE = {
    "font.size": 15,
    "axes.titlesize": 16,
    "axes.labelsize": 15,
    "xtick.labelsize": 14,
    "ytick.labelsize": 14,
    "legend.fontsize": 13,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 2.2,
    "lines.markersize": 9,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": mpl.cycler(color=OKABE_ITO, marker=MARKERS),
}
_DPI = 100  # 800 pixels for 8 inches: a figure of the course is 20 to 60 kB

Table = Sequence[Sequence[str]]
Point = tuple[int, float, float, float]  # n, mean, low, high


def use_house_style() -> None:
    """Give the learner's own matplotlib figures the look of the course's."""
    mpl.rcParams.update(HOUSE_STYLE)


def show(fig: Figure, alt: str, caption: str = "", table: Table = ()) -> None:
    """Put `fig` on the page with alt text, and `table` (first row: headings) folded below it.

    Raises: ValueError if `alt` says too little for someone who cannot see the figure.
    """
    page = figure_html(fig, alt, caption, table)
    rows = ["  ".join(row) for row in table]
    put("\n".join([f"Figure: {alt}", *([caption] if caption else []), *rows]), page)
    if "matplotlib.pyplot" in sys.modules:  # else a figure of plt.subplots is shown twice
        sys.modules["matplotlib.pyplot"].close(fig)


def figure_html(fig: Figure, alt: str, caption: str = "", table: Table = ()) -> str:
    """Return `fig` as an HTML figure with its picture inside.

    Raises: ValueError if `alt` has fewer than 20 characters.
    """
    if len(alt.strip()) < 20:
        raise ValueError(
            f"Expected alt text of at least 20 characters, found {alt!r}. Say what the figure "
            "shows, with its main numbers, to someone who cannot see it."
        )
    picture = base64.b64encode(png(fig)).decode()
    # white behind the picture: the book and JupyterLab have dark themes
    image = (
        f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{picture}" '
        'style="max-width:100%;height:auto;background:#fff">'
    )
    words = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure style="margin:0.5em 0">{image}{words}{_table_html(table)}</figure>'


def png(fig: Figure) -> bytes:
    """Return `fig` as PNG, with one channel if it is all grey: a third smaller, nothing lost."""
    drawn, file = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=_DPI, facecolor="white")
    image = Image.open(drawn).convert("RGB")
    red, green, blue = image.split()
    grey = red.tobytes() == green.tobytes() == blue.tobytes()
    (red if grey else image).save(file, "PNG", optimize=True)
    return file.getvalue()


def _table_html(table: Table) -> str:
    if not table:
        return ""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in table[1:]
    )
    return (
        "<details><summary>The numbers behind the figure</summary><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def gallery(
    pictures: np.ndarray, captions: Sequence[str], alt: str, columns: int = 6, caption: str = ""
) -> None:
    """Show pictures in rows, each with its own short caption.

    pictures: uint8, (N, H, W) grey or (N, 3, H, W) colour.
    Raises: ValueError for another shape or dtype, or a wrong number of captions.
    """
    show(draw_gallery(pictures, captions, columns), alt, caption)


def draw_gallery(pictures: np.ndarray, captions: Sequence[str], columns: int = 6) -> Figure:
    """Return the figure of `gallery`; same arguments, same errors."""
    pictures = np.asarray(pictures)
    colour = pictures.ndim == 4 and pictures.shape[1] == 3
    if pictures.dtype != np.uint8 or not (colour or pictures.ndim == 3) or not len(pictures):
        raise ValueError(
            "Expected uint8 pictures of shape (N, H, W) or (N, 3, H, W), found "
            f"{pictures.dtype} {pictures.shape}. Convert them first, values 0 to 255."
        )
    if len(captions) != len(pictures):
        raise ValueError(
            f"Expected a caption for each of {len(pictures)} pictures, found {len(captions)}."
        )
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    side = 9 / columns
    wrapped = [textwrap.fill(str(c), max(8, int(side * 9))) for c in captions]
    lines = max(text.count("\n") + 1 for text in wrapped)
    ratio = pictures.shape[-2] / pictures.shape[-1]
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(9, rows * (side * ratio + 0.24 * lines + 0.1)))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, picture, text in zip(axes, pictures, wrapped, strict=False):
            ax.imshow(picture.transpose(1, 2, 0) if colour else picture, "gray", vmin=0, vmax=255)
            ax.set_title(text, fontsize=13, loc="center")
    return fig


def points_with_intervals(
    rows: Mapping[str, Sequence[float]],
    intervals: Mapping[str, tuple[float, float]],
    xlabel: str,
    alt: str,
    references: Mapping[str, float] | None = None,
    caption: str = "",
) -> None:
    """Show every seed of every arm as a point, with the mean and its 95 % interval.

    rows: arm -> one value per seed. intervals: arm -> (low, high). references: label -> value of
    a line to compare with, such as the majority baseline.
    Raises: ValueError if rows and intervals name different arms.
    """
    fig = draw_points_with_intervals(rows, intervals, xlabel, references)
    table = [["arm", "seeds", "mean", "low", "high"]]
    for arm, values in rows.items():
        ends = [f"{end:.3f}" for end in intervals[arm]]
        table.append([arm, str(len(values)), f"{np.mean(values):.3f}", *ends])
    table += [[label, "", f"{value:.3f}", "", ""] for label, value in (references or {}).items()]
    key = "Open markers: one seed each. Filled: their mean, on its 95 % interval."
    show(fig, alt, f"{caption} {key}".strip(), table)


def draw_points_with_intervals(
    rows: Mapping[str, Sequence[float]],
    intervals: Mapping[str, tuple[float, float]],
    xlabel: str,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Return the figure of `points_with_intervals`; same arguments, same errors."""
    if not rows or set(rows) != set(intervals):
        raise ValueError(
            f"Expected an interval for each arm, found arms {list(rows)} and intervals for "
            f"{list(intervals)}. Name the same arms in both."
        )
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 1.5 + 0.85 * len(rows) + 0.3 * len(references or {})))
        ax = fig.subplots()
        for row, (arm, values) in enumerate(rows.items()):
            _draw_row(ax, row, np.asarray(values, dtype=float), intervals[arm])
        ax.set_yticks(range(len(rows)), [textwrap.fill(arm, 20) for arm in rows])
        ax.set_ylim(len(rows) - 0.5, -0.55)
        ax.set_xlabel(xlabel)
        ax.tick_params(axis="y", length=0)
        _draw_references(ax, references or {}, vertical=True)
    return fig


def _draw_row(ax: Axes, row: int, values: np.ndarray, ends: tuple[float, float]) -> None:
    """Draw one arm: seeds above, the mean on its interval below, so that neither hides."""
    colour, marker = OKABE_ITO[row % len(OKABE_ITO)], MARKERS[row % len(MARKERS)]
    above, below = np.full(len(values), row - 0.16), row + 0.16
    ax.plot(values, above, marker, mfc="none", mec=colour, mew=1.8, ms=9)
    half = np.array([[values.mean() - ends[0]], [ends[1] - values.mean()]])
    # xerr cannot be negative, and an interval (a prediction interval, say) may miss the mean
    ax.plot(ends, [below, below], "-|", color=colour, lw=3.5, ms=15, mew=2.5)
    ax.plot(values.mean(), below, marker, color=colour, ms=11)
    text = f"{values.mean():.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"
    middle = (ends[0] + ends[1]) / 2 if half.min() >= 0 else values.mean()
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # a reference line ends at it
    place = {"textcoords": "offset points", "ha": "center", "va": "top"}
    ax.annotate(text, (middle, below), (0, -9), **place, size=13, bbox=plain)


def _draw_references(ax: Axes, references: Mapping[str, float], vertical: bool) -> None:
    draw = ax.axvline if vertical else ax.axhline
    for i, (label, value) in enumerate(references.items()):
        line = draw(value, color="#444444", ls=_DASHES[i % len(_DASHES)], lw=1.8, zorder=0)
        line.set_marker("")
        line.set_label(f"{label}: {value:.3f}")
    if references and vertical:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1)


def learning_curve(
    arms: Mapping[str, Sequence[Point]],
    ylabel: str,
    alt: str,
    references: Mapping[str, float] | None = None,
    caption: str = "",
) -> None:
    """Show score against the number of labelled examples, with 95 % intervals for each arm.

    arms: arm -> points (n, mean, low, high). references: label -> value of a level line.
    Raises: ValueError if there is no arm, an arm has no points, or an n is below 1.
    """
    table = [["arm", "labels", "mean", "low", "high"]]
    for arm, points in arms.items():
        table += [[arm, str(n), *(f"{value:.3f}" for value in rest)] for n, *rest in points]
    table += [[label, "", f"{value:.3f}", "", ""] for label, value in (references or {}).items()]
    show(draw_learning_curve(arms, ylabel, references), alt, caption, table)


def draw_learning_curve(
    arms: Mapping[str, Sequence[Point]],
    ylabel: str,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Return the figure of `learning_curve`; same arguments, same errors."""
    sizes = sorted({point[0] for points in arms.values() for point in points})
    if not sizes or sizes[0] < 1 or not all(arms.values()):
        raise ValueError(
            "Expected points (n, mean, low, high) with n of at least 1 for every arm, found "
            f"{ {arm: len(points) for arm, points in arms.items()} } points, sizes {sizes}."
        )
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 5))
        ax = fig.subplots()
        for i, (arm, points) in enumerate(arms.items()):
            n, mean, low, high = np.array(sorted(points), dtype=float).T
            colour = OKABE_ITO[i % len(OKABE_ITO)]
            if len(arms) <= 3:
                ax.fill_between(n, low, high, color=colour, alpha=0.18, lw=0)
            else:  # more bands than that hide each other: bars, side by side
                n = n * 1.05 ** (i - (len(arms) - 1) / 2)
                ax.vlines(n, low, high, color=colour, lw=1.6)
            ax.plot(n, mean, color=colour, marker=MARKERS[i % len(MARKERS)], label=arm)
        _draw_references(ax, references or {}, vertical=False)
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
        ax.minorticks_off()
        ax.set_xlabel("labelled training examples")
        ax.set_ylabel(ylabel)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.1)
    return fig
