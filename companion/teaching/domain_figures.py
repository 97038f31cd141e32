"""Figures and controls of the lesson on domains: shared words, hidden tokens, losses."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from transformers import PreTrainedTokenizerBase

from companion.data.domain import vocabulary_overlap
from companion.data.masking import MaskedFetch
from companion.data.tags import IGNORED
from companion.teaching.figures import HOUSE_STYLE, MARKERS, OKABE_ITO, show
from companion.teaching.page import put
from companion.teaching.token_figures import choice

Row = tuple[str, str, str]
HEADS: Row = ("the text", "the network sees", "it is asked for")


def overlap_figure(domains: Mapping[str, Sequence[str]], alt: str) -> None:
    """Show which share of their most frequent words each two domains have in common."""
    shares = overlaps(domains)
    table = [["", *domains]]
    table += [
        [name, *(f"{share:.2f}" for share in row)]
        for name, row in zip(domains, shares, strict=True)
    ]
    caption = "Share of the most frequent words that two samples of equal size have in common."
    show(draw_overlaps(list(domains), shares), alt, caption, table)


def overlaps(domains: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Return the share (D, D) of words that each two domains have in common."""
    return np.array(
        [[vocabulary_overlap(a, b) for b in domains.values()] for a in domains.values()]
    )


def draw_overlaps(names: Sequence[str], shares: np.ndarray) -> Figure:
    """Return the figure of `overlap_figure`."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(7, 4.6))
        ax = fig.subplots()
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        ax.set_xticks(range(len(names)), names, rotation=20, ha="right")
        ax.set_yticks(range(len(names)), names)
        for i, j in np.ndindex(*shares.shape):
            colour = "white" if shares[i, j] > 0.6 else "black"
            ax.text(j, i, f"{shares[i, j]:.2f}", ha="center", va="center", color=colour)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return fig


def hidden_rows(
    fetch: MaskedFetch, tokenizer: PreTrainedTokenizerBase, i: int, epoch: int
) -> list[Row]:
    """Return (token, what the network sees, what it is asked for) for a sequence in an epoch."""
    place = slice(fetch.sequences.offsets[i], fetch.sequences.offsets[i + 1])
    shown, wanted = fetch.hide(i, epoch)
    tokens = tokenizer.convert_ids_to_tokens(fetch.sequences.ids[place])
    seen = tokenizer.convert_ids_to_tokens(shown)
    asked = wanted != IGNORED
    return [
        (token, see, token if ask else "")
        for token, see, ask in zip(tokens, seen, asked, strict=True)
    ]


def hidden_words(rows: Sequence[Row]) -> str:
    """Return the same in words, a line for each token."""
    return "\n".join("".join(f"{cell:<20}" for cell in row).rstrip() for row in (HEADS, *rows))


def hidden_page(rows: Sequence[Row]) -> str:
    """Return the same as an HTML table of three rows; what is asked for stands out."""
    body = ""
    for head, cells in zip(HEADS, zip(*rows, strict=True), strict=True):
        inside = "".join(
            f"<td>{'<strong>' * bool(row[2])}{html.escape(cell)}{'</strong>' * bool(row[2])}</td>"
            for cell, row in zip(cells, rows, strict=True)
        )
        body += f'<tr><th scope="row">{head}</th>{inside}</tr>'
    return f'<div style="overflow-x:auto" tabindex="0"><table>{body}</table></div>'


def hiding_explorer(
    fetch: MaskedFetch, tokenizer: PreTrainedTokenizerBase, i: int, epochs: int = 6
) -> None:
    """Show what is hidden of a sequence in the first epoch, then a list of epochs."""
    found = {f"epoch {e}": hidden_rows(fetch, tokenizer, i, e) for e in range(epochs)}
    first = next(iter(found.values()))
    put(hidden_words(first), hidden_page(first))
    choice({title: hidden_page(rows) for title, rows in found.items()}, "hidden in")


def live_losses(records: Sequence[dict], before: float, after: float, alt: str) -> None:
    """Show the loss of each step of a run, and the held-out loss before and after it."""
    losses = [record["loss"] for record in records]
    ends = [["", "loss in nats"], ["held out, before", f"{before:.2f}"]]
    ends += [["held out, after", f"{after:.2f}"]]
    ends += [[f"step {i}", f"{loss:.2f}"] for i, loss in enumerate(losses)][::5]
    show(draw_live_losses(losses, before, after), alt, table=ends)


def draw_live_losses(losses: Sequence[float], before: float, after: float) -> Figure:
    """Return the figure of `live_losses`."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 4))
        ax = fig.subplots()
        ax.plot(range(len(losses)), losses, marker="", color=OKABE_ITO[0], label="each step")
        ax.plot([0, len(losses) - 1], [before, after], "D", color=OKABE_ITO[1], label="held out")
        beside = {"textcoords": "offset points", "va": "center", "size": 13}
        ax.annotate(f"{before:.2f}", (0, before), xytext=(-10, 0), ha="right", **beside)
        ax.annotate(f"{after:.2f}", (len(losses) - 1, after), xytext=(10, 0), ha="left", **beside)
        ax.margins(x=0.12, y=0.12)  # room for the two numbers beside the line
        ax.set_xlabel("step")
        ax.set_ylabel("loss, nats per hidden token")
        ax.legend()
    return fig


def losses_by_domain(
    arms: Mapping[str, Mapping[str, np.ndarray]], alt: str, caption: str = ""
) -> None:
    """Show the held-out loss of each arm on each kind of text, every seed as a point.

    `arms` gives for each arm and kind the losses (J,) in nats.
    """
    kinds = list(next(iter(arms.values())))
    table = [["network", *kinds]]
    table += [[arm, *(f"{found[k].mean():.2f}" for k in kinds)] for arm, found in arms.items()]
    show(draw_losses_by_domain(arms), alt, caption, table)


def draw_losses_by_domain(arms: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Return the figure of `losses_by_domain`."""
    kinds = list(next(iter(arms.values())))
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 4.6))
        ax = fig.subplots()
        for i, (arm, found) in enumerate(arms.items()):
            for row, kind in enumerate(kinds):
                values, y = found[kind], row + 0.22 * (i - (len(arms) - 1) / 2)
                style = {"marker": MARKERS[i], "color": OKABE_ITO[i], "ls": ""}
                ax.plot(values, np.full(len(values), y), mfc="none", **style)
                ax.plot(values.mean(), y, label=arm if row == 0 else None, **style)
        ax.set_yticks(range(len(kinds)), kinds)
        ax.set_ylim(len(kinds) - 0.5, -0.5)
        ax.set_xlabel("held-out loss, nats per hidden token (lower is better)")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.1)
    return fig
