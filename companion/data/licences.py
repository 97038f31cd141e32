"""Licence texts: who holds the copyright, who wrote it, which e-mail, as spans of the text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import yaml

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.near import near_duplicates
from companion.data.spans import Questions, Span

# What the collection's keepers noted of each text, and the question that it answers.
QUESTIONS = {
    "holders": "Who holds the copyright?",
    "authors": "Who wrote it?",
    "emails": "Which e-mail address is given?",
}
LONGEST = 250  # words: longer texts are many windows each


def load_licence_questions(longest: int = LONGEST) -> Questions:
    """Return three fixed questions over licence texts and notices, each asked where it has answers.

    The answers are what the keepers of the collection noted, most of it found by a program of
    theirs with rules, and some of it odd; every place of the text where one of them stands is
    right. White space becomes one space, in texts and notes. Left out are copies,
    texts of more than `longest` words, and notes that do not stand in the text. `kinds` is
    "holders", "authors" or "emails"; `groups` keeps near-duplicates together.

    Raises:
        AssetError: the package `licensedcode-data` is missing or damaged.
    """
    documents = [d for d in noted_documents() if len(d[0].split()) <= longest]
    kept, _, _ = without_copies([text for text, _ in documents], [0] * len(documents), str)
    texts = [documents[i][0] for i in kept]
    near = near_duplicates(texts)
    rows = [
        (QUESTIONS[kind], text, spans, group, kind)
        for i, text, group in zip(kept, texts, near, strict=True)
        for kind, notes in documents[i][1].items()
        if (spans := places(text, notes))
    ]
    questions, contexts, answers, groups, kinds = zip(*rows, strict=True)
    return Questions(
        "licence questions", questions, contexts, answers, np.array(groups), np.array(kinds)
    )


def with_unanswered(asked: Questions) -> Questions:
    """Return each question over each text; where nothing of its kind is noted, without an answer.

    A text may hold an answer that the keepers' program missed; here it counts as none.
    """
    rows = list(zip(*(getattr(asked, c) for c in ("contexts", "groups", "kinds")), strict=True))
    there = {(context, kind) for context, _, kind in rows}
    more = [
        (QUESTIONS[kind], context, (), group, kind)
        for context, group in dict((context, group) for context, group, _ in rows).items()
        for kind in QUESTIONS
        if (context, kind) not in there
    ]
    questions, contexts, answers, groups, kinds = zip(*more, strict=True)
    return Questions(
        f"{asked.name}, some without an answer",
        asked.questions + questions,
        asked.contexts + contexts,
        asked.answers + answers,
        np.append(asked.groups, groups),
        np.append(asked.kinds, kinds),
    )


@cache
def noted_documents() -> tuple[tuple[str, dict[str, list[str]]], ...]:
    """Return every licence and rule that has notes: its text, and the notes by kind."""
    return tuple(read_documents())


def read_documents() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield the text of each file and its notes; files without any are passed over."""
    folder = asset_path("licences")
    for path in sorted([*folder.glob("licenses/*.LICENSE"), *folder.glob("rules/*.RULE")]):
        raw = path.read_bytes()
        if b"\nignorable_" not in raw:  # most files: reading their YAML would take a minute
            continue
        text, noted = text_and_notes(raw)
        notes = {kind: noted.get(f"ignorable_{kind}") or [] for kind in QUESTIONS}
        if any(notes.values()) and text:
            yield text, {k: [one_line(str(x)) for x in v] for k, v in notes.items()}


def text_and_notes(raw: bytes) -> tuple[str, dict]:
    """Return the text of a file in one line, and what the keepers of the collection noted of it.

    A file is YAML between two lines of dashes, then the text. Bytes that are not UTF-8 become the
    replacement character.
    """
    _, head, text = raw.decode("utf-8", errors="replace").split("---", 2)
    return one_line(text), yaml.load(head, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def one_line(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def places(text: str, notes: list[str]) -> tuple[Span, ...]:
    """Return every place of a text where one of the notes stands, in order, the longest first."""
    found = set()
    for note in filter(None, notes):
        start = text.find(note)
        while start >= 0:
            found.add((start, start + len(note)))
            start = text.find(note, start + 1)
    return tuple(sorted(found, key=lambda span: (span[0], -span[1])))
