"""What the experiments on tweets share: the tweets, their splits, the arms and the scores."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from companion.data.splits import Split, draw, split_by_example
from companion.data.text import TextFetch, Texts
from companion.data.tweets import OTHER, load_tweets
from companion.evidence import metrics
from companion.evidence.calibration import expected_calibration_error, fit_temperature
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer import recipes_text
from companion.transfer.fit import FitConfig
from companion.transfer.predict import predict

BACKBONE = "minilm_l6"
CAP = 64  # tokens; two tweets are longer
DROPOUT = 0.1  # before the head
TEST, VALIDATION = 1500, 500  # tweets; together with what may train they are drawn anew per seed
TEST_SHARE = 0.05  # of the tweets that trials use
ASIDE = 4000  # tweets that no trial sees: they choose rates and strengths
TUNING = (0, 1)  # the draws among them
# How a run starts: as the first BERT code was used by many, and as is recommended since.
STARTS = {
    "plain": {"optimizer": "adamw-uncorrected", "warmup": 0.0},
    "careful": {"optimizer": "adamw", "warmup": 0.1},
}


@lru_cache(maxsize=1)
def tweets() -> Texts:
    """Return the tweets that are on one of the known topics."""
    return load_tweets()


@lru_cache(maxsize=1)
def parts() -> tuple[np.ndarray, np.ndarray]:
    """Return the ids set aside for choosing settings, and those that trials use."""
    on_topic = np.flatnonzero(tweets().kinds != OTHER)
    split = split_by_example(strata()[on_topic], test=ASIDE / len(on_topic), seed=2024)
    rest = np.concatenate([split.train, split.validation])
    return on_topic[split.test], np.sort(on_topic[rest])


def strata() -> np.ndarray:
    """Return label and topic (N,) of every tweet, whose proportions all splits keep."""
    return np.char.add(tweets().labels.astype(str), tweets().kinds)


@lru_cache(maxsize=8)
def split_of(seed: int) -> Split:
    """Return the split of a trial, new for each seed."""
    return split_among(parts()[1], TEST, VALIDATION, seed)


@lru_cache(maxsize=8)
def tuning_split(seed: int) -> Split:
    """Return a split of the tweets set aside; its test part stays unused."""
    return split_among(parts()[0], 100, 1000, seed)


def split_among(ids: np.ndarray, test: int, validation: int, seed: int) -> Split:
    """Return a split of `ids` with so many of them to test and to validate."""
    found = split_by_example(
        strata()[ids],
        test=test / len(ids),
        validation=validation / (len(ids) - test),
        seed=seed,
    )
    return Split(ids[found.train], ids[found.validation], ids[found.test])


@lru_cache(maxsize=1)
def fetch() -> TextFetch:
    """Return the fetch that serves the tweets as MiniLM's tokens."""
    backbone = load_text_backbone(BACKBONE)
    return text_fetch(tweets(), backbone, load_tokenizer(BACKBONE), cap=CAP)


def new_network(seed: int, *, pretrained: bool = True) -> Blocks:
    """Return the backbone with a new head for the three classes, drawn from `seed`."""
    backbone = load_text_backbone(BACKBONE, pretrained=pretrained, seed=seed)
    return add_label_head(backbone, classes=3, dropout=DROPOUT, seed=seed)


def training_tweets(split: Split, n: int, seed: int) -> np.ndarray:
    """Return `n` ids of the training part."""
    return draw(tweets().labels, split.train, n, seed=seed)


def train_arm(spec: dict, ids: np.ndarray) -> Blocks:
    """Return the network that the arm of `spec` makes of the training tweets `ids`.

    Raises:
        ValueError: there is no such arm.
    """
    arm, rate, seed = spec["arm"], spec["rate"], spec["seed"]
    model = new_network(seed, pretrained=arm != "untrained")
    plan = FitConfig(
        epochs=spec["epochs"],
        schedule="linear",
        seed=seed,
        progress=False,
        **STARTS[spec.get("start", "careful")],
    )
    match arm:
        case "full" | "untrained":
            recipes_text.fine_tune(model, fetch(), ids, plan, rate=rate)
        case "last two blocks":
            recipes_text.fine_tune(model, fetch(), ids, plan, rate=rate, upto="block3")
        case "LoRA":
            recipes_text.lora(model, fetch(), ids, plan, rate=rate)
        case "BitFit":
            recipes_text.bitfit(model, fetch(), ids, plan, rate=rate)
        case _:
            raise ValueError(f"there is no arm {arm!r} on tweets; see train_arm.")
    return model


def chosen_on_validation(spec: dict) -> dict:
    """Train the arm of `spec` on tweets set aside and score it on others of them: no test."""
    split = tuning_split(spec["seed"])
    model = train_arm(spec, training_tweets(split, spec["n"], spec["seed"]))
    found = scores(predict(model, fetch(), split.validation), split.validation)
    value = found["macro-F1 within topic"]
    return {
        "metric": "validation macro-F1 within topic",
        "value": value,
        "validation": value,
        "scores": found,
        "n_test": 0,
        "split": split.digest,
    }


def judged(model: Blocks, split: Split) -> dict:
    """Return the trial's result: the test tweets are scored here, once, validation beside them."""
    return judged_logits(
        predict(model, fetch(), split.validation), predict(model, fetch(), split.test), split
    )


def judged_logits(validation: np.ndarray, test: np.ndarray, split: Split) -> dict:
    """Return the result of a trial from its logits (N, 3) on validation and on test tweets.

    The temperature that mends the confidence is fitted to validation tweets.
    """
    temperature = fit_temperature(tweets().labels[split.validation], validation)
    cooled = {f"{k}, scaled": v for k, v in confidence(test / temperature, split.test).items()}
    found = scores(test, split.test) | cooled | {"temperature": round(temperature, 4)}
    return {
        "metric": "macro-F1 within topic",
        "value": found["macro-F1 within topic"],
        "validation": scores(validation, split.validation)["macro-F1 within topic"],
        "scores": found,
        "n_test": len(split.test),
        "split": split.digest,
    }


def scores(logits: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    """Return every score of `logits` (N, 3) on the tweets `ids` (N,), macro-F1 by topic too."""
    labels, kinds = tweets().labels[ids], tweets().kinds[ids]
    found = {
        "macro-F1 within topic": metrics.macro_f1_within(labels, logits, kinds),
        "macro-F1": metrics.macro_f1(labels, logits),
        "accuracy": metrics.accuracy(labels, logits),
        "majority accuracy": float(np.bincount(labels).max() / len(labels)),
        "share of one answer": float(np.bincount(logits.argmax(axis=1)).max() / len(labels)),
    } | confidence(logits, ids)
    for kind in np.unique(kinds):
        here = kinds == kind
        found[f"macro-F1, {kind}"] = metrics.macro_f1(labels[here], logits[here])
    return {name: round(float(value), 5) for name, value in found.items()}


def confidence(logits: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    """Return how well the chances of `logits` (N, 3) fit the tweets `ids` (N,)."""
    labels = tweets().labels[ids]
    chances = np.exp(log_softmax(logits.astype(np.float64), axis=1))
    return {
        "ECE": round(expected_calibration_error(labels, logits), 5),
        "log-loss": round(float(log_loss(labels, chances, labels=[0, 1, 2])), 5),
    }
