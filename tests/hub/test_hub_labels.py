"""Labelled texts through the hub, and the encoders that read a domain before us."""

from __future__ import annotations

import datasets
import pytest

from companion.data.domain_encoders import DOMAIN_ENCODERS, card
from tests.conftest import ROOT
from tests.hub import clients
from tests.hub.conftest import Hub
from tests.hub.test_hub_texts import add

MOODS = "course/moods"


def moods(n: int, *, start: int = 0) -> datasets.Dataset:
    """Return texts of three labels, each its own."""
    texts = [f"the film was {('bad', 'good', 'it')[i % 3]} and {start + i}" for i in range(n)]
    return datasets.Dataset.from_dict({"text": texts, "label": [i % 3 for i in range(n)]})


def test_texts_come_with_numbers_and_copies_of_the_test_part_are_not_trained_on(hub: Hub) -> None:
    add(hub, MOODS, {"train": moods(20), "validation": moods(6, start=18)})  # two of them twice
    done = hub.call(clients.labelled, MOODS, {"validation": 0.2, "seed": 1})
    assert done["classes"] == ["class 0", "class 1", "class 2"]
    assert done["labels"][20:] == [0, 1, 2, 0, 1, 2]
    train, validation, test = map(set, done["parts"])
    assert test == set(range(20, 26)) and not train & validation
    assert train | validation == set(range(18))  # 18 and 19 stand in the test part
    assert len(validation) in (3, 4)
    hub.fault("network")
    again = hub.call(clients.labelled, MOODS, {"validation": 0.2, "seed": 1})
    assert again == done


def test_the_known_set_has_the_sizes_that_we_know(hub: Hub) -> None:
    repo = "zeroshot/twitter-financial-news-sentiment"
    add(hub, repo, {"train": moods(9543), "validation": moods(2388, start=9543)})
    done = hub.call(clients.labelled, "financial-tweets", {})
    assert done["classes"] == ["bearish", "bullish", "neutral"]
    assert len(done["parts"][2]) == 2388
    add(hub, repo, {"train": moods(9), "validation": moods(6, start=9)})
    with pytest.raises(Exception, match="expected the official parts"):
        hub.call(clients.labelled, "financial-tweets", {})


def test_every_published_encoder_says_what_it_has_seen() -> None:
    page = (ROOT / "notebooks" / "data-and-models.md").read_text("utf-8")
    for name, found in DOMAIN_ENCODERS.items():
        assert found.repo in page, name
        said = card(name)
        assert found.repo in said and f"has seen    {found.seen}" in said
    assert "Financial PhraseBank, by its labels" in card("FinBERT")
    with pytest.raises(ValueError) as error:
        card("PubMedBERT")
    assert str(error.value) == (
        "there is no card for 'PubMedBERT'. Expected one of BERT, FinBERT, BioBERT, LegalBERT, "
        "SciBERT; read what another encoder was trained on before you compare it."
    )
