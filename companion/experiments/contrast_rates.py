"""At which rate does contrast learn best, our way and SetFit's? Chosen for `contrast_or_setfit`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from companion.experiments import few_examples, on_news, prompted
from companion.models.text import load_text_backbone
from companion.transfer import fewshot
from companion.transfer.fit import FitConfig
from companion.transfer.predict import features

ARMS = ("contrast", "setfit")
RATES = (2e-5, 5e-5, 1e-4)
TUNING = (100, 101)  # draws whose validation parts choose; no trial uses them
SHOTS = 8  # of each topic
EPOCHS = 64  # of ours: as many texts are run as in SetFit's one epoch over pairs
PER_CLASS = 4  # of each topic in a step


def specs(seeds: int = len(TUNING), profile: str = "cpu") -> list[dict]:
    """Return every rate of both ways, on `seeds` draws for tuning."""
    return [
        {"arm": arm, "rate": rate, "seed": seed}
        for arm in ARMS
        for rate in RATES
        for seed in TUNING[:seeds]
    ]


def run(spec: dict) -> dict:
    """Learn from the draw, and answer its validation part."""
    asked = on_news.split_of(spec["seed"]).validation
    found, seconds = answers(spec, asked)
    value = prompted.accuracy(found, on_news.news().labels[asked])
    return {
        "metric": "accuracy",
        "value": value,
        "validation": value,
        "scores": {"accuracy": value},
        "learning seconds": seconds,
        "n_test": len(asked),
        "split": on_news.split_of(spec["seed"]).digest,
    }


def best_rate(rows: Sequence[dict], arm: str) -> float:
    """Return the rate with the highest mean validation accuracy.

    Raises:
        LookupError: not every rate is recorded.
    """
    found = {rate: [] for rate in RATES}
    for row in rows:
        if row["spec"]["arm"] == arm:
            found[row["spec"]["rate"]].append(row["validation"])
    if any(len(values) < len(TUNING) for values in found.values()):
        raise LookupError(f"contrast_rates holds no whole set of rates for {arm!r}: record it.")
    return max(RATES, key=lambda rate: np.mean(found[rate]))


def answers(spec: dict, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the topic (Q,) that an arm gives the articles `asked`, and how long it learned."""
    ids = on_news.draw(SHOTS, spec["seed"])
    way = by_contrast if spec["arm"] == "contrast" else by_setfit
    return way(ids, asked, spec["rate"], spec["seed"])


def by_contrast(
    ids: np.ndarray, asked: np.ndarray, rate: float, seed: int
) -> tuple[np.ndarray, float]:
    """Return the answers of our own contrast with a logistic regression on its features."""
    model, fetch = load_text_backbone(few_examples.BACKBONE), few_examples.fetch()
    start = time.perf_counter()
    plan = FitConfig(epochs=EPOCHS, schedule="linear", seed=seed, progress=False)
    fewshot.contrast(model, fetch, ids, plan, rate=rate, per_class=PER_CLASS)
    head = LogisticRegression(max_iter=1000)  # on unit features, as SetFit's
    head.fit(fewshot.units(features(model, fetch, ids)), on_news.news().labels[ids])
    seconds = round(time.perf_counter() - start, 2)
    return head.predict(fewshot.units(features(model, fetch, asked))), seconds


def by_setfit(
    ids: np.ndarray, asked: np.ndarray, rate: float, seed: int
) -> tuple[np.ndarray, float]:
    """Return the answers of the library setfit with its own defaults, but for the rate."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from setfit import SetFitModel, Trainer, TrainingArguments

    from companion.data.assets import asset_path

    words = modules.Transformer(str(asset_path("minilm-l6")), max_seq_length=few_examples.CAP)
    mean = modules.Pooling(words.get_embedding_dimension(), "mean")
    body = SentenceTransformer(modules=[words, mean, modules.Normalize()], device="cpu")
    labels, texts = on_news.news().labels, on_news.shortened()
    rows = Dataset.from_dict({"text": texts[ids].tolist(), "label": labels[ids].tolist()})
    model = SetFitModel(body, LogisticRegression(max_iter=1000))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            save_strategy="no",
            report_to="none",
            body_learning_rate=(rate, rate),
            seed=seed,
        )
        Trainer(model=model, args=settings, train_dataset=rows).train()
    seconds = round(time.perf_counter() - start, 2)
    return np.asarray(model.predict(texts[asked].tolist(), show_progress_bar=False)), seconds
