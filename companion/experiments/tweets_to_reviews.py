"""Does sentiment learned from tweets serve drug reviews, and how many labelled reviews equal it?

Both have two labels here. Those of the reviews were cut from ratings, so what counts as positive
differs, too.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sklearn.pipeline import Pipeline

from companion.data.reviews import load_drug_reviews
from companion.data.splits import Split, draw, split_by_example
from companion.data.text import Texts
from companion.experiments import on_domains, on_tweets, what_labels_buy
from companion.models.bag_of_words import tfidf_model
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe

WAYS = {"TF-IDF": (3.0, 30.0, 300.0), "linear probe": (1e-3, 1e-2, 1e-1)}  # strengths to try
SIZES = (50, 200)  # labelled reviews
TWEETS = 2000
CAP = 192  # tokens of a review
SEEDS = 10
TEST_SHARE = 0.5  # of the reviews
NEGATIVE, POSITIVE = 0, 2  # among the three labels of tweets


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both ways, taught by tweets, by reviews, or by both."""
    taught = [{"taught by": "tweets", "n": 0}]
    taught += [{"taught by": "reviews", "n": n} for n in SIZES]
    taught += [{"taught by": "both", "n": n} for n in SIZES]
    arms = [{"arm": arm, **plan} for arm in WAYS for plan in taught]
    return [arm | {"seed": seed} for seed in range(seeds) for arm in arms]


def run(spec: dict) -> dict:
    """Fit to what the spec names, choose the strength on validation, judge on other reviews."""
    split = split_of(spec["seed"])
    inputs, labels = examples(spec, split)
    tried = [fitted(spec["arm"], inputs, labels, strength) for strength in WAYS[spec["arm"]]]
    found = [macro_f1(model, spec["arm"], split.validation) for model in tried]
    best = int(np.argmax(found))
    value = macro_f1(tried[best], spec["arm"], split.test)
    return {
        "metric": "macro-F1",
        "value": value,
        "validation": found[best],
        "scores": {"macro-F1": value},
        "n_test": len(split.test),
        "split": split.digest,
    }


@lru_cache(maxsize=16)
def split_of(seed: int) -> Split:
    """Return the split of the reviews in a trial, new for each seed."""
    return split_by_example(reviews().labels, test=TEST_SHARE, seed=seed)


@lru_cache(maxsize=1)
def reviews() -> Texts:
    """Return the drug reviews."""
    return load_drug_reviews()


def examples(spec: dict, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (N, ...) and labels (N,) of what an arm is taught by."""
    inputs, labels = [], []
    if spec["taught by"] != "reviews":
        ids, found = tweets_drawn(spec["seed"])
        inputs.append(seen("tweets", spec["arm"])[ids])
        labels.append(found)
    if spec["n"]:
        ids = draw(reviews().labels, split.train, spec["n"], seed=spec["seed"])
        inputs.append(seen("reviews", spec["arm"])[ids])
        labels.append(reviews().labels[ids])
    return np.concatenate(inputs), np.concatenate(labels)


def tweets_drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (N,) of tweets that are not neutral, and whether each is positive (N,)."""
    labels = on_tweets.tweets().labels
    pool = on_tweets.parts()[1]
    pool = pool[np.isin(labels[pool], (NEGATIVE, POSITIVE))]
    ids = draw(labels, pool, TWEETS, seed=seed)
    return ids, (labels[ids] == POSITIVE).astype(int)


@lru_cache(maxsize=4)
def seen(kind: str, arm: str) -> np.ndarray:
    """Return what an arm sees of every text: words (N,), or features (N, F) of the frozen body."""
    texts = on_tweets.tweets() if kind == "tweets" else reviews()
    if arm == "TF-IDF":
        return np.array(texts.texts, dtype=object)
    if kind == "tweets":
        return what_labels_buy.frozen_features()
    backbone = load_text_backbone(on_domains.BACKBONE)
    source = text_fetch(texts, backbone, load_tokenizer(on_domains.BACKBONE), cap=CAP)
    return features(backbone, source, np.arange(len(texts)))


def fitted(arm: str, inputs: np.ndarray, labels: np.ndarray, strength: float) -> Pipeline:
    """Return TF-IDF or a probe, fitted to labels (N,)."""
    if arm == "TF-IDF":
        return tfidf_model(list(inputs), labels, strength)
    return linear_probe(inputs, labels, strength)


def macro_f1(model: Pipeline, arm: str, ids: np.ndarray) -> float:
    """Return the mean of both classes' F1 on these reviews."""
    answers = model.predict(seen("reviews", arm)[ids])
    return on_domains.macro_f1(reviews().labels[ids], answers)
