"""The recorded trials as lessons show them: values, curves, verdicts, a live run beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from companion.evidence.claims import of_arm
from companion.evidence.intervals import Interval, corrected_interval, prediction_interval
from companion.experiments.ledger import rows_or_none, scores_of, share_of
from companion.experiments.on_elpv import by_module
from companion.experiments.rows import load_experiment
from companion.teaching.figures import Point
from companion.teaching.ledger import known


def recorded(
    name: str,
    metric: str,
    *,
    arm: str | None,
    n: int | str | None = None,
    rate: float | None = None,
    at: Mapping[str, object] | None = None,
) -> np.ndarray:
    """Return the scores (J,) of one arm's recorded trials, by seed; failed runs are left out.

    `n` labels and the peak `rate` choose among the arm's trials; None where it has one only, and
    `arm` is None where an experiment has no arms. `at`
    names any other part of their specification, such as {"block": "pool"}.

    Raises:
        LookupError: none are recorded.
    """
    wanted = chosen(arm, n, rate) | dict(at or {})
    scores = scores_of(name, metric, wanted)
    if not len(scores):
        raise LookupError(
            f"no trial of {name} is recorded for {wanted}. Run `companion record {name}`, or "
            "choose another arm."
        )
    return scores


def recorded_by(
    name: str, metric: str, arm: str, part: str, values: Sequence[str]
) -> dict[str, Interval]:
    """Return an arm's mean score with its interval for each of some `values` of one `part`.

    `part` is a part of the specification, such as "block", and `values` those to read.

    Raises:
        LookupError: one of them is not recorded.
    """
    trials = {value: recorded(name, metric, arm=arm, at={part: value}) for value in values}
    return {value: corrected_interval(scores, share_of(name)) for value, scores in trials.items()}


def chosen(arm: str | None, n: int | str | None, rate: float | None = None) -> dict:
    """Return the part of a specification that names an arm's trials."""
    parts = {"arm": arm, "n": n, "rate": rate}
    return {name: value for name, value in parts.items() if value is not None}


def curve(name: str, metric: str, arms: list[str]) -> dict[str, list[Point]]:
    """Return for each arm the points (n, mean, low, high) of its recorded trials."""
    points: dict[str, list[Point]] = {arm: [] for arm in arms}
    rows = rows_or_none(name, "cpu")
    for arm in arms:
        for n in dict.fromkeys(r["spec"]["n"] for r in rows if r["spec"]["arm"] == arm):
            found = corrected_interval(recorded(name, metric, arm=arm, n=n), share_of(name))
            labels = len(by_module(0).train) if n == "all" else n
            points[arm].append((labels, found.mean, found.low, found.high))
        points[arm].sort()
    return points


def say_claim(id: str) -> None:
    """Print a claim with the effect, interval and verdict of its recorded trials."""
    found = known()[id]
    print(textwrap.fill(f"{id}: {found.claim.text}", 80, subsequent_indent=" " * (len(id) + 2)))
    print(f"    {found.claim.metric}, {found.seeds} seeds, delta {found.claim.delta}")
    print(f"    {found.effect if found.effect else 'no trials'}: {found.verdict}")


def live(name: str, seed: int, *, arm: str, n: int | str | None = None) -> None:
    """Run one more trial of a recorded arm with a fresh seed, and print it beside the others.

    It says whether the score falls into the range in which 19 of 20 further runs should fall.

    Raises:
        LookupError: no trial of this arm is recorded.
    """
    rows = of_arm(rows_or_none(name, "cpu"), chosen(arm, n))
    if not rows:
        raise LookupError(f"no trial of {name} is recorded for {arm!r} with n = {n}.")
    one = next(iter(rows.values()))
    past = recorded(name, one["metric"], arm=arm, n=n)
    spec, metric = one["spec"], one["metric"]
    value = load_experiment(name).run(spec | {"seed": seed})["value"]
    expected = prediction_interval(past)
    print(f"{arm}, {n} labels, seed {seed}: {metric} {value:.3f}")
    inside = expected.low <= value <= expected.high
    word = "inside" if inside else "outside (as 1 in 20 will be; try another seed)"
    print(f"    {word} the recorded range {expected.low:.3f} to {expected.high:.3f}")
