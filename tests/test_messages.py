"""Bad input is told in words: what was expected, what was found, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests import errors_page
from tests.messages import GROUPS, MESSAGES

EACH = [(group, row) for group, rows in GROUPS.items() for row in rows]


@pytest.fixture(scope="module")
def on_the_page() -> dict[str, str]:
    return errors_page.blocks(errors_page.PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("group", "row"), EACH, ids=[row[0] for _, row in EACH])
def test_bad_input_is_told_in_words_and_on_the_page(
    group: str, row: tuple[str, Callable, type[Exception], str], on_the_page: dict[str, str]
) -> None:
    """After a change: python -m tests.errors_page."""
    done, call, kind, message = row
    caught = []

    def remembered() -> None:
        try:
            call()
        except Exception as error:
            caught.append(error)
            raise

    said = errors_page.printed(group, (done, remembered, kind, message))
    assert type(caught[0]) is kind
    assert message in str(caught[0])
    if done not in errors_page.VARYING:
        assert on_the_page[done] == said
    assert " ".join(message.split()) in " ".join(on_the_page[done].split()) or (
        kind is ModuleNotFoundError  # a command tells it in its own words
    )


def test_the_page_holds_the_table_and_nothing_else(on_the_page: dict[str, str]) -> None:
    assert errors_page.page(on_the_page) == errors_page.PAGE.read_text("utf-8")
    assert set(on_the_page) > errors_page.VARYING
    named = [row[0] for row in MESSAGES]
    assert len(named) == len(set(named)) == len(on_the_page)


def test_messages_of_the_page_hold_no_path_of_a_machine(on_the_page: dict[str, str]) -> None:
    paths = [text for text in on_the_page.values() if re.search(r"(?<![\w:/.])/\w+/\w+", text)]
    assert paths == []
