"""What every test may count on: a cache of its own, no window, a GPU only where there is one."""

import os
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


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
