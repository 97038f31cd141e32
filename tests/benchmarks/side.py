"""One side of one row, in a process of its own: `python -m tests.benchmarks.side SIDE SPEC`.

Prints what it measured as one line of JSON. Importing, loading and the first call are outside the
time, unless the row is about them.
"""

from __future__ import annotations

import importlib
import json
import sys

from companion.device import peak_memory_bytes


def measure(side: str, spec: dict) -> dict:
    """Return what one side measures of a row: seconds, most often accuracy, and peak memory."""
    module = importlib.import_module(f"tests.benchmarks.with_{side}")
    found = getattr(module, spec["way"])(spec)
    return found | {"peak memory": peak_memory_bytes()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]))))
