"""Real servers of OpenAI's protocol, started for a test and stopped after it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running(command: Sequence[str], ready: str, log: Path) -> Iterator[str]:
    """Start a server without a network, yield its address once the path `ready` answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    quiet = os.environ | {"HF_HUB_OFFLINE": "1"}
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=quiet, stdout=out, stderr=out
        )
    try:
        wait_for(f"http://127.0.0.1:{port}{ready}", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers; fail with what it wrote if it ends or takes two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")
