"""With the same few examples: what do small encoders and counted words make of them?"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from companion.data.text import TextFetch
from companion.experiments import on_news, prompted
from companion.models.bag_of_words import tfidf_model
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer.fewshot import nearest_neighbour, nearest_prototype
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe

BACKBONE = "minilm_l6"
CAP = 128  # tokens; the shortened articles have fewer
SHOTS = (1, 2, 4, 8, 16)
ARMS = ("prototypes", "nearest neighbour", "linear probe", "TF-IDF", "TF-IDF, full text")
PROMPT = {"arm": "calibrated prompt", "k": 4}  # as in `prompted`, to be compared draw by draw
STRENGTH = {"linear probe": 0.01, "TF-IDF": 30.0, "TF-IDF, full text": 30.0}
SEEDS = 10
TEST_SHARE = on_news.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return each way of using k examples of each topic."""
    plans = [{"arm": arm, "k": k} for arm in ARMS for k in SHOTS] + [PROMPT]
    return [plan | {"seed": seed} for seed in range(seeds) for plan in plans]


def run(spec: dict) -> dict:
    """Learn from the trial's draw, and answer its queries."""
    arm, seed = spec["arm"], spec["seed"]
    if arm == PROMPT["arm"]:
        return prompted.run(spec | {"arm": "demonstrations", "calibrated": True})
    ids, asked = on_news.draw(spec["k"], seed), on_news.queries(seed)
    labels = on_news.news().labels
    found = answers(arm, ids, labels[ids], asked)
    value = prompted.accuracy(found, labels[asked])
    return {
        "metric": "accuracy",
        "value": value,
        "scores": {"accuracy": value},
        "n_test": len(asked),
        "split": on_news.split_of(seed).digest,
    }


def answers(arm: str, ids: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the topic (Q,) that an arm gives each of the articles `asked`."""
    if arm.startswith("TF-IDF"):
        whole = arm == "TF-IDF, full text"
        texts = np.array(on_news.news().texts, dtype=object) if whole else on_news.shortened()
        model = tfidf_model(texts[ids].tolist(), labels, STRENGTH[arm])
        return model.predict(texts[asked].tolist())
    seen = encoded()
    if arm == "linear probe":
        return linear_probe(seen[ids], labels, STRENGTH[arm]).predict(seen[asked])
    method = nearest_prototype if arm == "prototypes" else nearest_neighbour
    return method(seen[ids], labels, seen[asked])


@lru_cache(maxsize=1)
def encoded() -> np.ndarray:
    """Return the features (N, F) of every shortened article, from the frozen sentence encoder."""
    return encode(np.arange(len(on_news.news())))


def encode(ids: np.ndarray) -> np.ndarray:
    """Return the features (N, F) of some shortened articles."""
    return features(load_text_backbone(BACKBONE), fetch(), ids)


@lru_cache(maxsize=1)
def fetch() -> TextFetch:
    """Return the fetch that serves the shortened articles as the encoder's tokens."""
    whole = on_news.news()
    texts = replace(whole, texts=tuple(on_news.shortened()))
    return text_fetch(texts, load_text_backbone(BACKBONE), load_tokenizer(BACKBONE), cap=CAP)
