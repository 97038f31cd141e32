"""Lesson 00 in JupyterLab, as a learner meets it: `companion lab`, a kernel, a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ROOT
from tests.first_exercise import solution_of

LESSON = "00_start_here.ipynb"
WRONG = """\
def majority_baseline(train_labels, test_labels):
    values, counts = np.unique(test_labels, return_counts=True)
    return float(np.mean(test_labels == values[counts.argmax()]))
"""
MINUTE = 60_000  # milliseconds
# JupyterLab asks at its first start whether it may fetch news; a learner says no, once.
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


@pytest.fixture
def lab(tmp_path: Path, browser: object) -> Iterator[str]:
    """The address of lesson 00 in the JupyterLab that `companion lab` starts."""
    for name in ("notebooks", "companion", "book.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    port = free_port()
    command = [sys.executable, "-m", "companion", "lab", "--no-browser", "--port", str(port)]
    around = os.environ | {
        "JUPYTER_TOKEN": "t",
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
    }
    log = tmp_path / "lab.log"
    with log.open("w") as told:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=around, stdout=told, stderr=told, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token=t", server, log)
        yield f"http://127.0.0.1:{port}/lab/tree/{LESSON}?token=t&reset"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # its kernels


def free_port() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers; fail with its words if it ends or takes two minutes."""
    for _ in range(240):
        if server.poll() is not None:
            break
        with suppress(OSError):
            urllib.request.urlopen(address, timeout=5)
            return
        time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@pytest.mark.alone
@pytest.mark.slow
def test_a_learner_runs_lesson_00_moves_a_control_and_answers_an_exercise(opened, lab, measured):
    start = time.perf_counter()
    watched = opened(lab)
    page = watched.page
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=MINUTE)
    run_all(page)
    ran = time.perf_counter() - start
    move_a_slider_by_keyboard(page)
    answer_wrong_then_right(page)
    page.screenshot(path=shots() / "jupyterlab.png")
    assert watched.outside == []
    assert [error for error in watched.errors if not harmless(error)] == []
    measured(f"lesson 00 in JupyterLab: all cells run {ran:.0f} s after it was opened")


def shots() -> Path:
    """The folder for pictures to look at after a run."""
    folder = ROOT / "_build" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def harmless(error: str) -> bool:
    """Say whether a report is a warning of JupyterLab's own about itself."""
    return error.startswith("warning:")


def run_all(page: Page) -> None:
    """Run all cells through the menu and wait until the last one has run."""
    kernel_idle(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell").last
    expect(last.locator(".jp-InputPrompt").first).to_have_text(
        re.compile(r"\[\d+\]:"), timeout=5 * MINUTE
    )
    kernel_idle(page)
    assert page.locator(".jp-OutputArea [data-mime-type*='error'], .jp-RenderedError").count() == 0


def kernel_idle(page: Page) -> None:
    """Wait until the status bar says that the kernel is idle; the toolbar says so too early."""
    name = re.compile(r"\(ipykernel\) \| Idle")
    page.get_by_role("button", name=name).wait_for(timeout=2 * MINUTE)


def move_a_slider_by_keyboard(page: Page) -> None:
    """Move the mean of the interval by three steps of 0.005 and see the page follow."""
    said = page.locator(".jp-OutputArea .widget-html", has_text="mean difference is").last
    expect(said).to_contain_text("the mean difference is +0.030")
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("the mean difference is +0.045", timeout=MINUTE)
    assert said.locator("img").get_attribute("alt").count("+0.045") == 1


def answer_wrong_then_right(page: Page) -> None:
    """Answer exercise 00.1 as a learner might, read the message, and mend it."""
    right = solution_of(ROOT / "notebooks" / LESSON)
    stub = page.locator(".jp-CodeCell", has_text="def majority_baseline").first
    verdict = page.locator(".jp-CodeCell", has_text='check("00.1"').first.locator(".jp-OutputArea")
    expect(verdict).to_contain_text("00.1 not attempted yet")
    answer(page, stub, WRONG)
    expect(verdict).to_contain_text("00.1 not yet", timeout=MINUTE)
    expect(verdict).to_contain_text("most common label of the test set")
    answer(page, stub, right)
    expect(verdict).to_contain_text("00.1 passed", timeout=MINUTE)


def answer(page: Page, cell: Locator, code: str) -> None:
    """Replace the code of a cell, run it and the next one."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    for _ in range(2):
        page.keyboard.press("Shift+Enter")
