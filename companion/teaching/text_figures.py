"""Figures and controls of the lessons on text: tokens, pre-training, reliability."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from transformers import PreTrainedTokenizerBase

from companion.evidence.calibration import reliability
from companion.teaching.figures import HOUSE_STYLE, MARKERS, OKABE_ITO, show
from companion.teaching.page import controlled, look, put

_SENTENCE = ("[CLS]", "my", "flight", "was", "[MASK]", "again", "[SEP]")
_HIDDEN, _GUESSES = 4, ("good", "late", "great")


def tokens_words(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """Return in words what a tokenizer makes of a text: its tokens, and how many there are."""
    tokens = tokenizer.tokenize(text)
    if not tokens:
        return "There is nothing to cut: type a few words."
    parts = sum(token.startswith("##") for token in tokens)
    return (
        f"{' '.join(tokens)}\n{len(text.split())} words, {len(tokens)} tokens, of which {parts} go "
        "on where the last one ended (##). A [CLS] before and a [SEP] after are added."
    )


def tokens_page(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """Return the same as HTML."""
    first, *rest = tokens_words(tokenizer, text).split("\n")
    return f"<p><code>{html.escape(first)}</code></p><p>{html.escape(' '.join(rest))}</p>"


def token_explorer(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    """Show the tokens of `text`, then a field to type another text into."""
    import ipywidgets as widgets
    from IPython.display import display

    put(tokens_words(tokenizer, text), tokens_page(tokenizer, text))
    field = widgets.Text(
        value=text,
        description="your text",
        continuous_update=False,
        **look(),
    )
    display(controlled([field], partial(tokens_page, tokenizer)))


def pretraining_figure() -> None:
    """Show how BERT was pre-trained: a word is hidden, and the blocks have to name it."""
    alt = (
        "A row of seven boxes: CLS, my, flight, was, MASK, again, SEP. Arrows go from all of them "
        "up into one wide box, the blocks with attention, and from it one arrow goes up above MASK "
        "to three guesses: good, late, great, with late marked as the hidden word."
    )
    show(draw_pretraining(), alt, "Pre-training: one word in seven is hidden and has to be named.")


def draw_pretraining() -> Figure:
    """Return the figure of `pretraining_figure`."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 3.6))
        ax = fig.subplots()
        ax.set_axis_off()
        ax.set_xlim(-0.6, len(_SENTENCE) - 0.4)
        ax.set_ylim(-0.5, 3.6)
        for i, word in enumerate(_SENTENCE):
            colour = OKABE_ITO[1] if i == _HIDDEN else "#444444"
            box(ax, i, 0, word, colour)
            arrow(ax, i, 0.35, 0.95, colour)
        middle = (len(_SENTENCE) - 1) / 2
        box(ax, middle, 1.35, "blocks: every token looks at all others (attention)", "#444444", 6)
        arrow(ax, _HIDDEN, 1.75, 2.35, OKABE_ITO[1])
        for i, guess in enumerate(_GUESSES):
            box(ax, _HIDDEN - 1 + i, 2.75, guess, OKABE_ITO[1] if i == 1 else "#444444")
        ax.text(_HIDDEN, 3.25, "the hidden word", ha="center", size=13, color=OKABE_ITO[1])
    return fig


def box(ax: Axes, x: float, y: float, text: str, colour: str, width: float = 0.0) -> None:
    """Draw a text in a box around (x, y), as wide as the text or `width`."""
    style = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": colour, "lw": 1.8}
    if width:
        ax.add_patch(
            mpl.patches.FancyBboxPatch(
                (x - width / 2, y - 0.15),
                width,
                0.3,
                boxstyle="round,pad=0.2",
                fc="white",
                ec=colour,
            )
        )
        style = None
    ax.text(x, y, text, ha="center", va="center", size=13, color=colour, bbox=style)


def arrow(ax: Axes, x: float, low: float, high: float, colour: str) -> None:
    """Draw an arrow upwards from (x, low) to (x, high)."""
    ax.annotate(
        "", (x, high), (x, low), arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.8}
    )


def reliability_diagram(
    labels: np.ndarray, logits: dict[str, np.ndarray], alt: str, caption: str = ""
) -> None:
    """Show for each model how often it is right where it is so and so sure.

    `labels` (N,), `logits` name -> (N, C). Source: Guo et al. 2017.
    """
    curves = {name: reliability(labels, z) for name, z in logits.items()}
    table = [["model", "texts", "confidence", "right"]]
    for name, rows in curves.items():
        table += [[name, str(int(n)), f"{sure:.2f}", f"{right:.2f}"] for sure, right, n in rows]
    show(draw_reliability(curves), alt, caption, table)


def draw_reliability(curves: dict[str, Sequence[tuple[float, float, int]]]) -> Figure:
    """Return the figure of `reliability_diagram` from (confidence, accuracy, count) by bin."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(6.5, 6))
        ax = fig.subplots()
        ax.plot([0, 1], [0, 1], "--", color="#444444", lw=1.5, label="as sure as right", marker="")
        for i, (name, rows) in enumerate(curves.items()):
            sure, right, _ = np.array(rows, dtype=float).T
            colour = OKABE_ITO[i % len(OKABE_ITO)]
            ax.plot(sure, right, color=colour, marker=MARKERS[i % len(MARKERS)], label=name)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_xlabel("confidence")
        ax.set_ylabel("share that is right")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.1)
    return fig
