"""The script on the page about growing runs as it stands, in one process and in two."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SMALLER = {"size=224": "size=64", "range(len(pictures))": "range(24)", "epochs=5": "epochs=1"}
LAUNCHERS = {
    "one process": [],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"],
}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return the page's script, on fewer and smaller pictures."""
    page = (ROOT / "notebooks" / "growing.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.S)[1]
    for words, smaller in SMALLER.items():
        assert words in code
        code = code.replace(words, smaller)
    (tmp_path / "my_training.py").write_text(code, "utf-8")
    return tmp_path / "my_training.py"


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_script_trains_and_leaves_a_checkpoint(script: Path, launcher: str) -> None:
    done = subprocess.run(
        [sys.executable, *LAUNCHERS[launcher], script.name],
        cwd=script.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list((script.parent / "my-training").iterdir())
