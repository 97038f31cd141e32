"""Exercise 03.5: copies on both sides, words of all texts, and the best seed."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from companion.teaching.exercise import Mistake, compare, number

_SEEDS = (0, 1, 2, 3)


def _case(seed: int) -> dict[str, Any]:
    """Return 60 short texts, about a third of them copies, with noisy labels."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(30)])
    texts, labels = [], []
    for _ in range(40):
        label = int(rng.random() < 0.5)
        weights = np.ones(30)
        weights[:15] += 2.0 * label
        said = rng.choice(words, size=5, p=weights / weights.sum())
        texts.append(" ".join(said))
        labels.append(label)
    again = rng.integers(0, 40, 20)
    order = rng.permutation(60)
    all_texts = texts + [texts[i] for i in again]
    all_labels = labels + [labels[i] for i in again]
    return {
        "texts": [all_texts[i] for i in order],
        "labels": np.array([all_labels[i] for i in order]),
        "seeds": _SEEDS,
    }


def accuracy(
    case: tuple, *, copies: bool = False, all_words: bool = False, best: bool = False
) -> float:
    """Return the accuracy that an evaluation would report, with the mistakes given."""
    texts, labels, seeds = case
    if not copies:
        kept = [i for i, text in enumerate(texts) if text not in texts[:i]]
        texts, labels = [texts[i] for i in kept], labels[kept]
    scores = []
    for seed in seeds:
        train, test = train_test_split(np.arange(len(texts)), random_state=seed)
        parts = [[texts[i] for i in part] for part in (train, test)]
        words = TfidfVectorizer().fit(texts if all_words else parts[0])
        model = LogisticRegression().fit(words.transform(parts[0]), labels[train])
        scores.append(model.score(words.transform(parts[1]), labels[test]))
    return float(max(scores) if best else np.mean(scores))


_COPIES = "Copies of a text still stand on both sides. Drop them before the split."
_WORDS = "The words and their weights still come from all texts. Fit them to the training part."
_BEST = "You seem to return the best seed. Return the mean over all of them."


def _rule(wrong: dict[str, bool]) -> Any:
    return lambda *case: accuracy(case, **wrong)


def _mistakes() -> list[Mistake]:
    """Return a cause for every mixture of the three mistakes."""
    found = []
    for copies, all_words, best in product((True, False), repeat=3):
        made = ((_COPIES, copies), (_WORDS, all_words), (_BEST, best))
        causes = [cause for cause, there in made if there]
        if causes:
            words = {
                1: causes[0],
                2: f"Two are left. {' '.join(causes)}",
                3: "That is still the bug, with all three mistakes in it.",
            }
            wrong = {"copies": copies, "all_words": all_words, "best": best}
            found.append(Mistake(_rule(wrong), words[len(causes)]))
    return found


CASES = tuple(_case(seed) for seed in (0, 5, 10))


def evaluating(function: Any) -> str | None:
    """Judge `function(texts, labels, seeds) -> accuracy`."""
    return compare(function, CASES, lambda *case: accuracy(case), _mistakes(), number)
