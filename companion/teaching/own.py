"""A learner's own set from what was found to a network that is handed over: what a time allows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.metrics import confusion_matrix

from companion.data.own import Found
from companion.data.prepared import Prepared, prepare
from companion.data.report import DataReport, examine
from companion.evidence.intervals import Interval, wilson
from companion.experiments import own_plan, own_trials
from companion.experiments.arms import CAP, SIZE, Task, task_of
from companion.experiments.comparisons import comparisons
from companion.experiments.own_trials import Judged
from companion.experiments.suggest import Suggestion, suggest
from companion.models.export import export_pictures, export_text
from companion.models.exported import Answer, answers, open_exported, write_card
from companion.models.vision import EMBEDDED

BUDGET = 600.0  # seconds
PLAN, MODEL, LEFT_OUT = "plan.json", "model", "left-out.csv"


@dataclass(frozen=True)
class Handed:
    """The network that is handed over, opened again and asked about its test part.

    `accuracy` with the uncertainty of so many examples; `confusion` (K, K), rows are true;
    `mistakes` (id in the set, answer), the surest first.
    """

    arm: str
    accuracy: Interval
    most_frequent: float
    confusion: np.ndarray
    mistakes: tuple[tuple[int, Answer], ...]


@dataclass(frozen=True)
class Outcome:
    """Everything that the report tells."""

    found: Found
    report: DataReport
    prepared: Prepared
    task: Task
    suggestion: Suggestion
    plan: own_plan.Plan
    rows: Sequence[dict]
    judged: Sequence[Judged]
    handed: Handed


def transfer(
    found: Found,
    folder: Path | str,
    *,
    budget: float = BUDGET,
    backbone: str | None = None,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Examine a set, plan for `budget` seconds, run the plan, and hand over the best network.

    All that is written goes into `folder`: the plan, its trials, what was left out, the network.
    Called again with the same arguments, it goes on where it was stopped.

    Raises:
        ValueError: the set cannot be trained on, the budget is too small, or the folder belongs to
            another set.
    """
    start = perf_counter()
    folder = Path(folder)
    say(f"Reading {len(found):,} {found.kind}")
    report = examine(found)
    side = side_for(backbone or "")
    prepared = prepare(found, report, side=side)
    folder.mkdir(parents=True, exist_ok=True)
    list_left_out(found, prepared, folder / LEFT_OUT)
    task = task_of(prepared.data, backbone, size=side)
    splits = cache(partial(own_trials.split_for, found, prepared))  # each is long on a large set
    _, splitting = own_plan.timed(lambda: splits(1))
    end = start + budget - (own_plan.SEEDS[0] - 1) * splitting
    plan, suggestion = planned(task, prepared, folder, budget, end, say)
    rows = own_trials.run_plan(plan, task, splits, folder)
    judged = own_trials.judged(rows, plan, redrawn="test" not in found.parts)
    arm = own_trials.chosen(judged)
    say(f"Handing over: {arm}")
    handed = hand_over(task, arm, found, prepared, folder, plan.labels)
    own_trials.forget_others(folder, arm)
    return Outcome(found, report, prepared, task, suggestion, plan, rows, judged, handed)


def side_for(backbone: str) -> int:
    """Return the side of pictures in pixels: a transformer takes a whole number of patches."""
    patch = re.search(r"patch(\d+)", backbone)
    return SIZE - SIZE % int(patch[1]) if patch else SIZE


def planned(
    task: Task,
    prepared: Prepared,
    folder: Path,
    budget: float,
    end: float,
    say: Callable[[str], None],
) -> tuple[own_plan.Plan, Suggestion]:
    """Return the plan in `folder`, or a new one, and the suggestion that it follows.

    The trials of a new plan have to be over by `end`, on the clock of `perf_counter`.
    """
    mark = own_trials.fits(prepared, task)
    plan = own_plan.load_plan(folder / PLAN, mark)
    if plan is None:
        say("Measuring how fast this machine is on this set")
        costs, skill = own_plan.measure(task, prepared.split)
        counts = own_plan.label_counts(prepared.split, len(prepared.data.classes))
        found = suggestion_for(task, counts[0], skill)
        room = own_plan.room_in(end - perf_counter(), costs, prepared.split)
        plan = own_plan.make_plan(mark, skill, counts, room, found, budget)
        own_plan.save_plan(plan, folder / PLAN)
    say(f"Planned: {len(plan.trials)} trials of {', '.join(plan.arms)}, about {plan.seconds:.0f} s")
    return plan, suggestion_for(task, len(prepared.split.train), plan.skill)


def suggestion_for(task: Task, labels: int, skill: float) -> Suggestion:
    """Return what the recorded trials suggest for a set of so many labels."""
    return suggest(task.kind, labels, len(task.data.classes), skill, comparisons())


def list_left_out(found: Found, prepared: Prepared, file: Path) -> None:
    """Write every place that was passed over or left out, and why, to a CSV file."""
    rows = [*found.passed_over]
    rows += [(place, fault.what) for fault in prepared.left_out for place in fault.places]
    with open(file, "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("place", "why"), *rows])


def hand_over(
    task: Task, arm: str, found: Found, prepared: Prepared, folder: Path, labels: int
) -> Handed:
    """Export an arm's network, open it again, and ask it about the test part of its split."""
    classes = prepared.data.classes
    target = folder / MODEL
    model = own_trials.kept_network(task, arm, folder)
    if task.kind == "pictures":
        architecture = EMBEDDED.get(task.backbone, (None, task.backbone))[1]
        export_pictures(model, architecture, classes, target)
    else:
        export_text(model, classes, target, cap=CAP)
    ids = own_trials.asked(prepared.split, "test", 0)
    facts = {
        "backbone": task.backbone,
        "arm": arm,
        "trained on": labels,
        "set": prepared.data.digest,
        "split": prepared.split.digest,
    }
    write_card(target, task.kind, classes, facts)
    rows = prepared.rows[ids]
    said = list(answers(open_exported(target), [found.items[i] for i in rows]))
    true = prepared.data.labels[ids]
    guesses = np.array([classes.index(answer.label) for answer in said])
    wrong = sorted(np.flatnonzero(guesses != true), key=lambda i: -said[i].chance)
    return Handed(
        arm,
        wilson(int((guesses == true).sum()), len(true)),
        float(np.bincount(true).max() / len(true)),
        confusion_matrix(true, guesses, labels=range(len(classes))),
        tuple((int(ids[i]), said[i]) for i in wrong),
    )
