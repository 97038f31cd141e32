"""Trials: one row each, appended to a file of JSON lines and never changed."""

from __future__ import annotations

import json
import os
from pathlib import Path


def append_trial(path: Path, row: dict) -> None:
    """Add one trial to the file `path`; when this returns, the row is on the disk.

    A row is one write to a file opened for appending, so two recorders cannot mix their lines.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_trials(path: Path) -> list[dict]:
    """Return the trials in the file `path`, oldest first; none if it is not there.

    Raises:
        ValueError: a line is damaged; the message gives its number.
    """
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"line {number} of {path.name} is no whole trial ({error}). A recorder was "
                "probably killed while writing it: delete that line and record again."
            ) from error
    return rows
