"""The report on what a learner's own set was taught: Markdown, the same as one HTML page, figures.

Each number stands there with its interval, and what was not run is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from companion.experiments.arms import FULL, PROBE, TOP, WORDS
from companion.experiments.suggest import FAR, Advantage, Suggestion
from companion.teaching.data_report import report_markdown, table
from companion.teaching.own import MODEL, Outcome
from companion.teaching.own_mistakes import mistake_lines
from companion.teaching.own_page import as_page
from companion.teaching.own_results import curve_lines, result_lines

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


def suggestion_lines(found: Suggestion, each: Mapping[str, float] | None = None) -> list[str]:
    """Return what the recorded trials of the course say of sets like this one.

    `each` is what a run of each arm takes on this set and machine, in seconds, if known.

    """
    rows = [
        [arm.arm, gain(arm), f"{each[arm.arm]:.0f}" if each and arm.arm in each else "-"]
        for arm in found.order
    ]
    near = [
        f"- {arm.arm}: " + "; ".join(f"{name} ({n:,} labels) {i}" for name, n, i in arm.found)
        for arm in found.order
        if arm.found
    ]
    lines = [
        "The course recorded the same arms on other sets. These are the nearest to yours in the "
        "number of labels, the number of classes, and in how far the frozen features serve.",
        "",
        *table(["arm", "gained on the probe", "seconds a run, here"], rows),
        "",
        "The nearest sets, and what the arm gained there, with its interval:",
        "",
        *near,
        "",
    ]
    if found.distance >= FAR:
        return [
            *lines,
            f"**Not enough evidence.** The nearest of them is {found.distance:.1f} doublings of "
            "the labels away. The order above is a guess; the trials below decide.",
        ]
    if not found.enough:
        return [
            *lines,
            "**Not enough evidence** to tell one arm from another. The order above is that of the "
            "mean gains; the trials below decide.",
        ]
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
