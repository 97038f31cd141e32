"""The recorded trials of an experiment: where they lie, and which of them still count."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from companion.evidence.trials import read_trials, spec_key
from companion.experiments.source import code_hash

MEASURED = Path(__file__).parent / "measured"
CHECKOUT = Path(__file__).parents[2]  # the folder that holds the package
MANY = 100  # seeds: whatever number was recorded, its specs are among these


def experiments() -> list[str]:
    """Return the names of all experiments: the modules of this folder that have specs and run."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    texts = {file.stem: file.read_text(encoding="utf-8") for file in files}
    return [name for name, text in texts.items() if "\ndef specs(" in text]


def load_experiment(name: str) -> ModuleType:
    """Return the experiment's module.

    Raises:
        LookupError: there is no such experiment; the message lists them.
    """
    if name not in experiments():
        raise LookupError(
            f"there is no experiment {name!r}. Expected one of: {', '.join(experiments())}."
        )
    return importlib.import_module(f"companion.experiments.{name}")


def trials_file(name: str) -> Path:
    """Return the file of an experiment's recorded trials."""
    return MEASURED / f"{name}.jsonl"


def current_rows(name: str, *, profile: str = "cpu") -> list[dict]:
    """Return the recorded trials that the experiment would still run as they were run."""
    module, rows = load_experiment(name), recorded(name, profile)
    code = code_hash(module)
    rows = [row for row in rows if row["code"] == code]
    if not rows:
        return []
    asked = {spec_key(spec) for spec in module.specs(MANY, profile)}
    return [row for row in rows if row["key"] in asked]


def stale_rows(name: str, *, profile: str = "cpu") -> list[dict]:
    """Return the recorded trials that no longer count: the experiment has changed since."""
    try:
        current = {row["key"] + row["code"] for row in current_rows(name, profile=profile)}
    except LookupError:  # an experiment that this one builds on is stale itself
        current = set()
    return [r for r in recorded(name, profile) if r["key"] + r["code"] not in current]


def recorded(name: str, profile: str) -> list[dict]:
    """Return every recorded trial of one profile."""
    return [row for row in read_trials(trials_file(name)) if row["profile"] == profile]
