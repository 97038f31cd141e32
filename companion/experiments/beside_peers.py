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
from pathlib import Path

OURS = "companion"
SEEDS = 5
SIZES = {"cpu": 128, "gpu": 224}  # side of the pictures in pixels, by profile


@dataclass(frozen=True)
class Row:
    """One thing to be done: the function that does it on each side, the peers, the settings."""

    way: str
    peers: tuple[str, ...]
    settings: dict


CELLS = {"cells": 200, "epochs": 10, "batch": 16}
RULES = {"texts": 400, "cap": 256, "epochs": 3, "batch": 16}
ROWS = {
    "ten epochs of a new head": Row(
        "head_only", ("pytorch", "fastai", "lightning", "trainer"), CELLS | {"rate": 1e-2}
    ),
    "the same, out of the box": Row("out_of_the_box", ("fastai", "lightning"), CELLS),
    "top third of a picture network": Row(
        "top_third", ("pytorch", "fastai", "lightning", "trainer"), CELLS | {"rate": 1e-3}
    ),
    "whole picture network": Row(
        "everything",
        ("pytorch", "fastai", "lightning", "trainer"),
        CELLS | {"rate": 1e-3, "epochs": 3},
    ),
    "whole text network": Row("all_of_text", ("trainer",), RULES | {"rate": 1e-4}),
    "top third of a text network": Row("top_of_text", ("trainer",), RULES | {"rate": 3e-4}),
    "ten probes at ten rates": Row(
        "probe_sweep", ("pytorch", "trainer"), CELLS | {"cells": 96, "epochs": 5}
    ),
    "ten probes at ten strengths": Row("strength_sweep", ("scikit_learn",), CELLS),
    "reading a domain": Row(
        "masked_words", ("trainer",), {"tokens": 30_000, "batch": 16, "rate": 3e-4}
    ),
    "contrast, 8 examples of each class": Row("contrast", ("setfit",), {"k": 8}),
    "sixteen demonstrations in a prompt": Row("in_context", ("lm_eval",), {"k": 4, "asked": 24}),
    "pictures, first epoch": Row("first_pictures", ("pytorch", "fastai"), CELLS),
    "pictures, later epochs": Row("later_pictures", ("pytorch", "fastai"), CELLS),
    "import, ready to train": Row("importing", ("fastai", "lightning", "trainer"), {}),
}


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every row `seeds` times, with its settings."""
    return [
        {"arm": name, "seed": seed, "size": SIZES[profile]} | row.settings
        for seed in range(seeds)
        for name, row in ROWS.items()
    ]


def run(spec: dict) -> dict:
    """Run all sides of a row once and return how many times faster ours was than the fastest peer.

    Raises:
        ModuleNotFoundError: this is no checkout, or a library of the peers is missing.
        RuntimeError: one side failed; the message ends as its own did.
    """
    row = ROWS[spec["arm"]]
    check_peers()
    sides = (OURS, *row.peers)
    first = spec["seed"] % len(sides)
    found = {side: measure(side, row.way, spec) for side in sides[first:] + sides[:first]}
    return compared(found)


def measure(side: str, way: str, spec: dict) -> dict:
    """Run one side in a new process and return what it measured."""
    command = [sys.executable, "-m", "tests.benchmarks.side", side, way, json.dumps(spec)]
    around = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=checkout(), env=around, capture_output=True, text=True)
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
    if not (checkout() / "tests" / "benchmarks").is_dir():
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


def checkout() -> Path:
    """Return the folder that holds the package."""
    return Path(__file__).parents[2]
