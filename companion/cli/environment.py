"""The environment of processes that we start: whose package they import, how they share cores."""

from __future__ import annotations

import os
from pathlib import Path

# On a machine that several kernels share, threads that wait by spinning take the cores from those
# that work: lesson 00 took two learners on two cores 78 s, and 20 to 42 s with both settings.
# Alone it gains too (28 s, 17 to 21 s): its matrices are small for two threads of linear algebra.
SHARING = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}


def environment(root: Path) -> dict[str, str]:
    """Return ours, with the package of the checkout `root` first and `SHARING` unless set."""
    paths = [str(root), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**SHARING, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
