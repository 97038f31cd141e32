"""What do labels buy? Fine-tuned MiniLM, its untrained self, a probe, TF-IDF and two guesses."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from companion.data.cache import build_once
from companion.experiments import on_tweets, text_rates
from companion.experiments.rows import current_rows
from companion.models.bag_of_words import STRENGTHS, tfidf_model
from companion.models.text import load_text_backbone
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe

SIZES = (100, 500, 2000, 8000, 20000)
EPOCHS = {500: 6, 100: 20, 2000: 3, 8000: 2}  # the same for both that are fine-tuned
FITTED = ("majority", "topic only", "TF-IDF", "linear probe")
TRAINED = ("full", "untrained")
PROBE_STRENGTHS = (1e-3, 1e-2, 1e-1)
SEEDS = 5
TEST_SHARE = on_tweets.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials: fitted arms at all sizes, trained ones where two cores can do it.

    The untrained network is not trained on 8,000 labels. An arm whose rates are not recorded yet
    is left out until they are.
    """
    fitted = [
        {"arm": arm, "n": n, "seed": seed} for seed in range(seeds) for arm in FITTED for n in SIZES
    ]
    rows = current_rows("text_rates", profile=profile)
    trained = []
    for n, epochs in EPOCHS.items():
        for arm in TRAINED[: 1 if n == 8000 else 2]:
            with suppress(LookupError):
                rate = text_rates.best_rate(rows, {"arm": arm}, text_rates.rates_of(arm))
                trained += [
                    {"arm": arm, "n": n, "seed": seed, "rate": rate, "epochs": epochs}
                    for seed in range(seeds)
                ]
    return fitted + trained


def run(spec: dict) -> dict:
    """Train one arm on one draw of tweets; judge it on tweets it has not seen."""
    split = on_tweets.split_of(spec["seed"])
    ids = on_tweets.training_tweets(split, spec["n"], spec["seed"])
    if spec["arm"] in TRAINED:
        return on_tweets.judged(on_tweets.train_arm(spec, ids), split)
    asked = np.concatenate([split.validation, split.test])
    logits, setting = fitted_arm(spec["arm"], spec["n"], ids, asked)
    validation, test = np.split(logits, [len(split.validation)])
    return on_tweets.judged_logits(validation, test, split) | {"strength": setting}


def fitted_arm(
    arm: str, n: int, ids: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, float | None]:
    """Return the log-chances (N, 3) that an arm gives the tweets `asked`, and its strength."""
    if arm in ("majority", "topic only"):
        return guesses(ids, asked, by_topic=arm == "topic only"), None
    strength = strength_of(arm, n)
    return log_chances(fit_to(arm, ids, strength), arm, asked), strength


def guesses(ids: np.ndarray, asked: np.ndarray, *, by_topic: bool) -> np.ndarray:
    """Return the log-shares (N, 3) of the labels among the training tweets, or of its topic's.

    One is added to each count, so that no share is zero.
    """
    labels, kinds = on_tweets.tweets().labels, on_tweets.tweets().kinds
    out = np.empty((len(asked), 3))
    for kind in np.unique(kinds[asked]):
        seen = ids[kinds[ids] == kind] if by_topic else ids
        counts = np.bincount(labels[seen], minlength=3) + 1
        out[kinds[asked] == kind] = np.log(counts / counts.sum())
    return out


def fit_to(arm: str, ids: np.ndarray, strength: float) -> Pipeline:
    """Return TF-IDF or a probe of the frozen network, fitted to the tweets `ids`."""
    labels = on_tweets.tweets().labels[ids]
    if arm == "TF-IDF":
        return tfidf_model([on_tweets.tweets().texts[i] for i in ids], labels, strength)
    return linear_probe(frozen_features()[ids], labels, strength)


def log_chances(model: Pipeline, arm: str, ids: np.ndarray) -> np.ndarray:
    """Return the log-chances (N, 3) that a fitted model gives the tweets `ids`."""
    if arm == "TF-IDF":
        return model.predict_log_proba([on_tweets.tweets().texts[i] for i in ids])
    return model.predict_log_proba(frozen_features()[ids])


@lru_cache(maxsize=1)
def frozen_features() -> np.ndarray:
    """Return the features (N, F) of every tweet from the frozen network; minutes, once."""
    file = build_once("tweets-minilm-features", save_features, on_tweets.fetch().digest)
    return np.load(file)


def save_features(target: Path) -> None:
    """Write the features of every tweet to `target`."""
    ids = np.arange(len(on_tweets.tweets()))
    found = features(load_text_backbone(on_tweets.BACKBONE), on_tweets.fetch(), ids)
    with open(target, "wb") as file:
        np.save(file, found)


@lru_cache(maxsize=16)
def strength_of(arm: str, n: int) -> float:
    """Return the strength with the highest mean validation score over the tuning draws.

    Where more labels are asked for than were set aside, the largest draw of those decides.
    """
    tried = STRENGTHS if arm == "TF-IDF" else PROBE_STRENGTHS
    found = np.zeros(len(tried))
    for seed in on_tweets.TUNING:
        split = on_tweets.tuning_split(seed)
        ids = on_tweets.training_tweets(split, min(n, len(split.train)), seed)
        for i, strength in enumerate(tried):
            logits = log_chances(fit_to(arm, ids, strength), arm, split.validation)
            found[i] += on_tweets.scores(logits, split.validation)["macro-F1 within topic"]
    return tried[int(found.argmax())]
