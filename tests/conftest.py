"""What every test may count on: a cache of its own, no window, a GPU only where there is one."""

from __future__ import annotations  # pytest 8.2 has no name for its reporter

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Set what child processes and kernels inherit, before anything is imported."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    # Kept between runs, because converting weights takes a while; never the user's own cache,
    # because tests clear it.
    os.environ.setdefault("COMPANION_CACHE", str(ROOT / "_build" / "test-cache"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none; torch is asked only if a test needs to know."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="expected a CUDA device, found none"))


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return how a test says what it measured: in one list after the run, passed or failed.

    What a test prints is lost where tests run beside each other.
    """
    return lambda text: record_property("measured", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    ran = [r for how in ("passed", "failed") for r in terminalreporter.stats.get(how, [])]
    lines = [text for r in ran if r.when == "call" for name, text in r.user_properties
             if name == "measured"]  # fmt: skip
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
