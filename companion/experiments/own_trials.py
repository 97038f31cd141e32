"""The trials of a plan on a learner's own set: each once, restartable, judged like any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from safetensors.torch import load_file, save_file

from companion.data.own import Found
from companion.data.prepared import Prepared, split_of
from companion.data.splits import Split, draw
from companion.data.vision import digest_of
from companion.evidence.intervals import Interval, corrected_interval
from companion.evidence.trials import append_trial, read_trials, spec_key
from companion.experiments.arms import ARMS, WORDS, Task, logits_of, new_network, scores, train_arm
from companion.experiments.comparisons import METRIC
from companion.experiments.own_plan import MOST, Plan
from companion.models.blocks import Blocks
from companion.transfer.progress import progress_bar

TRIALS = "trials.jsonl"


@dataclass(frozen=True)
class Judged:
    """An arm over the seeds of a plan: mean validation score, and the test's with its interval."""

    arm: str
    validation: float
    test: Interval
    accuracy: float
    seconds: float


def split_for(found: Found, prepared: Prepared, seed: int) -> Split:
    """Return the split of a seed: parts that the set came with stay, others are drawn anew."""
    data = prepared.data
    return split_of(np.array(found.parts)[prepared.rows], data.labels, data.groups, seed)


def fits(prepared: Prepared, task: Task) -> str:
    """Name all that a plan was made for: examples, labels, split, backbone and size of pictures."""
    data = prepared.data
    return digest_of(
        data.digest, data.labels.tobytes(), prepared.split.digest, f"{task.backbone} {task.size}"
    )


def run_plan(
    plan: Plan, task: Task, split_of_seed: Callable[[int], Split], folder: Path
) -> list[dict]:
    """Run the trials of a plan that have no row in `folder` yet, and return all rows in order."""
    file = folder / TRIALS
    done = {row["key"]: row for row in read_trials(file)}
    with progress_bar(len(plan.trials), wanted=True) as bar:
        for spec in plan.trials:
            bar.set_description(f"{spec['arm']}, {spec['n']:,} labels, draw {spec['seed'] + 1}")
            key = spec_key(spec)
            if key not in done:
                done[key] = trial(spec, plan, task, split_of_seed(spec["seed"]), folder)
                append_trial(file, done[key])
            bar.update()
    return [done[spec_key(spec)] for spec in plan.trials]


def trial(spec: dict, plan: Plan, task: Task, split: Split, folder: Path) -> dict:
    """Train one arm on one draw and return its row; the first draw's network is kept."""
    start = perf_counter()
    labels, seed = task.data.labels, spec["seed"]
    ids = drawn(labels, split.train, spec["n"], seed)
    choose, test = (asked(split, part, seed) for part in ("validation", "test"))
    row = {"key": spec_key(spec), "spec": spec, "status": "ok", "value": None, "validation": None}
    try:
        model = train_arm(task, spec["arm"], ids, choose, seed)
    except FloatingPointError:
        return row | {"status": "diverged", "seconds": round(perf_counter() - start, 2)}
    if isinstance(model, Blocks) and seed == 0 and spec["n"] == plan.labels:
        keep(model, kept_file(folder, spec["arm"]))
    found = scores(labels[test], logits_of(task, model, test))
    return row | {
        "value": found[METRIC],
        "validation": scores(labels[choose], logits_of(task, model, choose))[METRIC],
        "scores": found,
        "n_test": len(test),
        "test_share": round(len(split.test) / len(labels), 4),
        "split": split.digest,
        "seconds": round(perf_counter() - start, 2),
    }


def drawn(labels: np.ndarray, pool: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return `n` ids of a pool, or all where it has no more: splits differ by a few examples."""
    return draw(labels, pool, n, seed=seed) if n < len(pool) else pool


def asked(split: Split, part: str, seed: int) -> np.ndarray:
    """Return the ids of a part that are scored: all, or of many a draw."""
    ids = getattr(split, part)
    if len(ids) <= MOST[part]:
        return ids
    return np.sort(np.random.default_rng(seed).permutation(ids)[: MOST[part]])


def keep(model: Blocks, file: Path) -> None:
    """Write a network's weights to a file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, temporary)
    temporary.replace(file)


def kept_file(folder: Path, arm: str) -> Path:
    """Return the file of the network that an arm made of the first draw."""
    return folder / "work" / f"{arm.replace(' ', '-')}.safetensors"


def kept_network(task: Task, arm: str, folder: Path) -> Blocks:
    """Return the network that an arm made of the first draw, in eval mode."""
    model = new_network(task, 0)
    model.load_state_dict(load_file(kept_file(folder, arm)))
    return model.eval()


def forget_others(folder: Path, arm: str) -> None:
    """Delete the kept networks of all other arms: each takes up to 100 MB."""
    for file in kept_file(folder, arm).parent.iterdir():
        if file != kept_file(folder, arm):
            file.unlink()


def judged(rows: Sequence[dict], plan: Plan, *, redrawn: bool) -> list[Judged]:
    """Return what each arm made of all the plan's labels, best validation score first.

    An arm with a run that failed is left out. `redrawn` says whether the test part is another in
    each run, which the interval then allows for (Nadeau and Bengio 2003).
    """
    found = []
    for arm in plan.arms:
        mine = [r for r in rows if r["spec"]["arm"] == arm and r["spec"]["n"] == plan.labels]
        if any(row["status"] != "ok" for row in mine):
            continue
        share = float(np.mean([row["test_share"] for row in mine])) if redrawn else 0.0
        found.append(
            Judged(
                arm,
                float(np.mean([row["validation"] for row in mine])),
                corrected_interval(np.array([row["value"] for row in mine]), share),
                float(np.mean([row["scores"]["accuracy"] for row in mine])),
                float(np.mean([row["seconds"] for row in mine])),
            )
        )
    return sorted(found, key=lambda one: (-one.validation, ARMS["texts"].index(one.arm)))


def chosen(found: Sequence[Judged]) -> str:
    """Return the arm whose network is handed over: the best on validation that is a network.

    Raises:
        RuntimeError: the training of each of them diverged.
    """
    networks = [one.arm for one in found if one.arm != WORDS]
    if not networks:
        raise RuntimeError(
            "expected one arm at least whose training did not diverge, found none. Look for "
            "labels that are noise, and try another backbone."
        )
    return networks[0]
