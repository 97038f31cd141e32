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

    With `looks` the side does everything so often, and the look of the middle time counts.
    """
    way = getattr(importlib.import_module(f"tests.benchmarks.with_{side}"), spec["way"])
    looks = sorted((way(spec) for _ in range(spec.get("looks", 1))), key=itemgetter("seconds"))
    return looks[len(looks) // 2] | {"peak memory": peak_memory_bytes()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]))))
