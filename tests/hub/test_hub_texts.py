"""Tagged texts and questions through the hub: what comes out, what is learned, what is refused."""

from __future__ import annotations

import datasets
import pytest

from tests.hub import clients
from tests.hub.conftest import Hub
from tests.hub.test_hub_pictures import parquet
from tests.hub.test_text_from_hub import BERT, checkpoint

NAMES = ["O", "B-FILM", "I-FILM"]
TAGS = datasets.Features(
    {
        "id": datasets.Value("string"),
        "tokens": datasets.List(datasets.Value("string")),
        "ner_tags": datasets.List(datasets.ClassLabel(names=NAMES)),
    }
)
ANSWERS = {"text": datasets.List(datasets.Value("string"))}
ASKED = datasets.Features(
    {key: datasets.Value("string") for key in ("id", "title", "context", "question")}
    | {"answers": ANSWERS | {"answer_start": datasets.List(datasets.Value("int32"))}}
)
FILMS, QUESTIONS = "course/films", "course/asked"


def sentences(n: int) -> datasets.Dataset:
    """Return sentences in which the word after "the" begins a name, half of them of two words."""
    words, tags = [], []
    for i in range(n):
        long = i % 2
        words.append(["the", "film", *(["plot"] if long else []), "was", ("good", "bad")[i % 2]])
        tags.append([0, 1, *([2] if long else []), 0, 0])
    columns = {"id": [str(i) for i in range(n)], "tokens": words, "ner_tags": tags}
    return datasets.Dataset.from_dict(columns, features=TAGS)


def questions(n: int, titles: int, *, start: int = 4) -> datasets.Dataset:
    """Return questions whose answers are "film", given twice, or in every fourth not there."""
    held = [i % 4 != 3 for i in range(n)]
    columns = {
        "id": [str(i) for i in range(n)],
        "title": [f"title {i * titles // n}" for i in range(n)],
        "context": ["the film was good" if h else "it was not" for h in held],
        "question": [f" is it {('good', 'bad')[i % 2]} " for i in range(n)],
        "answers": [
            {"text": ["film"] * 2 * h, "answer_start": [start] * 2 * h} for h in map(int, held)
        ],
    }
    return datasets.Dataset.from_dict(columns, features=ASKED)


def add(hub: Hub, repo: str, parts: dict[str, datasets.Dataset]) -> None:
    """Serve a data set with these parts."""
    files = {
        f"data/{part}-00000-of-00001.parquet": parquet(rows, hub.home)
        for part, rows in parts.items()
    }
    hub.add_dataset(repo, {"README.md": b"# a set\n"} | files)


@pytest.fixture
def served(hub: Hub) -> Hub:
    """A hub with a small set of tagged sentences and one of questions."""
    add(hub, FILMS, {"train": sentences(8), "validation": sentences(2), "test": sentences(4)})
    add(hub, QUESTIONS, {"train": questions(16, 4), "validation": questions(4, 1)})
    return hub


def test_tagged_sentences_come_with_their_official_parts_and_stay(served: Hub) -> None:
    done = served.call(clients.tagged, FILMS, {})
    assert done["classes"] == NAMES and done["sizes"] == [8, 2, 4]
    assert done["first"] == [["the", "film", "was", "good"], ["O", "B-FILM", "O", "O"]]
    assert done["last"] == ["the", "film", "plot", "was", "bad"] and done["ends"] == [7, 9, 13]
    served.fault("network")
    assert served.call(clients.tagged, FILMS, {}) == done


def test_questions_keep_titles_together_and_those_without_an_answer(served: Hub) -> None:
    done = served.call(clients.asked, QUESTIONS, {"validation": 0.25, "seed": 1})
    assert done["truths"] == [["film"], ["film"], ["film"], []] * 2  # two equal answers are one
    assert done["sizes"] == [12, 4, 4] and done["kinds"] == ["train", "validation"]
    train, validation, _ = done["titles"]
    assert len(validation) == 1 and not set(train) & set(validation)
    assert done["parts"][2] == [16, 17, 18, 19]  # the official validation part is what tests


def test_both_are_learned_by_a_bert_that_came_through_the_hub(served: Hub) -> None:
    served.add_model(BERT, checkpoint(served, "bert"))
    done = served.call(clients.learn_tags_and_answers, BERT, FILMS, QUESTIONS)
    for task in ("tags", "spans"):
        assert done[task][-1] < 0.2 * done[task][0]
    assert done["said"] == done["tagged"]
    assert done["answered"][:3] == ["film"] * 3


def test_conll_and_squad_by_their_names_have_the_sizes_that_we_know(hub: Hub) -> None:
    add(
        hub,
        "lhoestq/conll2003",
        {"train": sentences(14041), "validation": sentences(3250), "test": sentences(3453)},
    )
    add(
        hub, "rajpurkar/squad", {"train": questions(87599, 442), "validation": questions(10570, 48)}
    )
    assert hub.call(clients.tagged, "conll2003", {})["sizes"] == [14041, 3250, 3453]
    done = hub.call(clients.asked, "squad", {})
    assert sum(done["sizes"][:2]) == 87599 and done["sizes"][2] == 10570
    add(hub, "lhoestq/conll2003", {part: sentences(4) for part in ("train", "validation", "test")})
    assert hub.call(clients.refused_set, "load_hub_tags", "conll2003", {}) == (
        "ValueError: conll2003: expected the official parts {'train': 14041, 'validation': 3250, "
        "'test': 3453}, found {'train': 4, 'validation': 4, 'test': 4}. The repository has "
        "changed: pass the revision that had them, or its owner/name to take it as it is."
    )


REFUSED = {
    ("load_hub_tags", "conll", ()): "ValueError: there is no data set 'conll'. Expected conll2003, "
    "or a repository on the hub as owner/name.",
    ("load_hub_questions", "squat", ()): "ValueError: there is no data set 'squat'. Expected "
    "squad, or a repository on the hub as owner/name.",
    ("load_hub_tags", QUESTIONS, ()): "ValueError: course/asked: expected the parts train, "
    "validation, test, found train, validation. Ask for parts that are there.",
    ("load_hub_questions", FILMS, ()): "ValueError: course/films: expected the columns title, "
    "context, question, answers, found id, tokens, ner_tags. There is no title: name the column "
    "that holds it, or choose another set.",
    ("load_hub_tags", FILMS, (("tags", "tokens"),)): "ValueError: course/films: expected lists of "
    "named classes in the column tokens, found List(Value('string')). Choose a column of type "
    "ClassLabel, or read the set yourself and build TaggedTexts.",
}


@pytest.mark.parametrize("call", REFUSED, ids=lambda call: f"{call[0]}-{call[1]}")
def test_what_is_refused(served: Hub, call: tuple) -> None:
    loader, name, options = call
    assert served.call(clients.refused_set, loader, name, dict(options)) == REFUSED[call]


def test_an_answer_that_stands_elsewhere_is_refused(hub: Hub) -> None:
    add(hub, QUESTIONS, {"train": questions(8, 2, start=3), "validation": questions(4, 1)})
    assert hub.call(clients.refused_set, "load_hub_questions", QUESTIONS, {}) == (
        "ValueError: expected the answer 'film' at character 3 of its context, found ' fil'. It "
        "stands at 4. Give the context as it was when the answers were marked."
    )
