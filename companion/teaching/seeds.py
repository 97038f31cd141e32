"""The seeds control: what a reader would have concluded, had a study stopped after fewer seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.evidence.claims import Claim, of_arm, values
from companion.evidence.intervals import Interval, Verdict, corrected_interval, verdict
from companion.experiments.ledger import claim_called, rows_or_none
from companion.teaching.figures import HOUSE_STYLE, OKABE_ITO, Table, figure_html, show
from companion.teaching.page import controlled, look
from companion.teaching.widgets import place

_ORDERS = 1000  # other orders of the same seeds
_STYLES: dict[Verdict, tuple[str, str]] = {  # marker and colour of a verdict
    "supported": ("o", OKABE_ITO[0]),
    "undecided": ("D", "#444444"),
    "contradicted": ("s", OKABE_ITO[1]),
}
_KEY = (
    "Small open circles: the difference of each seed by itself. Filled: the mean of all seeds so "
    "far, on its interval. A bar that touches the frame goes on outside it."
)


@dataclass(frozen=True)
class Study:
    """A claim, and the difference (J,) of its two arms on each registered seed, in order."""

    claim: Claim
    gaps: np.ndarray


@dataclass(frozen=True)
class Stop:
    """What the first seeds of a study say: the interval of their mean difference, its verdict."""

    interval: Interval
    verdict: Verdict


def study_of(id: str) -> Study:
    """Return a claim with the recorded differences of its registered seeds.

    Raises:
        LookupError: there is no such claim, fewer than two of its seeds are recorded, or it does
            not say that one arm beats another, which is all that this control shows.
    """
    claim = claim_called(id)
    if claim.no_difference or claim.worse is None:
        says = "that they do not differ" if claim.no_difference else "how large a ratio is"
        raise LookupError(
            f"expected a claim that one arm beats another, found {id}, which says {says}. Choose "
            "another claim; the ledger tells this one's verdict."
        )
    rows = rows_or_none(claim.experiment, "cpu")
    arms = [of_arm(rows, arm) for arm in (claim.better, claim.worse)]
    done = [{seed for seed, row in arm.items() if row["status"] == "ok"} for arm in arms]
    seeds = sorted(done[0] & done[1] & set(range(claim.seeds)))
    if len(seeds) < 2:
        raise LookupError(
            f"expected at least 2 recorded seeds of both arms of {id}, found {len(seeds)}. Run "
            f"`companion record {claim.experiment}`, or choose another claim."
        )
    better, worse = (values(arm, seeds, claim.metric) for arm in arms)
    return Study(claim, better - worse)


def stops(study: Study, shared: bool = True, count: int | None = None) -> list[Stop]:
    """Return what the study says after its first 2, 3, ... `count` seeds (None: all J).

    With `shared` the interval allows for test sets drawn again from the same examples, as the
    claim's own does; without, it is the plain t-interval, as if the runs shared nothing.

    Raises:
        ValueError: `count` is below 2 or above J.
    """
    claim, most = study.claim, len(study.gaps)
    count = most if count is None else count
    if not 2 <= count <= most:
        raise ValueError(f"expected a number of seeds from 2 to {most}, found {count}.")
    found = []
    for n in range(2, count + 1):
        share, confidence = (claim.test_share if shared else 0.0), 1 - 0.05 / claim.family
        interval = corrected_interval(study.gaps[:n], share, confidence)
        found.append(Stop(interval, verdict(interval.low, interval.high, claim.delta)))
    return found


def stop_words(study: Study, count: int, shared: bool = True) -> str:
    """Say what a reader would have concluded, had the study stopped after `count` seeds."""
    here, last = stops(study, shared, count)[-1], stops(study, shared)[-1]
    level = f"{100 * (1 - 0.05 / study.claim.family):g} %"
    numbers = (
        f"the mean difference is {here.interval.mean:+.3f}, and its {level} interval runs from "
        f"{here.interval.low:+.3f} to {here.interval.high:+.3f}. "
        f"{place(here.verdict, study.claim.delta)}"
    )
    if count == last.interval.n:
        return f"With all {count} seeds {numbers}: the claim is {here.verdict}."
    later = "say so, too" if here.verdict == last.verdict else f"say {last.verdict}"
    return (
        f"With {count} seeds {numbers}: who stops here reports {here.verdict}. "
        f"All {last.interval.n} seeds {later}."
    )


def path_words(found: Sequence[Stop]) -> str:
    """Say which verdict stood when: "supported after 2 seeds, undecided after 3 to 10"."""
    parts = []
    for word, group in groupby(found, lambda stop: stop.verdict):
        counts = [stop.interval.n for stop in group]
        span = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        parts.append(f"{word} after {span}{'' if parts else ' seeds'}")
    return ", ".join(parts)


def stopped_early(study: Study, orders: int = _ORDERS) -> dict[Verdict, int]:
    """Return how often each verdict is reported if one stops as soon as there is one.

    The same seeds are taken in other orders, drawn anew; "undecided" counts those that reach the
    end without a decision. After the last seed all orders agree.
    """
    delta, counts = study.claim.delta, dict.fromkeys(_STYLES, 0)
    gaps = np.tile(study.gaps, (orders, 1))
    gaps = np.random.default_rng(0).permuted(gaps, axis=1)
    going_on = np.ones(orders, dtype=bool)
    for n, factor in _widths(study).items():
        mean, half = gaps[:, :n].mean(axis=1), factor * gaps[:, :n].std(axis=1, ddof=1)
        for word, there in (
            ("supported", mean - half > delta),
            ("contradicted", mean + half < delta),
        ):
            counts[word] += int((going_on & there).sum())
            going_on &= ~there
    return counts | {"undecided": int(going_on.sum())}


def _widths(study: Study) -> dict[int, float]:
    """Return for 2, 3, ... J seeds how many standard deviations half an interval is long."""
    steps = np.arange(len(study.gaps), dtype=float)
    intervals = [stop.interval for stop in stops(Study(study.claim, steps))]
    return {i.n: (i.high - i.mean) / steps[: i.n].std(ddof=1) for i in intervals}


def early_words(study: Study, orders: int = _ORDERS) -> str:
    """Say what `stopped_early` counted."""
    counts = stopped_early(study, orders)
    told = [f"{count:,} report {word}" for word, count in counts.items() if count]
    return (
        f"Suppose {orders:,} readers take these seeds in orders of their own and stop at the first "
        f"decision: {', '.join(told)}. All {len(study.gaps)} seeds say {stops(study)[-1].verdict}."
    )


def draw_stops(study: Study, count: int | None = None, shared: bool = True) -> Figure:
    """Draw the interval after 2, 3, ... `count` seeds (None: all), on axes that fit them all."""
    found = stops(study, shared, count)
    here, total = found[-1], len(study.gaps)
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 4.4))
        ax = fig.subplots()
        ax.axhline(0, color="#444444", ls=":", lw=1.8, marker="")
        delta = study.claim.delta
        ax.axhline(delta, color=OKABE_ITO[1], ls="--", lw=2.2, marker="", label=f"delta {delta:g}")
        seeds = np.arange(1, here.interval.n + 1)
        ax.plot(seeds - 0.2, study.gaps[: len(seeds)], "o", mfc="none", mec="#777777", ms=6)
        for word in _STYLES:
            _draw_verdict(ax, [stop.interval for stop in found if stop.verdict == word], word)
        ax.set_title(f"{here.interval.n} of {total} seeds: {here.verdict}", weight="bold")
        ax.set_xlim(0.5, total + 0.5)
        ax.set_ylim(*_reach(study))
        ax.set_xticks(range(2, total + 1, 1 if total <= 12 else 2))
        ax.set_xlabel("number of seeds")
        ax.set_ylabel("mean difference")
        ax.legend(loc="upper right", ncols=2, borderaxespad=0)
    return fig


def _draw_verdict(ax: Axes, intervals: list[Interval], word: Verdict) -> None:
    """Draw the intervals that carry one verdict, with its marker and colour."""
    marker, colour = _STYLES[word]
    for i, one in enumerate(intervals):
        ax.plot([one.n, one.n], [one.low, one.high], color=colour, lw=2.6, marker="")
        ax.plot(one.n, one.mean, marker, color=colour, ms=10, label=None if i else word)


def _reach(study: Study) -> tuple[float, float]:
    """Return the ends of the axis; two seeds, whose interval may be huge, do not stretch it."""
    ends = [(stop.interval.low, stop.interval.high) for stop in stops(study)[1:]]
    drawn = np.concatenate([np.ravel(ends), study.gaps, [0, study.claim.delta]])
    span = drawn.max() - drawn.min()
    return drawn.min() - 0.06 * span, drawn.max() + 0.22 * span  # room for the legend


def stops_alt(study: Study, count: int | None = None, shared: bool = True) -> str:
    """Return the alternative text of `draw_stops` for the same arguments."""
    found = stops(study, shared, count)
    first, last = found[0].interval, found[-1].interval
    return (
        f"The mean difference and its interval after 2 to {last.n} of {len(study.gaps)} seeds, "
        f"against delta at {study.claim.delta:g}. After 2: {first}. After {last.n}: {last}. "
        f"Verdicts: {path_words(found)}."
    )


def stops_table(study: Study, plain: bool) -> Table:
    """Return every number of seeds with its interval and verdict; with `plain`, both intervals."""
    heads = ["seeds", "difference", "low", "high", "verdict"]
    rows = [[str(s.interval.n), *_cells(s)] for s in stops(study)]
    if plain:
        heads += ["low if independent", "high", "verdict"]
        rows = [[*row, *_cells(s)[1:]] for row, s in zip(rows, stops(study, False), strict=True)]
    return [heads, *rows]


def _cells(stop: Stop) -> list[str]:
    ends = (stop.interval.mean, stop.interval.low, stop.interval.high)
    return [*(f"{value:+.3f}" for value in ends), stop.verdict]


def seeds_page(study: Study, count: int, shared: bool = True) -> str:
    """Return the HTML that the control shows for its settings: figure and sentence."""
    fig, alt = draw_stops(study, count, shared), stops_alt(study, count, shared)
    return figure_html(fig, alt, stop_words(study, count, shared))


def seeds_explorer(id: str, *, plain: bool = False) -> None:
    """Show a claim's interval after every number of seeds, then a slider to stop earlier.

    With `plain` one may also choose the interval of runs that share nothing.
    """
    from IPython.display import display

    study = study_of(id)
    about = f"{id}, {study.claim.metric}: {study.claim.text}"
    caption = f"{about} {_KEY} Verdicts: {path_words(stops(study))}. "
    if plain:
        caption += f"Taken for independent: {path_words(stops(study, False))}. "
    show(
        draw_stops(study), stops_alt(study), caption + early_words(study), stops_table(study, plain)
    )
    display(seeds_control(study, plain))


def seeds_control(study: Study, plain: bool = False) -> object:
    """Return the ipywidgets box: a slider, with `plain` a choice of interval, and their page."""
    import ipywidgets as widgets

    most = len(study.gaps)
    slider = widgets.IntSlider(
        value=2,
        min=2,
        max=most,
        description="number of seeds",
        continuous_update=False,  # drawing takes longer than the mouse
        **look(),
    )
    if not plain:
        return controlled([slider], partial(seeds_page, study))
    ways = [("for examples that the runs share", True), ("as if they shared none", False)]
    which = widgets.Dropdown(options=ways, value=True, description="interval", **look())
    return controlled([slider, which], partial(seeds_page, study))
