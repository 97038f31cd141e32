"""The lessons' controls: a pure function behind each, and a still default view beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure
from scipy import stats

from companion.evidence.intervals import Verdict, verdict
from companion.teaching.figures import HOUSE_STYLE, OKABE_ITO, figure_html, show
from companion.teaching.page import controlled, look

_SETTLED_BY_AT_MOST = 200  # seeds; beyond that "more seeds" is no advice


@dataclass(frozen=True)
class IntervalStory:
    """An interval over seeds, read against "A beats B by delta"."""

    mean: float
    low: float
    high: float
    seeds: int
    delta: float
    verdict: Verdict
    sentence: str
    seeds_to_settle: int | None  # with the same mean and spread; None: not within 200


def interval_story(mean: float, sd: float, seeds: int, delta: float) -> IntervalStory:
    """Work out the 95 % t-interval of a mean difference over seeds, and say what it means.

    mean, sd: of the difference A - B over seeds, sd with n - 1. delta: the smallest effect that
    matters. Raises: ValueError for fewer than 2 seeds or a negative spread.
    """
    if seeds < 2 or sd < 0:
        raise ValueError(
            f"Expected at least 2 seeds and a spread of 0 or more, found {seeds} and {sd}."
        )
    half = _half_width(sd, seeds)
    word = verdict(mean - half, mean + half, delta)
    enough = _seeds_to_settle(mean, sd, delta)
    sentence = (
        f"With {seeds} seeds the mean difference is {mean:+.3f}, and its 95 % interval runs from "
        f"{mean - half:+.3f} to {mean + half:+.3f}. {place(word, delta)}: "
        f'"A beats B by {delta:.3f}" is {word}.'
    )
    if word == "undecided":
        sentence += (
            f" With the same mean and spread, {enough} seeds would settle it."
            if enough
            else f" With the same mean and spread, not even {_SETTLED_BY_AT_MOST} seeds would "
            "settle it."
        )
    return IntervalStory(mean, mean - half, mean + half, seeds, delta, word, sentence, enough)


def _half_width(sd: float, seeds: int) -> float:
    return float(stats.t.ppf(0.975, seeds - 1)) * sd / math.sqrt(seeds)


def _seeds_to_settle(mean: float, sd: float, delta: float) -> int | None:
    """Return the least number of seeds whose interval leaves delta outside."""
    for seeds in range(2, _SETTLED_BY_AT_MOST + 1):
        if _half_width(sd, seeds) < abs(mean - delta):
            return seeds
    return None


def place(word: Verdict, delta: float) -> str:
    """Say where an interval with this verdict lies."""
    return {
        "supported": f"All of it lies above {delta:.3f}",
        "contradicted": f"All of it lies below {delta:.3f}",
        "undecided": f"{delta:.3f} lies within it",
    }[word]


def draw_interval(story: IntervalStory) -> Figure:
    """Draw the interval on a line with 0 and delta marked and the verdict as a word."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 2.9))
        ax = fig.subplots()
        ax.axvspan(story.delta, 1, color="#dddddd", lw=0, zorder=0)
        ax.axvline(0, color="#444444", ls=":", lw=1.8, label="no difference")
        ax.axvline(
            story.delta, color=OKABE_ITO[1], ls="--", lw=2.2, label=f"delta = {story.delta:.3f}"
        )
        ax.plot([story.low, story.high], [0, 0], "-|", color=OKABE_ITO[0], lw=4, ms=22, mew=3)
        ax.plot(story.mean, 0, "D", color=OKABE_ITO[0], ms=12)
        ax.set_title(f"{story.seeds} seeds: {story.verdict}", weight="bold")
        # one axis for most settings, so that the sliders move the interval and not the axis
        ends = 0.15 if max(-story.low, story.high) < 0.15 else 0.4
        ax.set_xlim(-ends, ends)
        ax.set_ylim(-1, 1)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("A minus B (grey: better by delta or more)")
        ax.legend(loc="upper left", ncols=1, borderaxespad=0)
    return fig


def interval_page(mean: float, sd: float, seeds: int, delta: float) -> str:
    """Return the HTML that the control shows for its settings: figure and sentence."""
    story = interval_story(mean, sd, seeds, delta)
    return figure_html(draw_interval(story), _alt(story), story.sentence)


def _alt(story: IntervalStory) -> str:
    return (
        f"An interval from {story.low:+.3f} to {story.high:+.3f} around {story.mean:+.3f}, drawn "
        f"against delta at {story.delta:.3f}: {story.verdict}."
    )


def interval_explorer(
    mean: float = 0.03, sd: float = 0.04, seeds: int = 5, delta: float = 0.01
) -> None:
    """Show the interval of these settings as a still figure, then sliders to change them."""
    story = interval_story(mean, sd, seeds, delta)
    show(draw_interval(story), _alt(story), f"To start with: {story.sentence}")
    from IPython.display import display

    display(interval_control(mean, sd, seeds, delta))


def interval_control(mean: float, sd: float, seeds: int, delta: float) -> object:
    """Return the ipywidgets box: four sliders and the page they rewrite."""
    import ipywidgets as widgets

    shared = {"continuous_update": False, **look()}
    fine = {**shared, "step": 0.005, "readout_format": ".3f"}
    sliders = [
        widgets.FloatSlider(value=mean, min=-0.1, max=0.1, description="mean difference", **fine),
        widgets.FloatSlider(value=sd, min=0, max=0.1, description="spread over seeds (SD)", **fine),
        widgets.IntSlider(value=seeds, min=3, max=30, description="number of seeds", **shared),
        widgets.FloatSlider(value=delta, min=0, max=0.05, description="delta", **fine),
    ]
    return controlled(sliders, interval_page)
