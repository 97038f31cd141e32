"""A hub of our own for the real clients, and a way to call them in a process that knows only it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.hub.standin import StandIn

DRIVER = """
import importlib, json, sys
module, name, args = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
try:
    answer = {"value": getattr(importlib.import_module(module), name)(*args)}
except Exception as error:
    answer = {"error": type(error).__name__, "text": str(error)}
print("\\n" + json.dumps(answer))
"""


class ClientError(Exception):
    """What a client raised in its own process: the name of the class, and the text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind, self.text = kind, text


class Hub(StandIn):
    """The stand-in, and the clients: huggingface_hub reads HF_ENDPOINT once, when imported.

    So each call is made in a process of its own, whose caches are in `home` and which is told of
    no other hub. `call` runs a function of an importable module, such as those in clients.py.
    """

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home

    def call(self, function: Callable, *args: Any, **environment: str) -> Any:
        """Return what `function(*args)` returns in a new process; all of it must fit JSON."""
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                DRIVER,
                function.__module__,
                function.__name__,
                json.dumps(args),
            ],
            cwd=ROOT,
            env=self.environment() | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        answer = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            raise ClientError(answer["error"], answer["text"])
        return answer["value"]

    def environment(self) -> dict[str, str]:
        """Return the environment of a client: ours, without what points to another hub."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
        return ours | {
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.home / "hf"),
            "COMPANION_CACHE": str(self.home / "companion"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "NO_PROXY": "*",
            "OMP_NUM_THREADS": "1",  # small work, beside others: threads would wait for each other
        }


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with nothing on it; a path that the stand-in did not know fails the test."""
    hub = Hub(tmp_path)
    yield hub
    hub.close()
    assert hub.unknown == []
