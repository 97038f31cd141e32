"""The commands about evidence: record trials, render their numbers, show the claims."""

from __future__ import annotations

import json
from collections.abc import Sequence

from companion.cli.house import course_root
from companion.experiments.ledger import as_json as to_json
from companion.experiments.ledger import findings, stale, table
from companion.experiments.recorder import record
from companion.experiments.rows import experiments
from companion.teaching.ledger import render_pages

# What others need comes first.
FIRST = ("learning_rates", "learning_rates_all")


def record_all(names: Sequence[str], seeds: int | None, profile: str) -> None:
    """Record the named experiments, or all of them, and say how many trials were run."""
    names = names or [*FIRST, *(name for name in experiments() if name not in FIRST)]
    for name in names:
        count = record(name, seeds=seeds, profile=profile)
        print(f"{name}: {count} trials recorded now")


def render_all() -> int:
    """Fill the result numbers of all pages and say which changed; return the exit status."""
    changed = render_pages(course_root(), write=True)
    print("changed: " + ", ".join(changed) if changed else "every page was up to date")
    return 0


def show_claims(*, as_json: bool = False, profile: str = "cpu") -> int:
    """Print every claim, and the trials that no longer count; return 1 if there are any."""
    found, old = findings(profile=profile), stale(profile=profile)
    if as_json:
        print(json.dumps([to_json(finding) for finding in found], indent=1))
    else:
        print(table(found))
        for name, count in old.items():
            print(f"stale: {count} trials of {name}; run `companion record {name}`")
    return 1 if old else 0
