"""Which errors are told in one line, and which are bugs that keep their traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

import companion


def explain(error: Exception) -> str | None:
    """Return the one line that tells `error`, or None if it was not raised on purpose.

    Told are errors of the operating system, missing packages, and the errors that this package
    itself raises; anything else is a bug, and a bug needs its traceback.
    """
    if isinstance(error, ModuleNotFoundError):
        return (
            f"expected the Python package {error.name!r}, found that it is not installed; "
            'install everything with: python -m pip install -e ".[lab,book,test]"'
        )
    deliberate = isinstance(error, (RuntimeError, ValueError, LookupError)) and _raised_here(error)
    if not (deliberate or isinstance(error, OSError)):
        return None
    # str() of a KeyError is the repr of its message
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split())


def _raised_here(error: Exception) -> bool:
    """Say whether the frame that raised `error` belongs to this package."""
    frames = traceback.extract_tb(error.__traceback__)
    package = Path(companion.__file__).parent
    return bool(frames) and Path(frames[-1].filename).is_relative_to(package)
