"""The report on what a learner's own set was taught: Markdown, the same as one HTML page, figures.

Each number stands there with its interval, and what was not run is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from companion.evidence.curves import gain_of_doubling
from companion.evidence.intervals import Interval, corrected_difference, corrected_interval
from companion.experiments.arms import FULL, PROBE, TOP, WORDS
from companion.experiments.suggest import FAR, Advantage, Suggestion
from companion.teaching.data_report import report_markdown, table
from companion.teaching.figures import draw_learning_curve, draw_points_with_intervals
from companion.teaching.own import MODEL, Outcome
from companion.teaching.own_mistakes import mistake_lines
from companion.teaching.own_page import as_page, figure

REPORT, PAGE = "report.md", "report.html"
MEANS = {
    WORDS: "counted words and a linear model, no network",
    PROBE: "a linear model on what the frozen network gives",
    TOP: "the upper blocks train, what lies below stays frozen",
    FULL: "every weight trains",
}


def write_report(outcome: Outcome, folder: Path) -> Path:
    """Write the report into `folder`, as Markdown with figures and as one page; return the page."""
    text = "\n".join(sections(outcome, folder)) + "\n"
    (folder / REPORT).write_text(text, "utf-8")
    title = f"What {outcome.found.name} was taught"
    (folder / PAGE).write_text(as_page(text, title, folder), "utf-8")
    return folder / PAGE


def sections(o: Outcome, folder: Path) -> list[str]:
    """Return the lines of the report, its figures written to `folder`."""
    return [
        f"# What {o.found.name} was taught",
        "",
        *summary_lines(o),
        "",
        report_markdown(o.report, o.prepared),
        "## What was suggested, and why",
        "",
        *suggestion_lines(o.suggestion, o.plan.each),
        "",
        "## What was run",
        "",
        *plan_lines(o),
        "",
        "## What came out",
        "",
        *result_lines(o, folder),
        "",
        "## Where the network is wrong",
        "",
        *mistake_lines(o, folder),
        "",
        "## What would twice the labels buy?",
        "",
        *curve_lines(o, folder),
        "",
        "## How to use the network",
        "",
        *use_lines(o),
    ]


def summary_lines(o: Outcome) -> list[str]:
    """Return the result in three sentences."""
    best = o.judged[0]
    right = o.handed.accuracy
    lines = [
        f"The network in `{MODEL}/` was made by the arm **{o.handed.arm}**: "
        f"{MEANS[o.handed.arm]}. Of {right.n:,} test examples it names {right.mean:.0%} rightly; "
        f"95 % interval {right.low:.0%} to {right.high:.0%}. To name the most frequent class each "
        f"time would be right in {o.handed.most_frequent:.0%}."
    ]
    if right.low <= o.handed.most_frequent:
        lines += ["", "**That is not told apart from naming one class each time.** Do not use it."]
    if best.arm == WORDS:
        lines += [
            "",
            "**Counted words did best on the validation part.** They need no network: consider "
            "TF-IDF with a logistic regression before you use what is handed over here.",
        ]
    return lines


def suggestion_lines(found: Suggestion, each: Mapping[str, float]) -> list[str]:
    """Return what the recorded trials of the course say of sets like this one.

    `each` is what a run of each arm takes on this set and machine, in seconds.
    """
    rows = [
        [
            arm.arm,
            gain(arm),
            f"{each[arm.arm]:.0f}" if arm.arm in each else "-",
            "; ".join(f"{s} ({n:,}): {i}" for s, n, i in arm.found) or "-",
        ]
        for arm in found.order
    ]
    lines = [
        "The course recorded the same arms on other sets. These are the nearest to yours in the "
        "number of labels, the number of classes, and in how far the frozen features serve.",
        "",
        *table(
            [
                "arm",
                "gained on the probe",
                "seconds a run, here",
                "nearest sets (labels): gain and interval",
            ],
            rows,
        ),
        "",
    ]
    if found.distance >= FAR:
        return [
            *lines,
            f"**Not enough evidence.** The nearest of them is {found.distance:.1f} doublings of "
            "the labels away. The order above is a guess; the trials below decide.",
        ]
    if not found.enough:
        return [*lines, "**Not enough evidence** to tell one arm from another; the cheapest is "
                        f"{found.tied[0]}."]  # fmt: skip
    others = [arm for arm in found.tied if arm != found.arm]
    also = f" Not told apart from it: {', '.join(others)}." if others else ""
    return [*lines, f"Suggested: **{found.arm}**.{also}"]


def gain(arm: Advantage) -> str:
    """Return an arm's gain in points of macro-F1, and between what ends it lay."""
    if not arm.found:
        return "-"
    return f"{arm.mean:+.3f} ({arm.low:+.3f} to {arm.high:+.3f})"


def plan_lines(o: Outcome) -> list[str]:
    """Return what was planned before the first trial, and what was not."""
    plan = o.plan
    again = "the same test part" if "test" in o.found.parts else "another split"
    lines = [
        f"The plan was made after one measurement of speed and followed: {len(plan.trials)} trials "
        f"of {', '.join(plan.arms)}; {plan.labels:,} labels to train on; {plan.seeds} draws of "
        f"each, each with {again}. Rates, epochs and sizes are the course's, chosen on validation "
        "parts of other sets.",
        "",
        *(f"- Not run: {arm}, which {why}." for arm, why in plan.not_planned.items()),
    ]
    if plan.labels < len(o.prepared.split.train):
        lines += ["", f"**Only {plan.labels:,} of {len(o.prepared.split.train):,} training "
                      "examples were used**, to keep the time."]  # fmt: skip
    if plan.seeds < 5:
        lines += ["", f"With {plan.seeds} draws the intervals are wide; more time buys 5."]
    return lines


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
        return ["There was no time to train on fewer labels, so this cannot be told."]
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


def use_lines(o: Outcome) -> list[str]:
    """Return how to ask the network, with the companion and without it."""
    if o.task.kind == "texts":
        alone = [
            "from transformers import pipeline",
            f'print(pipeline("text-classification", model="{MODEL}", trust_remote_code=True)'
            '("A new text."))',
        ]
        example, note = (
            "A new text.",
            (
                "`trust_remote_code` lets transformers run `mean_pooled.py`, which lies in the "
                "folder and averages the tokens. Read it first."
            ),
        )
        files = "new.csv --text COLUMN"
    else:
        alone = ["import timm", f'net = timm.create_model("local-dir:{MODEL}", pretrained=True)']
        example, note = "new.png", "`config.json` says how a picture is to be prepared."
        files = "new.png more/*.jpg"
    return [
        "```",
        f"companion predict {MODEL} {files}",
        "```",
        "",
        "In Python, with the companion:",
        "",
        "```python",
        "from companion.models.exported import answers, open_exported",
        f'print(*answers(open_exported("{MODEL}"), ["{example}"]))',
        "```",
        "",
        "Without it:",
        "",
        "```python",
        *alone,
        "```",
        "",
        note,
        "",
        "The chances it gives are not calibrated: among answers that it is 90 % sure of, fewer may "
        "be right. It learned from the training part of the first draw alone, so that the test "
        "score above is its own. It knows no class but these: "
        f"{', '.join(o.prepared.data.classes)}.",
    ]
