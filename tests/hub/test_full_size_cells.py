"""The lessons' cells for a GPU: they run as they stand, with small stand-ins for what they fetch.

Changed in the source are the switch, the name of the data set of pictures (the real one's sizes are
checked), the side of the pictures, the longest text and the epochs: so it takes seconds on two
cores.
"""

from __future__ import annotations

import re

import nbformat
import pytest

from companion.data.domain_encoders import DOMAIN_ENCODERS
from companion.models.from_hub import hub_checkpoint
from tests.conftest import ROOT
from tests.hub import clients
from tests.hub.conftest import Hub
from tests.hub.test_causal_from_hub import causal_checkpoint
from tests.hub.test_from_hub import random_checkpoint
from tests.hub.test_hub_labels import MOODS, moods
from tests.hub.test_hub_pictures import greys, parquet
from tests.hub.test_hub_texts import FILMS, QUESTIONS, add, questions, sentences
from tests.hub.test_text_from_hub import BERT, checkpoint, files_of

REPO = "course/greys"
CHANGES = {
    "FULL_SIZE = False": "FULL_SIZE = True",
    '"flowers-102"': f'"{REPO}"',
    '"pets"': f'"{REPO}"',
    "size=224": "size=64",
    "epochs=4": "epochs=1",
    "epochs=6": "epochs=1",
    "cap=64": "cap=32",
    "cap=128": "cap=32",
    "cap=384, stride=128": "cap=24, stride=2",
    '"conll2003"': f'"{FILMS}"',
    '"squad"': f'"{QUESTIONS}"',
    '"financial-tweets"': f'"{MOODS}"',
}

ABOVE = """
from companion.data.splits import draw
from companion.evidence.metrics import macro_f1_within
from companion.experiments.on_tweets import split_of, tweets as load
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer.fit import FitConfig
from companion.transfer.predict import predict
DRAW = 200
tweets, split = load(), split_of(DRAW)
"""  # what the cells above lesson 03's last one have imported and loaded


ABOVE_HEADS = """
from companion.data.spans import SpanFetch, cut_windows, taken
from companion.data.tags import TagFetch, align
from companion.evidence.answers import mean_score, token_f1
from companion.evidence.entities import entity_score
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.token_heads import SPAN_ENDS, add_token_head, span_loss, tag_loss
from companion.transfer.answers import predict_answers, predict_tags
from companion.transfer.fit import FitConfig
from companion.transfer.recipes_tokens import fine_tune_tokens
"""  # the same for lesson 04x


ABOVE_DOMAINS = """
from companion.experiments import on_domains
from companion.data.domain_encoders import DOMAIN_ENCODERS
from companion.models.text import load_tokenizer
from companion.transfer.fit import FitConfig
"""  # the same for lesson 05x


ABOVE_PROMPTS = """
from companion.data.prompts import Prompt, with_demonstrations
from companion.experiments import on_news
from companion.models.causal import load_causal
from companion.models.text import load_tokenizer
from companion.transfer.incontext import calibrated, content_free_scores, label_scores
news, articles, asked = on_news.news(), on_news.shortened(), on_news.queries(200)[:8]
plain, taught = Prompt(news.classes, pattern=on_news.PATTERN), on_news.draw(2, 200)
prompt = with_demonstrations(plain, articles[taught].tolist(), news.labels[taught].tolist())
"""  # the same for lesson 06x


def full_size_cell(lesson: str) -> str:
    """Return the source of the cells of a lesson that ask the hub, switched on."""
    cells = nbformat.read(ROOT / "notebooks" / lesson, as_version=4).cells
    starts = ("FULL_SIZE = False", "if FULL_SIZE:")
    source = "\n".join(c.source for c in cells if c.source.startswith(starts))
    assert source.count(starts[0]) == 1
    for old, new in CHANGES.items():
        source = source.replace(old, new)
    return source


@pytest.fixture
def served(hub: Hub) -> Hub:
    """A hub with the three networks, their weights drawn at random, and a few grey pictures."""
    for name in ("resnet50", "efficientnet_b0", "vit_base_patch16_224"):
        config = hub_checkpoint(name)
        weights = random_checkpoint(name, hub.home / f"{name}.safetensors")
        hub.add_model(config.hf_hub_id, {"model.safetensors": weights})
    parts = {
        "train": greys([20, 220] * 4, [0, 1] * 4),
        "validation": greys([40, 200], [0, 1]),
        "test": greys([30, 210, 50, 190], [0, 1, 0, 1]),
    }
    files = {f"data/{part}-0.parquet": parquet(rows, hub.home) for part, rows in parts.items()}
    hub.add_dataset(REPO, files)
    return hub


@pytest.mark.slow
def test_every_block_of_resnet_is_probed_on_flowers(served: Hub) -> None:
    printed = served.call(clients.run_cell, full_size_cell("01_what_it_already_knows.ipynb"))
    blocks = re.findall(r"^after (\w+) +[01]\.\d{3} of the test flowers$", printed, re.M)
    assert blocks == ["stem", "layer1", "layer2", "layer3", "layer4", "pool"]


@pytest.mark.slow
def test_three_networks_are_probed_and_fine_tuned_on_pets(served: Hub) -> None:
    printed = served.call(clients.run_cell, full_size_cell("02x_shift_and_leaks.ipynb"))
    found = re.findall(r"^(\w+), ([\w -]+): [01]\.\d{3} of the test pets$", printed, re.M)
    networks = ("resnet50", "efficientnet_b0", "vit_base_patch16_224")
    assert found == [(name, way) for name in networks for way in ("linear probe", "LP-FT")]


@pytest.mark.slow
def test_plain_bert_is_fine_tuned_on_tweets(hub: Hub) -> None:
    hub.add_model(BERT, checkpoint(hub, "bert"))
    printed = hub.call(clients.run_cell, ABOVE + full_size_cell("03_fine_tuning_bert.ipynb"))
    assert re.search(r"^0\.\d+$", printed, re.M)


@pytest.mark.slow
def test_cased_bert_learns_names_and_answers(hub: Hub) -> None:
    hub.add_model("google-bert/bert-base-cased", checkpoint(hub, "bert"))
    add(hub, FILMS, {"train": sentences(8), "validation": sentences(2), "test": sentences(4)})
    add(hub, QUESTIONS, {"train": questions(16, 4), "validation": questions(4, 1)})
    printed = hub.call(clients.run_cell, ABOVE_HEADS + full_size_cell("04x_going_further.ipynb"))
    assert re.search(r"^CoNLL-2003, entity F1: [01]\.\d{3}$", printed, re.M)
    assert re.search(r"^SQuAD, token F1: [01]\.\d{3}$", printed, re.M)


@pytest.mark.slow
def test_encoders_of_a_domain_are_tuned_as_plain_bert_is(hub: Hub) -> None:
    for found in DOMAIN_ENCODERS.values():
        hub.add_model(found.repo, checkpoint(hub, "bert"))
    add(hub, MOODS, {"train": moods(40), "validation": moods(12, start=40)})
    printed = hub.call(clients.run_cell, ABOVE_DOMAINS + full_size_cell("05x_going_further.ipynb"))
    found = re.findall(r"^([\w /]+), (\w+): macro-F1 [01]\.\d{3}$", printed, re.M)
    assert [encoder for _, encoder in found] == [
        "BERT", "FinBERT", "BERT", "BioBERT", "BERT", "SciBERT", "BERT", "LegalBERT"
    ]  # fmt: skip
    assert {task for task, _ in found} == {MOODS, "medical definitions", "licence categories"}


@pytest.mark.slow
def test_three_sizes_are_prompted_in_the_same_way(hub: Hub) -> None:
    folder = causal_checkpoint(hub.home / "causal", "llama", positions=8192)
    sizes = ("135M", "360M", "1.7B")
    for size in sizes:
        hub.add_model(f"HuggingFaceTB/SmolLM2-{size}", files_of(folder))
    printed = hub.call(clients.run_cell, ABOVE_PROMPTS + full_size_cell("06x_going_further.ipynb"))
    found = re.findall(r"^HuggingFaceTB/SmolLM2-(\S+), ([\w ]+): [01]\.\d{3}$", printed, re.M)
    assert found == [(size, way) for size in sizes for way in ("none", "ten demonstrations")]
