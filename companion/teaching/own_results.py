"""What the arms scored on a learner's own set: told apart or not, and what more labels may buy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from companion.evidence.curves import gain_of_doubling
from companion.evidence.intervals import Interval, corrected_difference, corrected_interval
from companion.experiments.arms import PROBE
from companion.teaching.data_report import table
from companion.teaching.figures import draw_learning_curve, draw_points_with_intervals
from companion.teaching.own import Outcome
from companion.teaching.own_page import figure


def result_lines(o: Outcome, folder: Path) -> list[str]:
    """Return the arms' scores as a table and a figure, and what was chosen by which part."""
    rows = [
        [j.arm, f"{j.validation:.3f}", str(j.test), f"{j.accuracy:.3f}", f"{j.seconds:.0f}"]
        for j in o.judged
    ]
    failed = [arm for arm in o.plan.arms if arm not in {j.arm for j in o.judged}]
    head = ["arm", "validation macro-F1", "test macro-F1", "test accuracy", "seconds"]
    alt = "Test macro-F1 of each arm with its interval: " + "; ".join(
        f"{j.arm} {j.test}" for j in o.judged
    )
    fig = draw_points_with_intervals(
        {j.arm: values_of(o, j.arm) for j in o.judged},
        {j.arm: (j.test.low, j.test.high) for j in o.judged},
        "macro-F1 on test examples",
    )
    lines = [*table(head, rows), "", figure(fig, alt, "arms", folder), ""]
    lines += [f"- Training diverged, so left out: {arm}." for arm in failed]
    lines += [
        "The arm was chosen by its mean on the validation parts; the test parts chose nothing."
    ]
    return [*lines, "", *compared_lines(o)]


def values_of(o: Outcome, arm: str, n: int | None = None) -> np.ndarray:
    """Return the test scores (J,) of an arm with `n` labels, by default all of the plan's."""
    wanted = (arm, n or o.plan.labels)
    return np.array([r["value"] for r in o.rows if (r["spec"]["arm"], r["spec"]["n"]) == wanted])


def share_of(o: Outcome) -> float:
    """Return the share of examples that test in each run; 0 where they are the same ones."""
    if "test" in o.found.parts:
        return 0.0
    return float(np.mean([row["test_share"] for row in o.rows if "test_share" in row]))


def compared_lines(o: Outcome) -> list[str]:
    """Return in words whether the arm that is handed over is told apart from the others."""
    mine, lines = values_of(o, o.handed.arm), []
    for j in o.judged:
        if j.arm == o.handed.arm:
            continue
        gap = corrected_difference(mine, values_of(o, j.arm), share_of(o))
        word = "is better than" if gap.low > 0 else "is worse than" if gap.high < 0 else None
        what = f"{word} {j.arm}" if word else f"is not told apart from {j.arm}"
        lines.append(f"- {o.handed.arm} {what}: difference {signed(gap)}.")
    return lines


def signed(gap: Interval) -> str:
    """Return a difference and its interval, with their signs."""
    return f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def curve_lines(o: Outcome, folder: Path) -> list[str]:
    """Return the learning curve of an arm that was run with fewer labels, and its next doubling."""
    runs: dict[str, set[int]] = {}
    for trial in o.plan.trials:
        runs.setdefault(trial["arm"], set()).add(trial["n"])
    arm = next((a for a in (o.handed.arm, PROBE) if len(runs.get(a, ())) > 1), None)
    if arm is None or any(r["status"] != "ok" for r in o.rows if r["spec"]["arm"] == arm):
        return [
            "This cannot be told: there was no time to train on fewer labels, or too few labels."
        ]
    sizes, share = sorted(runs[arm]), share_of(o)
    scores = np.stack([values_of(o, arm, n) for n in sizes], axis=1)  # (J, S)
    more = gain_of_doubling(sizes, scores, share)
    points = [(n, *ends(scores[:, i], share)) for i, n in enumerate(sizes)]
    alt = f"Learning curve of {arm}: " + "; ".join(f"{n} labels {m:.3f}" for n, m, _, _ in points)
    of_another = "" if arm == o.handed.arm else " (of the one handed over there was no time for it)"
    verdict = (
        "More labels would help."
        if more.low > 0
        else "Whether more labels would help cannot be told from these runs."
    )
    return [
        figure(
            draw_learning_curve({arm: points}, "macro-F1 on test examples"), alt, "curve", folder
        ),
        "",
        f"For {arm}{of_another}, a doubling of the labels gained {signed(more)} so far. If the "
        f"curve goes on as it did, {2 * o.plan.labels:,} labels would score about "
        f"{scores[:, -1].mean() + more.mean:.3f}. {verdict} Most curves bend, so take the gain as "
        "the most that can be hoped for.",
    ]


def ends(values: np.ndarray, share: float) -> tuple[float, float, float]:
    """Return the mean of some runs and the ends of its interval."""
    found = corrected_interval(values, share)
    return found.mean, found.low, found.high
