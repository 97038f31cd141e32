"""Trials: one row each, appended to a file of JSON lines and never changed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock


def spec_key(spec: dict) -> str:
    """Return 12 hex digits that name a specification: equal ones have equal keys."""
    text = json.dumps(spec, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def append_trial(path: Path, row: dict) -> None:
    """Add one trial to the file `path`; when this returns, the row is on the disk.

    Writers take turns. What a killed writer left of a line is cut off first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")), open(path, "ab+") as file:
        cut_torn_line(file)
        file.write(json.dumps(row, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def cut_torn_line(file: BinaryIO) -> None:
    """Remove what follows the last line end of an open file: a line that was never finished."""
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)


def read_trials(path: Path) -> list[dict]:
    """Return the trials in the file `path`, oldest first; none if it is not there.

    A last line without its end is being written, or was never finished, and is left out.

    Raises:
        ValueError: another line is damaged; the message gives its number.
    """
    if not path.exists():
        return []
    rows = []
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"line {number} of {path.name} is no whole trial ({error}). Restore the file from "
                "its repository, or delete that line and record again."
            ) from error
    return rows
