"""What to run on a learner's own set within a time: measured once, written down, then followed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from companion.data.splits import Split, draw
from companion.experiments.arms import (
    ARMS,
    FULL,
    PROBE,
    TOP,
    WORDS,
    Task,
    below_top,
    epochs_for,
    logits_of,
    new_network,
    plan_for,
    scores,
    train_arm,
)
from companion.experiments.comparisons import METRIC, skill_of
from companion.experiments.suggest import Suggestion
from companion.transfer import recipes, recipes_text

SAMPLE = 96  # examples of the speed probe: six steps
PROBED = 400  # most labels of the probe that says how far the frozen features serve
SEEDS = (5, 3)  # so many, or where time is short fewer
MOST = {"validation": 400, "test": 1000}  # examples asked in a trial
FEWEST = 40  # labels: a plan that needs fewer to keep the time is no plan
SHARE = 0.9  # of the time left that is planned with
REPORT = 15.0  # seconds for figures and pages


@dataclass(frozen=True)
class Costs:
    """What an arm costs, in seconds: to load, by example that trains, by step, by example asked."""

    load: float
    example: float
    step: float
    asked: float

    def of(self, n: int, asked: int) -> float:
        """Return the seconds of a trial with `n` labels that scores `asked` examples."""
        steps = epochs_for(n) * math.ceil(n / recipes.BATCH) if self.step else 0
        return self.load + n * self.example + steps * self.step + asked * self.asked


@dataclass(frozen=True)
class Plan:
    """What is run: `trials` of an arm, a number of labels, its epochs and a seed, in their order.

    `fits` names the set, its split, the backbone and the size of pictures; `skill` is the probe's,
    which the suggestion rests on; `each` the seconds that a trial of an arm is expected to take
    with all `labels`; `not_planned` says of every other arm what it would take; `seconds` is what
    the trials are expected to take together.
    """

    fits: str
    skill: float
    labels: int
    seeds: int
    trials: tuple[dict, ...]
    not_planned: dict[str, str]
    each: dict[str, float]
    seconds: float
    budget: float

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that are run, cheapest first."""
        planned = {trial["arm"] for trial in self.trials}
        return tuple(arm for arm in ARMS["texts"] if arm in planned)


def measure(task: Task, split: Split) -> tuple[dict[str, Costs], float]:
    """Return what each arm costs on this set and machine, and the skill of a linear probe.

    Takes about half a minute on two cores. The test part is not touched.
    """
    labels = task.data.labels
    sample = some(labels, split.train, SAMPLE)
    costs = {arm: cost_of(task, arm, sample) for arm in (TOP, FULL) if trains(task, arm)}
    if task.kind == "texts":
        costs[WORDS] = cost_of_fitting(task, WORDS, sample, sample)[0]
    ids, choose = some(labels, split.train, PROBED), some(labels, split.validation, PROBED)
    costs[PROBE], score = cost_of_fitting(task, PROBE, ids, choose)
    return {arm: costs[arm] for arm in ARMS[task.kind] if arm in costs}, skill_of(
        score, len(task.data.classes)
    )


def some(labels: np.ndarray, pool: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many ids of a pool, classes in proportion, but each there."""
    return draw(labels, pool, most) if len(pool) > max(most, len(np.unique(labels))) else pool


def trains(task: Task, arm: str) -> bool:
    """Say whether an arm can be had with the task's backbone, which may have too few blocks."""
    return arm != TOP or below_top(task, new_network(task, 0)) is not None


def cost_of(task: Task, arm: str, sample: np.ndarray) -> Costs:
    """Return what an arm costs that trains in steps: short runs of one epoch and of two."""
    model, load = timed(lambda: new_network(task, 0))
    tune = recipes.fine_tune if task.kind == "pictures" else recipes_text.fine_tune
    upto = below_top(task, model) if arm == TOP else None

    def run(ids: np.ndarray, epochs: int) -> None:
        config = replace(plan_for(task, len(ids), 0), epochs=epochs)
        tune(model, task.fetch, ids, config, rate=1e-6, upto=upto)

    run(sample[: recipes.BATCH], 1)  # the first step of a process is slower than all others
    _, once = timed(lambda: run(sample, 1))
    _, twice = timed(lambda: run(sample, 2))
    _, asking = timed(lambda: logits_of(task, model, sample))
    steps = math.ceil(len(sample) / recipes.BATCH)
    step = max(0.0, twice - once) / steps
    example = max(0.0, once - steps * step) / len(sample)
    return Costs(load, example, step, asking / len(sample))


def cost_of_fitting(
    task: Task, arm: str, ids: np.ndarray, choose: np.ndarray
) -> tuple[Costs, float]:
    """Return what an arm costs that is fitted in one go, and its score on the examples `choose`."""
    model, fitting = timed(lambda: train_arm(task, arm, ids, choose, 0))
    logits, asking = timed(lambda: logits_of(task, model, choose))
    load = timed(lambda: new_network(task, 0))[1] if arm == PROBE else 0.0
    example = max(0.0, fitting - load) / (len(ids) + len(choose) * (arm == PROBE))
    score = scores(task.data.labels[choose], logits)[METRIC]
    again = example if arm == PROBE else 0.0  # it reads validation twice: to choose, and scored
    return Costs(load, example, 0.0, asking / len(choose) + again), score


def timed(call: Callable[[], object]) -> tuple:
    """Return what a call returns, and the seconds it took."""
    start = perf_counter()
    return call(), perf_counter() - start


@dataclass(frozen=True)
class Room:
    """The seconds that a plan may fill, and what its trials cost; each asks `asked` examples."""

    costs: Mapping[str, Costs]
    asked: int
    seconds: float

    def taken(self, runs: Sequence[tuple[str, int]], seeds: int) -> float:
        """Return the seconds of these (arm, labels), each for so many seeds."""
        return seeds * sum(self.costs[arm].of(n, self.asked) for arm, n in runs)

    def fits(self, runs: Sequence[tuple[str, int]], seeds: int) -> bool:
        """Say whether they fit."""
        return self.taken(runs, seeds) <= self.seconds


def room_in(left: float, costs: Mapping[str, Costs], split: Split) -> Room:
    """Return what fits into the seconds that are left, when the report has had its share."""
    asked = {part: min(len(getattr(split, part)), most) for part, most in MOST.items()}
    report = REPORT + 2 * asked["test"] * max(c.asked for c in costs.values())
    return Room(costs, sum(asked.values()), SHARE * (left - report))


def make_plan(
    fits: str,
    skill: float,
    labels: Sequence[int],
    room: Room,
    suggestion: Suggestion,
    budget: float,
) -> Plan:
    """Return the plan for a budget of seconds: the same for the same arguments.

    `labels` says how many may train, most first. First comes the first suggested arm that fits with
    the most labels, together with the probe and, for texts, counted words to compare it with. Then,
    where they fit, the other arms; then half and a quarter of the labels, which say what more would
    buy. Fewer labels are used only where no arm fits with more.

    Raises:
        ValueError: not even the cheapest arms fit with the fewest labels.
    """
    by_mean = [gained.arm for gained in suggestion.order if gained.arm in room.costs]
    found = first_that_fits(by_mean, labels, room)
    if found is None:
        least = min(room.taken(basis(arm, labels[-1], room), SEEDS[-1]) for arm in by_mean)
        raise ValueError(
            f"expected time for at least {SEEDS[-1]} runs of the cheapest arms on {labels[-1]} "
            f"labels, about {least:.0f} seconds beside what reading and reporting take, found "
            f"{max(0.0, room.seconds):.0f} left of a budget of {budget:.0f}. Ask for more: "
            f"--budget {math.ceil((budget + least - room.seconds) / 60 + 1)}m."
        )
    first, n, seeds = found
    runs = basis(first, n, room)
    others = [(arm, n) for arm in by_mean if (arm, n) not in runs]
    fewer = [(arm, k) for arm in dict.fromkeys((PROBE, first)) for k in (n // 4, n // 2)]
    for run in [*others, *(run for run in fewer if run[1] >= min(labels))]:
        if room.fits([*runs, run], seeds):
            runs.append(run)
    return Plan(
        fits,
        skill,
        n,
        seeds,
        as_trials(runs, seeds),
        {arm: missing(arm, n, runs, seeds, room) for arm, n in others if (arm, n) not in runs},
        {arm: round(room.taken([(arm, n)], 1), 1) for arm in room.costs},
        round(room.taken(runs, seeds), 1),
        budget,
    )


def first_that_fits(
    arms: Sequence[str], labels: Sequence[int], room: Room
) -> tuple[str, int, int] | None:
    """Return the first arm that fits, with how many labels and seeds, the most that fit."""
    for n in labels:
        for arm in arms:
            for seeds in SEEDS:
                if room.fits(basis(arm, n, room), seeds):
                    return arm, n, seeds
    return None


def basis(arm: str, n: int, room: Room) -> list[tuple[str, int]]:
    """Return an arm and the cheap ones that it is compared with, on `n` labels."""
    return [(a, n) for a in ARMS["texts"] if a in (WORDS, PROBE, arm) and a in room.costs]


def as_trials(runs: Sequence[tuple[str, int]], seeds: int) -> tuple[dict, ...]:
    """Return runs as trials, all of a seed before those of the next."""
    return tuple(
        {"arm": arm, "n": n, "epochs": epochs_for(n) if arm in (TOP, FULL) else None, "seed": seed}
        for seed in range(seeds)
        for arm, n in runs
    )


def missing(arm: str, n: int, runs: Sequence[tuple[str, int]], seeds: int, room: Room) -> str:
    """Return in words what an arm that does not fit would have taken."""
    more = room.taken([*runs, (arm, n)], seeds) - room.seconds
    minutes = math.ceil(more / SHARE / 60)
    return f"would take about {minutes} more minute{'s' if minutes > 1 else ''}"


def label_counts(split: Split, classes: int) -> list[int]:
    """Return how many labels may train: all, or halved again and again, but enough to mean much."""
    least = max(FEWEST, 2 * classes)
    counts = [len(split.train)]
    while counts[-1] // 2 >= least:
        counts.append(counts[-1] // 2)
    return counts


def save_plan(plan: Plan, file: Path) -> None:
    """Write a plan to a file, whole or not at all."""
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(plan), indent=1), "utf-8")
    temporary.replace(file)


def load_plan(file: Path, fits: str) -> Plan | None:
    """Return the plan in a file, or None if there is none.

    Raises:
        ValueError: it was made for other examples, another split, backbone or size.
    """
    if not file.exists():
        return None
    found = json.loads(file.read_text("utf-8"))
    if found["fits"] != fits:
        raise ValueError(
            f"expected in {file.parent} the plan of this set, backbone and size, found that of "
            "others: the examples or the options have changed since. Name another folder with "
            "--out, or delete that one to start over."
        )
    return Plan(**(found | {"trials": tuple(found["trials"])}))
