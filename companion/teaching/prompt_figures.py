"""Figures and controls of the lesson on few examples: a prompt and its scores, draws and orders."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from companion.data.prompts import Prompt
from companion.teaching.figures import HOUSE_STYLE, MARKERS, OKABE_ITO, show
from companion.teaching.page import put
from companion.teaching.token_figures import choice
from companion.transfer.incontext import calibrated, probabilities

SHOWN_WORDS = 12  # of each demonstration


@dataclass(frozen=True)
class Asked:
    """A prompt, the text that it asks for, and what came back.

    `scores` (classes,) are the label words' log-probabilities, `free` (F, classes) those after
    questions that ask nothing.
    """

    prompt: Prompt
    text: str
    scores: np.ndarray
    free: np.ndarray

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels' probabilities (classes,) as they are, and calibrated."""
        row = self.scores[None]
        return probabilities(row)[0], probabilities(calibrated(row, self.free))[0]


def prompt_explorer(views: Mapping[str, Asked]) -> None:
    """Show a prompt with its scores before and after calibration, then a list of prompts."""
    first = next(iter(views.values()))
    put(asked_words(first), asked_page(first))
    choice({title: asked_page(asked) for title, asked in views.items()}, "the prompt")


def asked_words(asked: Asked) -> str:
    """Return a prompt and its scores in words."""
    plain, even = asked.shares()
    rows = [f"{'':<16}{'as it is':>10}{'calibrated':>12}"]
    rows += [
        f"{word:<16}{a:>10.2f}{b:>12.2f}"
        for word, a, b in zip(asked.prompt.words, plain, even, strict=True)
    ]
    return "\n".join([short_prompt(asked.prompt, asked.text), "", *rows])


def asked_page(asked: Asked) -> str:
    """Return the same as HTML: the prompt, then a table of shares; the highest stands out."""
    plain, even = asked.shares()
    rows = ""
    for i, word in enumerate(asked.prompt.words):
        cells = "".join(
            f"<td>{mark(f'{part[i]:.2f}', i == part.argmax())}</td>" for part in (plain, even)
        )
        rows += f'<tr><th scope="row">{html.escape(word)}</th>{cells}</tr>'
    heads = "".join(f'<th scope="col">{h}</th>' for h in ("label", "as it is", "calibrated"))
    text = html.escape(short_prompt(asked.prompt, asked.text))
    return (
        f'<pre style="white-space:pre-wrap">{text}</pre>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def mark(text: str, strong: bool) -> str:
    """Return `text`, or the same made to stand out."""
    return f"<strong>{text}</strong>" if strong else text


def short_prompt(prompt: Prompt, text: str) -> str:
    """Return a prompt that asks about `text`, with each of its texts cut to the first words."""
    shown = [
        prompt.question(cut(text)) + prompt.answer(label) for text, label in prompt.demonstrations
    ]
    return (prompt.header + "".join(shown) + prompt.question(cut(text)) + " ...").strip()


def cut(text: str) -> str:
    """Return the first words of a text."""
    words = text.split()
    return " ".join(words[:SHOWN_WORDS]) + (" [...]" if len(words) > SHOWN_WORDS else "")


def draws_and_orders(
    arms: Mapping[str, np.ndarray],
    alt: str,
    xlabel: str,
    references: Mapping[str, float] | None = None,
) -> None:
    """Show a score for each draw and order: `arms` gives (draws, orders) for each arm."""
    table = [["arm", "draw", "lowest", "highest order"]]
    for arm, scores in arms.items():
        table += [
            [arm, str(i), f"{row.min():.2f}", f"{row.max():.2f}"] for i, row in enumerate(scores)
        ]
    caption = "Each point is one order of a draw; a thin line joins the orders of that draw."
    show(draw_draws_and_orders(arms, xlabel, references), alt, caption, table)


def draw_draws_and_orders(
    arms: Mapping[str, np.ndarray], xlabel: str, references: Mapping[str, float] | None = None
) -> Figure:
    """Return the figure of `draws_and_orders`: a row for each draw, a point for each order."""
    with mpl.rc_context(HOUSE_STYLE):
        draws = len(next(iter(arms.values())))
        fig = Figure(figsize=(8, 1.6 + 0.42 * draws))
        ax = fig.subplots()
        for i, (arm, scores) in enumerate(arms.items()):
            for draw, row in enumerate(scores):
                y = draw + 0.3 * (i - (len(arms) - 1) / 2)
                style = {"color": OKABE_ITO[i], "marker": MARKERS[i]}
                ax.plot([row.min(), row.max()], [y, y], color=OKABE_ITO[i], marker="", lw=1)
                label = arm if draw == 0 else None
                ax.plot(row, np.full(len(row), y), ls="", mfc="none", label=label, **style)
        for dashes, (name, value) in zip(("--", ":"), (references or {}).items(), strict=False):
            ax.axvline(value, color="black", lw=1.5, ls=dashes, label=name)
        ax.set_yticks(range(draws), [f"draw {i}" for i in range(draws)])
        ax.set_ylim(draws - 0.5, -0.5)
        ax.set_xlabel(xlabel)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.1)
    return fig


def by_order(orders: Sequence[np.ndarray]) -> np.ndarray:
    """Return scores (draws, orders) from those of each order (draws,)."""
    return np.stack(orders, axis=1)
