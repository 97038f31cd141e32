"""What do more examples, deeper freezing, longer texts and more processes cost in time and memory?

Each trial runs in a process of its own (`cost_ways`), so that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from companion.experiments import cost_ways

SEEDS = 3
EXAMPLES = (100, 1_000, 10_000, 100_000, 1_000_000)
UPTO = ("nothing", "block1", "block3", "block5", "pool")
TOKENS = (16, 32, 64, 128, 256, 512)
PROCESSES = (1, 2)
SIZES = {"cpu": 128, "gpu": 224}  # side of the pictures in pixels, by profile


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return each kind of cost over its range, `seeds` times."""
    plans = [{"arm": arm, "n": n} for arm in ("pictures", "activations", "texts") for n in EXAMPLES]
    plans += [{"arm": "freezing", "n": upto, "size": SIZES[profile]} for upto in UPTO]
    plans += [{"arm": "length", "n": tokens} for tokens in TOKENS]
    plans += [{"arm": "processes", "n": count, "size": SIZES[profile]} for count in PROCESSES]
    return [plan | {"seed": seed} for seed in range(seeds) for plan in plans]


def run(spec: dict) -> dict:
    """Measure one cost, and return seconds and peak memory in bytes.

    Raises:
        RuntimeError: the process failed; the message ends as its own did.
    """
    words = [sys.executable, "-m"]
    around = dict(os.environ)
    if spec["arm"] == "processes":
        words += ["torch.distributed.run", "--standalone", f"--nproc-per-node={spec['n']}", "-m"]
        around["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // spec["n"]))
    words += [cost_ways.measure.__module__, json.dumps(spec)]
    done = subprocess.run(words, env=around, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{spec} failed: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {"metric": "seconds", "value": found["seconds"], "scores": found}
