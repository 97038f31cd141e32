"""A real Chromium for the tests of this folder, and the course's own book to open in it.

The browser is the one on the PATH (Debian's `chromium`, or Chrome), or else playwright's own.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, Request, sync_playwright

from companion.teaching.book import build_book
from tests.conftest import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Quiet: Chromium's own calls home would be counted with those of the page.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = (
    "expected Chromium or Chrome on the PATH, found none; install it with: apt-get install "
    "chromium, or: python -m playwright install chromium"
)
AT_HOME = ("file:", "data:", "blob:", "http://127.0.0.1:", "ws://127.0.0.1:")


@dataclass
class Watched:
    """A page, with the errors it reported and the addresses outside this machine it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.on("request", self._request)

    def _console(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(AT_HOME):
            self.outside.append(request.url)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver; started once."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium; tests that need one are skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    own = Path(playwright.chromium.executable_path)
    if not (found or own.is_file()):
        pytest.skip(MISSING)
    browser = playwright.chromium.launch(executable_path=found or own, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Return how to open an address in a new window: (address, width, theme) -> Watched.

    The theme is one of mdBook's, kept as its menu keeps it.
    """
    contexts = []

    def open_page(address: str, width: int = 1200, theme: str = "light") -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        context.add_init_script(
            "if (!localStorage.getItem('mdbook-theme'))"
            f" localStorage.setItem('mdbook-theme', '{theme}')"
        )
        watched = Watched(context.new_page())
        watched.page.goto(address)
        return watched

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the course's own book, built from a copy of the checkout's pages."""
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copy(ROOT / "book.toml", root)
    (root / "companion" / "teaching").mkdir(parents=True)
    for name in ("book.css", "book.js"):
        shutil.copy(ROOT / "companion" / "teaching" / name, root / "companion" / "teaching")
    return build_book(root).parent


@pytest.fixture(scope="session")
def served(book: Path) -> Iterator[str]:
    """The address of the book on a web server of this machine: downloads need one."""
    handler = partial(Quiet, directory=book)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, *_: object) -> None:
        """Keep what was asked to ourselves."""
