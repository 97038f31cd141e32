"""The ipywidgets that Colab ships, beside the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COLAB = "7.7.1"
# What that version asks for; everything else is taken from the environment as it is.
OVERLAY = (
    f"ipywidgets=={COLAB}",
    "widgetsnbextension~=3.6",
    "jupyterlab-widgets>=1,<3",
    "ipython_genutils~=0.2",
)
CHOSEN = ("test_widgets.py", "test_seeds.py", "test_explorers.py")
# A plugin, so that the version is seen in the process that runs the tests.
PLUGIN = """
import ipywidgets


def pytest_report_header():
    return f"the controls come from ipywidgets {ipywidgets.__version__}"
"""


@pytest.mark.online
@pytest.mark.slow
def test_the_controls_work_on_the_ipywidgets_of_colab(
    tmp_path: Path, root: Path, measured: Callable[[str], None]
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--target", str(tmp_path), *OVERLAY], check=True)
    (tmp_path / "says_version.py").write_text(PLUGIN)
    settings = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])}
    tests = [f"tests/teaching/{name}" for name in CHOSEN]
    pytest_here = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "says_version"]
    run = {"cwd": root, "env": settings, "capture_output": True, "text": True}
    done = subprocess.run([*pytest_here, *tests], **run)
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"the controls come from ipywidgets {COLAB}\n" in done.stdout
    measured(f"ipywidgets {COLAB}: {done.stdout.splitlines()[-1]}")
