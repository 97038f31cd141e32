"""How much of what a network reaches is lost where it starts untrained: labels, tags and spans."""

from __future__ import annotations

from collections.abc import Sequence

from companion.experiments import on_tokens
from companion.experiments.rows import current_rows

SEEDS = 5
TEST_SHARE = on_tokens.TEST_SHARE  # the larger of the tasks' shares, for a wider interval
# Task: experiment, what its rows share, and the arms pretrained, untrained and lowest.
SOURCES = {
    "labels": ("what_labels_buy", {"n": 500}, ("full", "untrained", "majority")),
    "tags": ("one_body", {"task": "tags"}, ("tuned", "untrained", None)),
    "spans": ("one_body", {"task": "spans"}, ("tuned", "untrained", None)),
}


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the recorded scores of each task and seed; tasks that lack some are left out."""
    found = []
    for task, (experiment, shared, arms) in SOURCES.items():
        rows = current_rows(experiment, profile=profile)
        for seed in range(seeds):
            values = [value_of(rows, shared | {"seed": seed}, arm) for arm in arms]
            if None not in values:
                names = ("pretrained", "untrained", "lowest")
                found.append({"task": task, "seed": seed} | dict(zip(names, values, strict=True)))
    return found


def value_of(rows: Sequence[dict], asked: dict, arm: str | None) -> float | None:
    """Return the score of an arm's trial, None if it is not recorded; no arm scores 0."""
    if arm is None:
        return 0.0
    wanted = asked | {"arm": arm}
    fits = (r for r in rows if all(r["spec"].get(k) == v for k, v in wanted.items()))
    return next((row["value"] for row in fits), None)


def run(spec: dict) -> dict:
    """Return the share of the way from the lowest score up that is lost without pre-training."""
    reached = spec["pretrained"] - spec["lowest"]
    lost = round((spec["pretrained"] - spec["untrained"]) / reached, 5)
    return {
        "metric": "share lost",
        "value": lost,
        "scores": {"share lost": lost},
        "n_test": 0,
        "split": f"{spec['task']} {spec['seed']}",
    }
