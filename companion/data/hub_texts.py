"""Tagged texts and questions from the hub: CoNLL-2003, SQuAD, and sets laid out like them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion.data.cache import build_once
from companion.data.hub import hub_commit
from companion.data.hub_sets import check_sizes, datasets_package, official_parts
from companion.data.spans import Questions, located
from companion.data.splits import Split
from companion.data.tags import TaggedTexts
from companion.data.vision import digest_of

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class HubTexts:
    """A data set we know: its repository, and how many rows each official part has."""

    repo: str
    parts: dict[str, int]


TAGGED = {
    "conll2003": HubTexts(
        "lhoestq/conll2003", {"train": 14_041, "validation": 3_250, "test": 3_453}
    )
}
ASKED = {"squad": HubTexts("rajpurkar/squad", {"train": 87_599, "validation": 10_570})}


def load_hub_tags(
    name: str = "conll2003",
    *,
    words: str = "tokens",
    tags: str = "ner_tags",
    revision: str | None = None,
) -> tuple[TaggedTexts, Split]:
    """Return sentences with BIO tags from the hub, and their official parts.

    `name` is "conll2003" (Tjong Kim Sang and De Meulder 2003: news, four kinds of names), or a
    repository's "owner/name" with the parts train, validation and test, whose columns `words` and
    `tags` hold lists of words and of named classes. Each sentence is a group of its own.

    Raises:
        HubError: the data could not be had, or `datasets` is not installed.
        ValueError: a part or column is missing, the tags have no names, a known set has another
            size, or as `TaggedTexts` does.
    """
    parts = parts_of(name, TAGGED, revision, ("train", "validation", "test"))
    names = class_names(name, parts["train"], tags)
    rows = [row for part in parts.values() for row in columns(name, part, (words, tags))]
    texts = TaggedTexts(
        name=name,
        words=tuple(tuple(row[words]) for row in rows),
        tags=tuple(tuple(names[number] for number in row[tags]) for row in rows),
        classes=tuple(names),
        groups=np.arange(len(rows)),
    )
    return texts, Split(*places_of(parts))


def load_hub_questions(
    name: str = "squad", *, validation: float = 0.05, seed: int = 0, revision: str | None = None
) -> tuple[Questions, Split]:
    """Return questions on paragraphs from the hub, and a split of them.

    `name` is "squad" (Rajpurkar et al. 2016), or a repository's "owner/name" with the same columns:
    title, context, question, and answers as texts and first characters; questions without an answer
    are kept. The official test answers are secret. So the official validation part is the test part
    here, and the share `validation` of the titles of the train part is drawn from `seed` to choose
    by. `groups` are the titles, one article each.

    Raises:
        HubError: the data could not be had, or `datasets` is not installed.
        ValueError: a part or column is missing, an answer does not stand where it should, a known
            set has another size, or as `Questions` does.
    """
    parts = parts_of(name, ASKED, revision, ("train", "validation"))
    wanted = ("title", "context", "question", "answers")
    rows = [row for part in parts.values() for row in columns(name, part, wanted)]
    titles = [row["title"] for row in rows]
    asked = Questions(
        name=name,
        questions=tuple(row["question"].strip() for row in rows),
        contexts=tuple(row["context"] for row in rows),
        answers=tuple(spans_of(row) for row in rows),
        groups=np.unique(titles, return_inverse=True)[1],
        kinds=np.repeat(list(parts), [len(part) for part in parts.values()]),
    )
    train, test = places_of(parts)
    chosen = drawn_groups(asked.groups[train], validation, seed)
    return asked, Split(train[~chosen], train[chosen], test)


def parts_of(
    name: str, known: Mapping[str, HubTexts], revision: str | None, wanted: Sequence[str]
) -> dict[str, Dataset]:
    """Return the parts `wanted` of a data set that is known by name, or of a repository.

    Kept in the cache, so that the second call needs no network.
    """
    if name not in known and "/" not in name:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4) or list(known)
        raise ValueError(
            f"there is no data set {name!r}. Expected {' or '.join(near)}, or a repository on the "
            "hub as owner/name."
        )
    repo = known[name].repo if name in known else name
    commit = hub_commit(repo, kind="dataset", revision=revision)

    def build(out: Path) -> None:
        # Asked at once whether the hub answers: `datasets` would try for half a minute.
        hub_commit(repo, kind="dataset", revision=commit, cached=False)
        parts = official_parts(repo, revision, commit, wanted)
        if name in known:
            check_sizes(name, parts, known[name].parts)
        for part, rows in parts.items():
            rows.save_to_disk(out / part)

    folder = build_once("hub-texts", build, digest_of(repo, commit, *wanted))
    return {part: datasets_package().load_from_disk(folder / part) for part in wanted}


def columns(name: str, part: Dataset, wanted: Sequence[str]) -> Dataset:
    """Return some columns of a part.

    Raises:
        ValueError: one is missing.
    """
    missing = [column for column in wanted if column not in part.features]
    if missing:
        raise ValueError(
            f"{name}: expected the columns {', '.join(wanted)}, found {', '.join(part.features)}. "
            f"There is no {missing[0]}: name the column that holds it, or choose another set."
        )
    return part.select_columns(list(wanted))


def class_names(name: str, part: Dataset, tags: str) -> list[str]:
    """Return the names of the classes in a column of lists.

    Raises:
        ValueError: the column is missing, or its classes have no names.
    """
    held = columns(name, part, (tags,)).features[tags]
    names = getattr(getattr(held, "feature", None), "names", None)
    if not names:
        raise ValueError(
            f"{name}: expected lists of named classes in the column {tags}, found {held}. Choose a "
            "column of type ClassLabel, or read the set yourself and build TaggedTexts."
        )
    return list(names)


def spans_of(row: Mapping) -> tuple[tuple[int, int], ...]:
    """Return the spans of the answers of one row, each once."""
    held = row["answers"]
    pairs = zip(held["text"], held["answer_start"], strict=True)
    return tuple(dict.fromkeys(located(row["context"], text, start) for text, start in pairs))


def places_of(parts: Mapping[str, Dataset]) -> list[np.ndarray]:
    """Return the places of each part's rows where all parts stand in one list."""
    ends = np.cumsum([len(part) for part in parts.values()])
    return np.split(np.arange(ends[-1]), ends[:-1])


def drawn_groups(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return which examples (N,) belong to a share of the groups, at least one, from `seed`."""
    names = np.unique(groups)
    count = max(1, round(share * len(names)))
    return np.isin(groups, np.random.default_rng(seed).permutation(names)[:count])
