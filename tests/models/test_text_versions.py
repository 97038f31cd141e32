"""The oldest transformers that is supported, beside the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

OLDEST = "4.56.2"
# What that version asks for; everything else is taken from the environment as it is.
OVERLAY = (f"transformers=={OLDEST}", "huggingface_hub>=0.34,<1", "tokenizers>=0.22,<=0.23.0")
CHOSEN = (
    "tests/models/test_text.py",
    "tests/models/test_causal.py",
    "tests/models/test_prefix.py",
    "tests/transfer/test_text.py",
    "tests/transfer/test_incontext.py",
)
CODE = "import transformers, peft; print(transformers.__version__)"


@pytest.mark.online
def test_texts_work_on_the_oldest_transformers(
    tmp_path: Path, root: Path, measured: Callable[[str], None]
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--target", str(tmp_path), *OVERLAY], check=True)
    paths = os.pathsep.join([str(tmp_path), str(root)])
    settings = os.environ | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}
    run = {"cwd": root, "env": settings, "capture_output": True, "text": True}
    version = subprocess.run([sys.executable, "-c", CODE], check=True, **run)
    assert version.stdout.strip() == OLDEST
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHOSEN]
    done = subprocess.run(
        [*pytest_here, "-k", "not tokens_computed and not reading_demonstrations"], **run
    )
    assert done.returncode == 0, done.stdout[-3000:]
    measured(f"transformers {OLDEST}: {done.stdout.splitlines()[-1]}")
