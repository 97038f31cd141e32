"""`companion test`: everything that must pass, in stages that all run even if one fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from companion.cli.environment import environment
from companion.cli.matrix import COLUMNS, find_python, lacking
from companion.cli.offline import network_cut

NO_TESTS = 5  # pytest's status where nothing was collected
COLAB_BY = 3000  # seconds; it takes a quarter of an hour at most, and a run shall end within 75 min
_PYTEST = [sys.executable, "-m", "pytest"]
_TWO = [*_PYTEST, "-n", "2", "--dist", "loadfile"]  # two files at once
# A lesson that calls something deprecated fails now, not when a learner's library is newer.
_STRICT = "error::DeprecationWarning:__main__,error::FutureWarning:__main__"


@dataclass(frozen=True)
class Stage:
    """One command of the test run, without a network if `cut`; `note` says why it cannot run.

    `around` is added to its environment. It does not begin later than `by` seconds after the
    first, where that is given.
    """

    headline: str
    command: list[str]
    cut: bool = False
    may_be_empty: bool = False
    around: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    by: float | None = None


def test(root: Path, pytest_arguments: Sequence[str] = ()) -> int:
    """Run every stage that can run here, print how each went, and return 1 if one failed.

    With `pytest_arguments` only pytest's stages run, with these arguments.
    """
    cut = network_cut()
    where = "without a network" if cut else "WITH the network: this system cannot cut it"
    chosen = pytest_stages(pytest_arguments) if pytest_arguments else all_stages(root)
    results, begin = [], time.perf_counter()
    for stage in chosen:
        headline = f"{stage.headline}{f', {where}' if stage.cut else ''}"
        print(f"\n=== {headline} ===", flush=True)
        start = time.perf_counter()
        note = stage.note or too_late(stage, start - begin)
        how = "NOT RUN" if note else ("passed" if run_stage(stage, root, cut) else "FAILED")
        headline += f": {note}" if note else ""
        results.append((how, time.perf_counter() - start, headline))
    print("\n=== stages ===")
    for how, seconds, headline in results:
        print(f"{how:7} {seconds:7.1f} s  {headline}")
    count = Counter(how for how, _, _ in results)
    skipped = f", {count['NOT RUN']} not run" if count["NOT RUN"] else ""
    print(f"{count['passed']} passed, {count['FAILED']} failed{skipped}", flush=True)
    return 1 if count["FAILED"] else 0


def too_late(stage: Stage, elapsed: float) -> str | None:
    """Return why a stage is left out of a run that has taken `elapsed` seconds, or None."""
    if stage.by is None or elapsed <= stage.by:
        return None
    return (
        f"expected at most {stage.by / 60:.0f} minutes before it, found {elapsed / 60:.0f}; run it "
        f"by itself: companion {' '.join(stage.command[3:])}"
    )


def all_stages(root: Path) -> list[Stage]:
    """Return the stages of a whole test run, in their order."""
    python = [sys.executable, "-m"]
    code = [name for name in ("companion", "tests", "notebooks") if (root / name).is_dir()]
    notebooks = sorted(f"notebooks/{path.name}" for path in (root / "notebooks").glob("*.ipynb"))
    nbval = [*_TWO, "--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
    strict = half() | {"PYTHONWARNINGS": _STRICT}
    lessons = [Stage("the lessons", [*nbval, *notebooks], cut=True, around=strict)]
    return [
        Stage("ruff check", [*python, "ruff", "check", *code]),
        Stage("ruff format", [*python, "ruff", "format", "--check", *code]),
        *pytest_stages([]),
        *(lessons if notebooks else []),  # without one pytest would fall back on tests/
        Stage("the book", [*python, "companion", "book"], cut=True),
        colab_stage(),
    ]


def colab_stage() -> Stage:
    """Return the stage that installs what Colab ships and runs lessons there, or why it cannot.

    It is not cut: the lessons' first cell fetches what Colab lacks.
    """
    pythons = COLUMNS["colab"].pythons
    note = None if find_python(pythons) else lacking(pythons)
    command = [sys.executable, "-m", "companion", "matrix", "colab"]
    return Stage("lessons with Colab's versions", command, note=note, by=COLAB_BY)


def pytest_stages(arguments: Sequence[str]) -> list[Stage]:
    """Return pytest's stages: what needs the network, then everything else without one.

    Tests run two at once, file by file, except those that measure time or memory.
    """
    empty = bool(arguments)
    which = ["online", "not online and not alone", "alone and not online"]
    online, tests, alone = (["-m", words, *arguments] for words in which)
    return [
        Stage("online tests", [*_TWO, *online], may_be_empty=True, around=half()),
        Stage("tests", [*_TWO, *tests], cut=True, may_be_empty=empty, around=half()),
        Stage("tests of time and memory", [*_PYTEST, *alone], cut=True, may_be_empty=empty),
    ]


def half() -> dict[str, str]:
    """Return what gives each of two processes half of the cores.

    Processes with more threads than there are cores wait for each other.
    """
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2))}


def run_stage(stage: Stage, root: Path, cut: Sequence[str]) -> bool:
    """Run one stage from the checkout's root and say whether it passed."""
    around = {**environment(root), "HF_HUB_OFFLINE": "1", **stage.around}
    command = [*(cut if stage.cut else []), *stage.command]
    status = subprocess.run(command, cwd=root, env=around).returncode
    return status == 0 or (status == NO_TESTS and stage.may_be_empty)
