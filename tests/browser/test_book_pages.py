"""The book in a real browser, opened from disk: quiet, sealed, readable, usable by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe
from playwright.sync_api import Locator, Page

from tests.conftest import ROOT

SUMMARY = (ROOT / "notebooks" / "SUMMARY.md").read_text("utf-8")
SOURCES = re.findall(r"\]\(([^)\s]+)\)", SUMMARY)
PAGES = ["index.html" if s == "README.md" else f"{Path(s).stem}.html" for s in SOURCES]
PHONE = 360  # CSS pixels; few phones are narrower
SERIOUS = ("serious", "critical")
SHOTS = ROOT / "_build" / "browser"  # to look at, after a run
# Each link of a page as the browser resolves it, and each name that a link may lead to.
LINKS = "Array.from(document.querySelectorAll('a[href]'), a => a.href)"
NAMES = "Array.from(document.querySelectorAll('[id], a[name]'), e => e.id || e.name)"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

each_page = pytest.mark.parametrize("name", PAGES)


@each_page
def test_a_page_is_quiet_sealed_and_accessible(opened, book, name):
    watched = opened((book / name).as_uri())
    watched.page.wait_for_load_state("networkidle")
    unfold(watched.page)
    shoot(watched.page, name, "light")
    assert (watched.errors, watched.outside, serious(watched.page)) == ([], [], [])


@each_page
def test_a_page_is_readable_in_the_dark(opened, book, name):
    page = opened((book / name).as_uri(), theme="navy").page
    unfold(page)
    shoot(page, name, "dark")
    assert serious(page, {"runOnly": ["color-contrast"]}) == []


def unfold(page: Page) -> None:
    """Open all folds: whoever opens one must be able to read it."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


def shoot(page: Page, name: str, how: str) -> None:
    """Keep the top of a page as a picture, to be looked at after a run."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{Path(name).stem}-{how}.png")


def serious(page: Page, options: dict | None = None) -> list[str]:
    """Return what axe-core calls serious or critical on a page, one line for each rule."""
    asked = DEFAULT_OPTIONS | {"preload": False} | (options or {})  # it would fetch the styles
    found = Axe().run(page, options=asked).response["violations"]
    return [describe(one) for one in found if one["impact"] in SERIOUS]


def describe(violation: dict) -> str:
    """Return a violation in one line: the rule, how often, and the first place."""
    first = violation["nodes"][0]
    return f"{violation['id']} ({len(violation['nodes'])}): {first['html'][:150]}"


@each_page
def test_a_page_fits_a_phone_starts_folded_and_leads_on_and_back(opened, book, name):
    page = opened((book / name).as_uri(), width=PHONE).page
    shoot(page, name, "phone")
    assert page.locator("details[open]").count() == 0, "what was not asked for is shown"
    assert page.evaluate(WIDER) <= 0
    unfold(page)
    assert page.evaluate(WIDER) <= 0, "with all folds open"
    place = PAGES.index(name)
    for relation, other in (("prev", place - 1), ("next", place + 1)):
        link = page.locator(f"a[rel~={relation}]").first
        if 0 <= other < len(PAGES):
            assert link.get_attribute("href") == PAGES[other]
        else:
            assert link.count() == 0


def test_every_link_leads_to_a_page_and_a_heading_of_it(opened, book):
    page = opened((book / "index.html").as_uri()).page
    links, names = {}, {}
    for name in PAGES:
        page.goto((book / name).as_uri())
        links[name], names[name] = page.evaluate(LINKS), set(page.evaluate(NAMES))
    dead = [
        f"{name}: {link}"
        for name, there in links.items()
        for link in there
        if link.startswith("file:") and not leads_somewhere(link, names)
    ]
    assert dead == []
    assert sum(map(len, links.values())) > 10 * len(PAGES)


def leads_somewhere(link: str, names: dict[str, set[str]]) -> bool:
    """Say whether the file of a link exists and has the place that the link names."""
    parts = urlsplit(link)
    file = Path(unquote(parts.path))
    return file.is_file() and (
        not parts.fragment or unquote(parts.fragment) in names.get(file.name, set())
    )


@pytest.mark.parametrize("name", [p for p, s in zip(PAGES, SOURCES, strict=True) if "ipynb" in s])
def test_a_lesson_offers_colab_its_file_and_its_stamp(opened, served, book, name):
    page = opened(f"{served}/{name}").page
    colab = page.get_by_role("link", name="Open in Colab")
    notebook = name.replace(".html", ".ipynb")
    assert colab.get_attribute("href").startswith("https://colab.research.google.com/github/")
    assert colab.get_attribute("href").endswith(f"/notebooks/{notebook}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    assert Path(download.value.path()).read_bytes() == (book / notebook).read_bytes()
    assert re.match(r"Last verified \d{4}-\d\d-\d\d; on ", page.locator(".nb-stamp").inner_text())


def test_a_solution_unfolds_by_keyboard(opened, book):
    page = opened((book / "00_start_here.html").as_uri()).page
    fold = page.locator("details", has=page.get_by_text("Solution of exercise 00.1")).first
    inside = fold.locator("code").first
    assert not inside.is_visible()
    page.locator("h3", has_text="Exercise 00.1").locator("a").focus()
    tab_to(page, fold.locator("summary"))
    page.keyboard.press("Enter")
    assert inside.is_visible()
    page.keyboard.press("Space")
    assert not inside.is_visible()


def tab_to(page: Page, target: Locator, limit: int = 20) -> None:
    """Press Tab until `target` has the focus; fail after `limit` times."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if target.evaluate("e => e === document.activeElement"):
            return
    pytest.fail(f"not reached with {limit} presses of Tab")


def test_search_finds_freeze_without_a_network(opened, book):
    watched = opened((book / "index.html").as_uri())
    page = watched.page
    page.keyboard.press("s")
    page.keyboard.type("freeze")
    results = page.locator("#mdbook-searchresults li a")
    results.first.wait_for()
    found = [link.get_attribute("href").split("?")[0] for link in results.all()]
    assert {"02_freezing_and_fine_tuning.html", "glossary.html"} & set(found)
    results.first.click()
    page.locator("mark", has_text=re.compile("fr[eo]e?z", re.I)).first.wait_for()
    assert (watched.errors, watched.outside) == ([], [])


def test_dark_and_light_are_chosen_from_the_menu_and_kept(opened, book):
    page = opened((book / "index.html").as_uri()).page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Change theme").click()
    offered = page.get_by_role("menuitem").all_inner_texts()
    assert offered == ["Auto", "Light", "Navy"], "those whose contrast is tested"
    page.get_by_role("menuitem", name="Navy").click()
    dark = page.evaluate(ground)
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (light, dark)]
    assert brightness[0] > 600 > 200 > brightness[1]


def test_the_table_of_contents_opens_by_keyboard(opened, book):
    page = opened((book / "index.html").as_uri(), width=700).page
    contents = page.locator("#mdbook-sidebar")
    assert not contents.is_visible()
    tab_to(page, page.get_by_role("button", name="Toggle Table of Contents"))
    page.keyboard.press("Enter")
    contents.get_by_role("link", name="Glossary").wait_for()


def test_a_wide_box_is_moved_by_the_arrow_keys(opened, book):
    page = opened((book / "00_start_here.html").as_uri(), width=PHONE).page
    box = page.locator("main pre[tabindex='0'], main pre > code[tabindex='0']").first
    box.focus()
    before = box.evaluate("e => e.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert box.evaluate("e => e.scrollLeft") > before


def test_the_book_has_the_pages_of_the_summary_and_no_others(book):
    built = {path.name for path in book.glob("*.html")} - {"404.html", "toc.html"}
    assert built == set(PAGES)
    print(f"{len(PAGES)} pages")
