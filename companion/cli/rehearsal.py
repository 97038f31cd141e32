"""`companion classroom rehearse`: a lesson run by several learners at once, timed and weighed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from companion.cli.environment import environment
from companion.cli.house import find
from companion.cli.lessons import Outcome, run_notebook
from companion.data.cache import CACHE_NAME

# A process of root is not bound by permissions until it gives these two rights away.
_RIGHTS = "-dac_override,-dac_read_search"
_BOUND = ("setpriv", "--bounding-set", _RIGHTS, "--inh-caps", _RIGHTS)


def rehearse(root: Path, lesson: str, learners: int) -> int:
    """Run `lesson` for 1, 2, 4 ... `learners` at once, print the cost, return 1 if one failed.

    All read one shared cache, filled by a first run and then read-only; each has a cache of its
    own for what it finds missing.

    Raises:
        FileNotFoundError: there is no such lesson.
        ValueError: fewer than two learners.
    """
    if learners < 2:
        raise ValueError(
            f"expected at least 2 learners, found {learners}; for one, use `companion run`"
        )
    source = find(root, lesson)
    sizes = [*(2**i for i in range(10) if 2**i < learners), learners]
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        shared = Path(folder, "shared")
        (shared / CACHE_NAME).mkdir(parents=True)  # some lessons store nothing
        first = _run_for(1, source, root, {"COMPANION_CACHE": str(shared)}, Path(folder, "fill"))[0]
        print(f"first run, which fills the shared cache: {_told(first)}", flush=True)
        if first.failure:
            print(f"failed: {first.failure}")
            return 1
        before = _protect(shared)
        caches = {"COMPANION_SHARED_CACHE": str(shared)}
        rounds = [_run_for(n, source, root, caches, Path(folder, f"of-{n}")) for n in sizes]
        after = _contents(shared)
        _unprotect(shared)
    failed = [first, *(outcome for outcomes in rounds for outcome in outcomes)]
    failed = [outcome for outcome in failed if outcome.failure]
    for outcomes in rounds:
        slowest = max(outcome.seconds for outcome in outcomes)
        peak = max(outcome.peak_bytes for outcome in outcomes) / 2**30
        print(
            f"{len(outcomes):3} at once: all done in {slowest:5.0f} s, each at most {peak:.2f} GiB"
        )
    print(_cost(sizes, [max(o.seconds for o in outcomes) for outcomes in rounds]))
    for outcome in failed:
        print(f"failed: {outcome.failure}")
    if after != before:
        print("the shared cache was written to")
    return 1 if failed or after != before else 0


def _run_for(
    learners: int, source: Path, root: Path, caches: dict[str, str], folder: Path
) -> list[Outcome]:
    """Run a notebook in so many processes at once, each with a cache of its own unless told."""
    workers = []
    for number in range(learners):
        copy = folder / f"learner-{number}" / source.name
        own = {"COMPANION_CACHE": str(copy.parent / "cache")}
        words = [sys.executable, "-m", "companion.cli.rehearsal", str(source), str(copy), str(root)]
        workers.append(
            subprocess.Popen(
                [*_bound_by_permissions(), *words],
                env=environment(root) | own | caches,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    said = [worker.communicate()[0] for worker in workers]
    return [_read(source.name, text) for text in said]


def _bound_by_permissions() -> tuple[str, ...]:
    """Return the words that make permissions bind a process where we are root, none elsewhere."""
    root = getattr(os, "geteuid", lambda: 1)() == 0
    return _BOUND if root and shutil.which(_BOUND[0]) else ()


def _read(name: str, text: str) -> Outcome:
    try:
        return Outcome(**json.loads(text.splitlines()[-1]))
    except (IndexError, ValueError):
        return Outcome(name, 0.0, 0, "its process ended without a word (often: out of memory)")


def _told(outcome: Outcome) -> str:
    return f"{outcome.seconds:.0f} s, {outcome.peak_bytes / 2**30:.2f} GiB"


def _cost(sizes: list[int], seconds: list[float]) -> str:
    """Return the line through (learners, seconds until the last is done) in words."""
    b, a = np.polyfit(sizes, seconds, 1)
    return f"seconds = {a:.0f} + {b:.1f} x learners"


def _protect(folder: Path) -> dict[str, tuple[int, float]]:
    """Make a folder and all in it read-only; return what it holds."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return _contents(folder)


def _unprotect(folder: Path) -> None:
    """Let the temporary folder be removed."""
    for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        path.chmod(0o755)


def _contents(folder: Path) -> dict[str, tuple[int, float]]:
    """Return size and time of change of every file of a cache."""
    inside = [p for p in (folder / CACHE_NAME).rglob("*") if p.is_file()]
    return {str(p): (p.stat().st_size, p.stat().st_mtime) for p in inside}


if __name__ == "__main__":
    print(json.dumps(asdict(run_notebook(*map(Path, sys.argv[1:])))))
