"""One spelling, British, and no typing errors in what a reader reads."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import codespell_lib
from spellchecker import SpellChecker

from tests.conftest import ROOT
from tests.lessons import pages
from tests.lessons.pages import PAGES, name_of

ALLOWED = Path(__file__).with_name("words.txt")
PAIRS = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
# British as well, in another sense than the word that they are paired with.
BRITISH_TOO = {"practice", "program", "story"}
# Neither a piece of code (a_b, f(x), x=1) nor part of a longer word.
WORD = re.compile(r"(?<![\w.@/\\-])[^\W\d_]+(?:['’][^\W\d_]+)*(?![\w(=\[/\\]|\.\w)")
CODE = re.compile(r"`[^`]*`|https?://\S+|<[^<>]*>|&\w+;")


def prose(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, words) of a page without code, addresses and tags."""
    for where, text in pages.markdown(page):
        for token in pages.tokens(text):
            if token.type == "text":
                yield where, CODE.sub(" ", token.content)


def remarks(module: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, words) of a module's comments, docstrings and sentences."""
    source, where = module.read_text("utf-8"), name_of(module)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield where, CODE.sub(" ", token.string)
    for node in ast.walk(ast.parse(source)):
        said = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
        if isinstance(said, str) and " " in said.strip():
            yield where, CODE.sub(" ", said)


@cache
def read() -> list[tuple[str, str]]:
    """Return (where, words) of everything: the pages, and what the package says."""
    modules = sorted((ROOT / "companion").rglob("*.py"))
    found = [one for page in PAGES for one in prose(page)]
    return found + [one for module in modules for one in remarks(module)]


@cache
def words() -> dict[str, str]:
    """Return each word in lower case, and where it stands first; names are left out."""
    found: dict[str, str] = {}
    for where, text in read():
        for word in WORD.findall(text):
            if word == word.lower():
                found.setdefault(word.replace("’", "'").removesuffix("'s"), where)
    return found


def test_no_typing_error_that_others_have_made(tmp_path: Path) -> None:
    """codespell knows the usual ones; it reads a file, line by line."""
    lines = [" ".join(text.split()) for _, text in read()]
    (tmp_path / "all.txt").write_text("\n".join(lines), "utf-8")
    command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear,rare", "all.txt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    told = re.findall(r"all\.txt:(\d+): (.*)", done.stdout)
    assert [(read()[int(line) - 1][0], what) for line, what in told] == []
    assert done.returncode == 0, done.stderr[-500:]


def american() -> dict[str, str]:
    """Return American spellings with their British ones."""
    pairs = [line.split("->") for line in PAIRS.read_text("utf-8").split()]
    british = {pair[0] for pair in pairs}
    found = {other: one for one, others in pairs for other in others.rstrip(",").split(",")}
    return {word: one for word, one in found.items() if word not in british | BRITISH_TOO}


def test_the_spelling_is_british() -> None:
    known = american()
    assert known["color"] == "colour" and known["optimizer"] == "optimiser"
    found = {word: (known[word], where) for word, where in words().items() if word in known}
    assert found == {}, "expected the British spelling that stands beside it"


@cache
def dictionary() -> SpellChecker:
    return SpellChecker()


def allowed() -> list[str]:
    return ALLOWED.read_text("utf-8").split()


def test_every_word_is_in_a_dictionary_or_ours() -> None:
    """A word that is right and in no dictionary is added to words.txt."""
    ours = set(allowed())
    unknown = dictionary().unknown([word for word in words() if word not in ours])
    assert {word: words()[word] for word in sorted(unknown)} == {}


def test_our_words_are_in_order_and_in_use() -> None:
    ours = allowed()
    assert ours == sorted(set(ours))
    idle = [word for word in ours if word not in words() or not dictionary().unknown([word])]
    assert idle == [], f"in use nowhere, or in a dictionary: take them out of {ALLOWED.name}"
