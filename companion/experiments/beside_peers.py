"""How fast are the course's ways beside well-known libraries, on one machine and in one run?

Each side runs in a process of its own (`tests/benchmarks`), one after the other, on the same data,
weights, batch size, precision and epochs; which side comes first changes from seed to seed. The
extra `bench` installs the libraries.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass

from companion.experiments.rows import CHECKOUT

OURS = "companion"
SEEDS = 5
SIZES = {"cpu": 128, "gpu": 224}  # side of the pictures in pixels, by profile


@dataclass(frozen=True)
class Row:
    """One thing to be done: the function that does it on each side, the peers, the settings."""

    name: str
    way: str
    peers: tuple[str, ...]
    settings: dict


LIBRARIES = ("pytorch", "fastai", "lightning", "trainer")
CELLS = {"cells": 96, "epochs": 10, "batch": 16}
RULES = {"texts": 96, "cap": 256, "epochs": 3, "batch": 16}
ROWS = [
    Row(
        "ten epochs of a new head",
        "head_only",
        LIBRARIES,
        CELLS | {"rate": 1e-2, "looks": 3, "short": 10},
    ),
    Row("the same, out of the box", "out_of_the_box", ("fastai", "lightning"), CELLS),
    Row("top third of a picture network", "top_third", LIBRARIES, CELLS | {"rate": 1e-3}),
    Row("whole picture network", "everything", LIBRARIES, CELLS | {"rate": 1e-3, "epochs": 3}),
    Row(
        "whole picture network, longer",
        "everything",
        ("pytorch", "lightning", "trainer"),
        CELLS | {"rate": 1e-3},
    ),
    Row("whole text network", "all_of_text", ("trainer",), RULES | {"rate": 3e-4}),
    Row("top third of a text network", "top_of_text", ("trainer",), RULES | {"rate": 1e-3}),
    Row(
        "ten probes at ten rates",
        "probe_sweep",
        ("pytorch", "trainer"),
        CELLS | {"cells": 64, "epochs": 5},
    ),
    Row("ten probes at ten strengths", "strength_sweep", ("scikit_learn",), CELLS),
    Row(
        "reading a domain",
        "masked_words",
        ("trainer",),
        {"tokens": 15_000, "batch": 16, "rate": 3e-4},
    ),
    Row(
        "contrast, eight examples of each class",
        "contrast",
        ("setfit",),
        {"k": 8, "epochs": 8, "rate": 2e-4},  # as `contrast_epochs` chose
    ),
    Row("twenty demonstrations in a prompt", "in_context", ("lm_eval",), {"k": 4, "asked": 20}),
    Row("pictures, first epoch", "first_pictures", ("pytorch", "fastai"), CELLS),
    Row("pictures, later epochs", "later_pictures", ("pytorch", "fastai"), CELLS),
    Row(
        "training on picture files",
        "training_from_files",
        ("pytorch", "fastai"),
        CELLS | {"rate": 1e-3},
    ),
    Row("a first answer", "first_answer", ("fastai", "lightning", "trainer"), {"batch": 16}),
    Row("import, ready to train", "importing", ("fastai", "lightning", "trainer"), {}),
]


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every row `seeds` times, with its settings."""
    shared = {"size": SIZES[profile]}
    return [
        {"arm": row.name, "way": row.way, "peers": list(row.peers), "seed": seed}
        | shared
        | row.settings
        for seed in range(seeds)
        for row in ROWS
    ]


def run(spec: dict) -> dict:
    """Run all sides of a row once and return how many times faster ours was than the fastest peer.

    Raises:
        ModuleNotFoundError: this is no checkout, or a library of the peers is missing.
        RuntimeError: one side failed; the message ends as its own did.
    """
    check_peers()
    sides = [OURS, *spec["peers"]]
    first = spec["seed"] % len(sides)  # so that no side always comes first
    found = {side: measure(side, spec) for side in sides[first:] + sides[:first]}
    return compared(found)


def measure(side: str, spec: dict) -> dict:
    """Run one side in a new process and return what it measured."""
    command = [sys.executable, "-m", "tests.benchmarks.side", side, json.dumps(spec)]
    around = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=CHECKOUT, env=around, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{side} failed at {spec['arm']!r}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compared(found: dict[str, dict]) -> dict:
    """Return the row of a trial from what each side measured."""
    peers = {side: scores for side, scores in found.items() if side != OURS}
    best = min(peers, key=lambda side: peers[side]["seconds"])
    ratio = round(peers[best]["seconds"] / found[OURS]["seconds"], 4)
    scores = {f"{what}, {side}": value for side in found for what, value in found[side].items()}
    if "accuracy" in found[OURS]:
        gain = found[OURS]["accuracy"] - found[best]["accuracy"]
        scores["accuracy, companion minus best peer"] = round(gain, 5)
    return {
        "metric": "times faster",
        "value": ratio,
        "best peer": best,
        "scores": {"times faster": ratio} | scores,
    }


def check_peers() -> None:
    """Check that the sides can be run.

    Raises:
        ModuleNotFoundError: this is no checkout, or a library of the peers is missing.
    """
    if not (CHECKOUT / "tests" / "benchmarks").is_dir():
        raise ModuleNotFoundError(
            "expected the folder tests/benchmarks beside the package, found none: the sides are "
            "run from a checkout. Clone the repository, and call `make bench` there."
        )
    names = ("fastai", "lightning", "setfit", "lm_eval")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"expected the libraries to compare with, found no {', '.join(missing)}. Install them "
            "with `make bench`, or `pip install -e .[bench]`."
        )
