"""Which arm suits which set? Sets that no other experiment compares the arms on, at two sizes.

A trial has `n` labels to train on and a fifth as many to choose the probe's strength: what somebody
with few labels has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from sklearn.datasets import load_digits

from companion.data.reviews import load_drug_reviews
from companion.data.splits import Split, draw, split_by_example
from companion.data.text import Texts
from companion.data.vision import Pictures, digest_of
from companion.experiments import arms, on_domains, on_elpv, on_news

SIZES = (50, 200)  # labels
CHOOSE = 5  # one label chooses for so many that train
SEEDS = 5
TEST_SHARE = 0.25  # of a set, in every trial
SETS = ("digits", "cell types", "news", "reviews", "licences")


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every arm on every set at both sizes."""
    return [
        {"set": name, "arm": arm, "n": n, "seed": seed}
        for name in SETS
        for seed in range(seeds)
        for n in SIZES
        for arm in arms.ARMS[kind_of(name)]
    ]


def kind_of(name: str) -> str:
    """Return "pictures" or "texts"."""
    return "pictures" if name in ("digits", "cell types") else "texts"


def run(spec: dict) -> dict:
    """Train one arm on one draw, and judge it on the test part of its split."""
    task, split = task_of(spec["set"]), split_of(spec["set"], spec["seed"])
    labels, n, seed = task.data.labels, spec["n"], spec["seed"]
    ids = draw(labels, split.train, n, seed=seed)
    choose = draw(labels, split.validation, n // CHOOSE, seed=seed)
    model = arms.train_arm(task, spec["arm"], ids, choose, seed)
    chosen = arms.scores(labels[choose], arms.logits_of(task, model, choose))
    found = arms.scores(labels[split.test], arms.logits_of(task, model, split.test))
    return {
        "metric": "macro-F1",
        "value": found["macro-F1"],
        "validation": chosen["macro-F1"],
        "scores": found,
        "n_test": len(split.test),
        "split": split.digest,
    }


@lru_cache(maxsize=1)
def task_of(name: str) -> arms.Task:
    """Return a set and the fetch that serves it."""
    loaders: dict[str, Callable[[], Pictures | Texts]] = {
        "reviews": load_drug_reviews,
        "news": short_news,
        "licences": lambda: on_domains.texts("licences"),
        "digits": digits,
        "cell types": cell_types,
    }
    return arms.task_of(loaders[name]())


@lru_cache(maxsize=8)
def split_of(name: str, seed: int) -> Split:
    """Return the split of a trial, new for each seed; what belongs together is on one side."""
    if name == "news":
        return on_news.split_of(seed)
    if name == "licences":
        return on_domains.split_of("licences", seed)
    if name == "cell types":
        return on_elpv.by_module(seed)
    return split_by_example(task_of(name).data.labels, test=TEST_SHARE, seed=seed)


def short_news() -> Texts:
    """Return the articles' headlines and first words, with their topics."""
    return replace(on_news.news(), texts=tuple(on_news.shortened()))


def digits() -> Pictures:
    """Return scikit-learn's 1,797 digits, 8 x 8 pixels, in ten classes."""
    source = load_digits()
    pixels = np.ascontiguousarray((source.images[:, None] * 15).astype(np.uint8))
    return Pictures(
        name="digits",
        pixels=pixels,
        labels=source.target.astype(np.int64),
        classes=tuple("0123456789"),
        groups=np.arange(len(pixels)),
        kinds=np.full(len(pixels), "all"),
        digest=digest_of(pixels.tobytes()),
    )


def cell_types() -> Pictures:
    """Return the solar cells, to be told apart by how their silicon was made."""
    cells = on_elpv.cells()
    classes = tuple(np.unique(cells.kinds).tolist())
    return replace(cells, labels=np.searchsorted(classes, cells.kinds), classes=classes)
