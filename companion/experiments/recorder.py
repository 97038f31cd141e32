"""Record an experiment's trials: each once, restartable, by one process or by several."""

from __future__ import annotations

import datetime
import platform
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from types import ModuleType

import torch
from filelock import FileLock, Timeout

from companion.data.cache import cache_folder
from companion.device import peak_memory_bytes, this_machine
from companion.evidence.trials import append_trial, spec_key
from companion.experiments.rows import CHECKOUT, current_rows, load_experiment, trials_file
from companion.experiments.source import code_hash

PACKAGES = ("torch", "torchvision", "timm", "transformers", "peft", "numpy", "scikit-learn")


def record(
    name: str,
    *,
    seeds: int | None = None,
    profile: str = "cpu",
    say: Callable[[str], None] = print,
) -> int:
    """Run every trial of the experiment that is not recorded yet; return how many were run.

    A trial that another process is running just now is left to it.

    Raises:
        LookupError: there is no such experiment, or one that it builds on is not recorded.
        RuntimeError: the profile is "gpu" and there is no CUDA GPU.
    """
    if profile == "gpu" and not torch.cuda.is_available():
        raise RuntimeError(
            "--profile gpu needs a CUDA GPU, found none. Record with --profile cpu, or on a GPU."
        )
    module = load_experiment(name)
    specs = module.specs(profile=profile) if seeds is None else module.specs(seeds, profile)
    done = 0
    for number, spec in enumerate(specs, 1):
        key = spec_key(spec)
        with suppress(Timeout), lock_of(name, key):
            if is_recorded(name, key, profile):
                continue
            say(f"{name} {number}/{len(specs)}: {spec}")
            row = trial(module, spec) | {"experiment": name, "profile": profile}
            append_trial(trials_file(name), row)
            say(f"  {row['status']}, {row['value']}, {row['seconds']:.0f} s")
            done += 1
    return done


def is_recorded(name: str, key: str, profile: str) -> bool:
    """Return whether a trial that still counts is in the file, whoever wrote it."""
    return any(row["key"] == key for row in current_rows(name, profile=profile))


def lock_of(name: str, key: str) -> FileLock:
    """Return the lock that a process holds while it runs this trial; it dies with the process."""
    folder = cache_folder() / "recording"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}-{key}.lock", timeout=0)


def trial(module: ModuleType, spec: dict) -> dict:
    """Run one trial and return its row; a run that diverges or outgrows memory is a result."""
    start, status = time.perf_counter(), "ok"
    found: dict = {"value": None}
    try:
        found = module.run(spec)
    except FloatingPointError:
        status = "diverged"
    except (MemoryError, torch.OutOfMemoryError):
        status = "oom"
    return (
        found
        | circumstances()
        | {
            "key": spec_key(spec),
            "spec": spec,
            "code": code_hash(module),
            "status": status,
            "seconds": round(time.perf_counter() - start, 2),
            "peak_memory": peak_memory_bytes(),
        }
    )


def circumstances() -> dict:
    """Return where and with what a trial runs."""
    machine = this_machine()
    return {
        "device": f"{machine.accelerator}, {machine.name}",
        "threads": machine.threads,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
    }


def commit() -> str:
    """Return the commit of the checkout, "" if this is none, with "+" if files are changed."""
    git = partial(subprocess.run, cwd=CHECKOUT, capture_output=True, text=True)
    try:
        head = git(["git", "rev-parse", "--short", "HEAD"])
        changes = git(["git", "status", "--porcelain", "--", "companion/*.py"])
    except OSError:
        return ""
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
