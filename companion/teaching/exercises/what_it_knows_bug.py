"""Exercise 01.5: a scaler fitted to all cells, a block chosen by the test, AUROC of answers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from companion.teaching.exercise import Mistake, compare, number


def _case(seed: int) -> dict[str, Any]:
    """Return made-up features after three blocks, labels, and three parts of 90 cells."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(90) < 0.35).astype(int)
    parts = np.split(rng.permutation(90), [36, 60])
    shift = np.zeros((90, 1))
    shift[parts[2]] = rng.normal(2, 1)  # the test modules look different
    blocks = {
        name: rng.normal(size=(90, 6)) * rng.uniform(0.2, 6, 6)
        + strength * labels[:, None] * rng.normal(size=6)
        + shift * rng.normal(size=6)
        for name, strength in (("block1", 0.6), ("block3", 0.8), ("pool", 0.7))
    }
    names = ("train", "validation", "test")
    return {"features": blocks, "labels": labels} | dict(zip(names, parts, strict=True))


def auroc(
    case: tuple, *, scaled_on_all: bool = False, chooser: str = "validation", hard: bool = False
) -> float:
    """Return the AUROC that a search for the best block would report, with the mistakes given."""
    features, labels, train, validation, test = case
    found = []
    for x in features.values():
        scaler = StandardScaler().fit(x if scaled_on_all else x[train])
        probe = LogisticRegression().fit(scaler.transform(x[train]), labels[train])
        chances = probe.predict_proba(scaler.transform(x))[:, 1]
        ranked = (chances > 0.5).astype(int) if hard else chances
        found.append([roc_auc_score(labels[part], ranked[part]) for part in (validation, test)])
    chosen, judged = np.array(found).T
    if chooser == "test":
        return float(judged.max())
    if chooser == "last":
        return float(judged[-1])
    return float(chosen.max() if chooser == "report" else judged[chosen.argmax()])


_SCALER = "The scaler seems to be fitted to all cells. Fit it on the training part."
_TEST = (
    "You seem to choose the block by the test part. The best of three test scores is too good: "
    "choose on validation."
)
_HARD = "AUROC seems to be asked of answers, 0 or 1. Give it chances: predict_proba(...)[:, 1]."


def _mistakes() -> list[Mistake]:
    """Return a cause for every mixture of the three mistakes, and for two other ones."""
    found = []
    for scaler, test, hard in product((True, False), repeat=3):
        causes = [c for c, made in ((_SCALER, scaler), (_TEST, test), (_HARD, hard)) if made]
        if not causes:
            continue
        wrong = {"scaled_on_all": scaler, "chooser": "test" if test else "validation", "hard": hard}
        words = {
            1: causes[0],
            2: f"Two are left. {' '.join(causes)}",
            3: "That is still the bug, with all three mistakes in it.",
        }
        found.append(Mistake(_rule(wrong), words[len(causes)]))
    report = "You seem to return the validation score that chose. Return the test score, once."
    last = "You seem to take the last block. Take the one that validation ranks best."
    found += [
        Mistake(_rule({"chooser": "report"}), report),
        Mistake(_rule({"chooser": "last"}), last),
    ]
    return found


def _rule(wrong: dict[str, Any]) -> Any:
    return lambda *case: auroc(case, **wrong)


CASES = tuple(_case(seed) for seed in (10, 19, 32))


def searching(function: Any) -> str | None:
    """Judge `function(features, labels, train, validation, test) -> AUROC`."""
    return compare(function, CASES, lambda *case: auroc(case), _mistakes(), number)
