"""One side of one row, in a process of its own: `python -m tests.benchmarks.side SIDE SPEC`.

Prints what it measured as one line of JSON. Importing, loading and the first call are outside the
time, unless the row is about them.
"""

from __future__ import annotations

import importlib
import json
import sys
from operator import itemgetter

from companion.device import peak_memory_bytes


def measure(side: str, spec: dict) -> dict:
    """Return what one side measures of a row: seconds, most often accuracy, and peak memory.

    Where the spec wants several `looks`, a side whose first look takes less than `short` seconds
    does everything so often, and the look of the middle time counts.
    """
    way = getattr(importlib.import_module(f"tests.benchmarks.with_{side}"), spec["way"])
    looks = [way(spec)]
    if looks[0]["seconds"] < spec.get("short", 0):
        looks += [way(spec) for _ in range(spec["looks"] - 1)]
    middle = sorted(looks, key=itemgetter("seconds"))[len(looks) // 2]
    return middle | {"peak memory": peak_memory_bytes()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]))))
