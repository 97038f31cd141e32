"""The lessons say: a term in italics stands in the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.lessons import pages
from tests.lessons.pages import FOLDER, NOTEBOOKS

GLOSSARY = FOLDER / "glossary.md"
LONGEST_TERM = 3  # words; what is longer is a quotation or the title of a work
EMPHASIS = Path(__file__).with_name("emphasis.txt")  # italics that are no terms, one a line


def marked(page: Path, *kinds: str) -> Iterator[tuple[str, str]]:
    """Yield (where, words) for each piece of a page in italics ("em") or in bold ("strong")."""
    for where, text in pages.markdown(page):
        words: list[str] | None = None
        for token in pages.tokens(text):
            if token.type in [f"{kind}_open" for kind in kinds]:
                words = []
            elif token.type in [f"{kind}_close" for kind in kinds] and words is not None:
                yield where, "".join(words)
                words = None
            elif words is not None and token.type in ("text", "code_inline"):
                words.append(token.content)


def term(words: str) -> str:
    """Return a term as it is compared: in small letters, each word without its plural's s."""
    found = [re.sub(r"(?<=\w{3})(?<!s)s$", "", word) for word in re.findall(r"[\w'-]+", words)]
    return " ".join(found).lower()


def terms_of_the_glossary() -> set[str]:
    """Return what the glossary explains: its headings' parts, and what its text sets off."""
    headings = [h.text for h in pages.headings(GLOSSARY) if h.about == "h3"]
    parts = [part for heading in headings for part in [heading, *re.split(", ", heading)]]
    set_off = [words for _, words in marked(GLOSSARY, "em", "strong")]
    return {term(part) for part in parts + set_off}


def emphasis() -> list[str]:
    return EMPHASIS.read_text("utf-8").splitlines()


def italics_of_the_lessons() -> dict[str, str]:
    """Return each short piece in italics, in small letters, and where it stands first."""
    found: dict[str, str] = {}
    for page in NOTEBOOKS:
        for where, words in marked(page, "em"):
            if len(words.split()) <= LONGEST_TERM:
                found.setdefault(words.lower(), where)
    return found


def test_every_term_in_italics_stands_in_the_glossary() -> None:
    """A new one is explained there or, if it is no term, listed in emphasis.txt."""
    known, spared = terms_of_the_glossary(), emphasis()
    missing = {
        words: where
        for words, where in italics_of_the_lessons().items()
        if term(words) not in known and words not in spared
    }
    assert missing == {}


def test_what_is_listed_as_no_term_is_one_nowhere() -> None:
    listed = emphasis()
    assert listed == sorted(set(listed))
    idle = [words for words in listed if words not in italics_of_the_lessons()]
    assert idle == [], f"in italics nowhere any more: take them out of {EMPHASIS.name}"
    known = terms_of_the_glossary()
    assert [words for words in listed if term(words) in known] == []


def test_the_comparison_of_terms() -> None:
    assert term("Linear probes") == "linear probe" and term("loss") == "loss"
    assert "supported" in terms_of_the_glossary(), "bold there"
    assert "softmax" in terms_of_the_glossary(), "a part of a heading"
