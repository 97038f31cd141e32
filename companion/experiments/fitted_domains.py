"""Arms that are fitted in seconds: probes of frozen encoders, TF-IDF, and the length alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from companion.data.cache import build_once
from companion.data.splits import Split, draw
from companion.data.vision import digest_of
from companion.experiments import on_domains
from companion.experiments.on_domains import Task
from companion.models.bag_of_words import STRENGTHS, tfidf_model
from companion.models.text import load_tokenizer
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe

ENCODERS = ("base", "medical", "licences")
WORDS = ("TF-IDF", "TF-IDF, full text")
PROBE_STRENGTHS = (1e-3, 1e-2, 1e-1)


def judged(spec: dict) -> dict:
    """Fit the arm of `spec` to its draw and score it on the test part, once."""
    task, seed = spec["task"], spec["seed"]
    split = on_domains.split_of(task, seed)
    strength = strength_of(task, spec["arm"], spec["n"])
    found = {
        part: score(spec, split, getattr(split, part), strength) for part in ("validation", "test")
    }
    return {
        "metric": "macro-F1",
        "value": found["test"],
        "validation": found["validation"],
        "scores": {"macro-F1": found["test"]},
        "strength": strength,
        "n_test": len(split.test),
        "split": split.digest,
    }


def score(spec: dict, split: Split, asked: np.ndarray, strength: float) -> float:
    """Return the macro-F1 of an arm, fitted to its draw of `split`, on the texts `asked`."""
    task, arm, seed = spec["task"], spec["arm"], spec["seed"]
    labels = on_domains.texts(task).labels
    ids = draw(labels, split.train, spec["n"], seed=seed)
    if arm == "majority":
        return on_domains.macro_f1(labels[asked], np.full(len(asked), majority(labels[ids])))
    seen = inputs(task, arm, spec.get("encoder", seed))
    model = fitted(arm, pick(seen, ids), labels[ids], strength)
    return on_domains.macro_f1(labels[asked], model.predict(pick(seen, asked)))


def majority(labels: np.ndarray) -> int:
    """Return the most frequent of `labels` (N,)."""
    return int(np.bincount(labels).argmax())


def fitted(arm: str, seen: np.ndarray | list, labels: np.ndarray, strength: float) -> Pipeline:
    """Return TF-IDF, a probe, or a regression on the length, fitted to `labels` (N,)."""
    if arm in WORDS:
        return tfidf_model(seen, labels, strength)
    if arm == "length":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(seen, labels)
    return linear_probe(seen, labels, strength)


def pick(seen: np.ndarray | list[str], ids: np.ndarray) -> np.ndarray | list[str]:
    """Return the inputs of these examples."""
    return [seen[i] for i in ids] if isinstance(seen, list) else seen[ids]


@lru_cache(maxsize=16)
def inputs(task: Task, arm: str, seed: int) -> np.ndarray | list[str]:
    """Return what an arm sees of every text of a task: features (N, F), words, or the length.

    "TF-IDF" reads the tokens that the network reads, "TF-IDF, full text" everything.
    """
    source = on_domains.fetch(task)
    if arm == "length":
        return np.log([[len(text.split())] for text in source.texts.texts])
    if arm == "TF-IDF":
        rows = np.split(source.tokens.ids, source.tokens.offsets[1:-1])
        return load_tokenizer(on_domains.BACKBONE).batch_decode(rows, skip_special_tokens=True)
    if arm == "TF-IDF, full text":
        return list(source.texts.texts)
    return frozen_features(task, arm, seed)


def frozen_features(task: Task, arm: str, seed: int) -> np.ndarray:
    """Return the features (N, F) of every text of a task's pool; a minute, once."""
    key = digest_of(source_of(arm, seed), on_domains.fetch(task).digest)
    name = f"features-{task}-{arm}" + ("" if arm == "base" else f"-{seed}")
    return np.load(build_once(name, lambda file: save_features(file, task, arm, seed), key))


def source_of(arm: str, seed: int) -> str:
    """Name the weights that an arm's encoder has."""
    return arm if arm == "base" else on_domains.adapted(arm, seed).name


def save_features(target: Path, task: Task, arm: str, seed: int) -> None:
    """Write the features of every text of a task's pool to `target`, zeros for the others."""
    source, ids = on_domains.fetch(task), on_domains.pool(task)
    found = features(on_domains.encoder(arm, seed), source, ids)
    rows = np.zeros((len(source.texts), found.shape[1]), dtype=np.float32)
    rows[ids] = found
    with open(target, "wb") as file:
        np.save(file, rows)


@lru_cache(maxsize=32)
def strength_of(task: Task, arm: str, n: int) -> float:
    """Return the strength with the highest mean validation score over the tuning splits.

    Encoders are those of the first two seeds there.
    """
    if arm in ("majority", "length"):
        return 1.0
    tried = STRENGTHS if arm in WORDS else PROBE_STRENGTHS
    found = np.zeros(len(tried))
    for encoder, seed in enumerate(on_domains.TUNING):
        split = on_domains.split_of(task, seed)
        spec = {"task": task, "arm": arm, "n": n, "seed": seed, "encoder": encoder}
        found += [score(spec, split, split.validation, strength) for strength in tried]
    return tried[int(found.argmax())]
