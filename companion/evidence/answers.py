"""Answers: exact match and token F1, as SQuAD scores them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

Score = Callable[[str, str], float]


def normalised(answer: str) -> str:
    """Return an answer in lower case, without ASCII punctuation, articles and extra white space.

    The normalisation of SQuAD (Rajpurkar et al. 2016), made for English.
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, truth: str) -> float:
    """Return 1 if two answers are equal once normalised, else 0."""
    return float(normalised(answer) == normalised(truth))


def token_f1(answer: str, truth: str) -> float:
    """Return the F1 of the words that two answers share, each counted as often as it stands there.

    Where either has no word left, as an answer "none" has not, it is 1 if both have none, else 0
    (the second version of SQuAD, Rajpurkar et al. 2018).
    """
    mine, theirs = normalised(answer).split(), normalised(truth).split()
    if not mine or not theirs:
        return float(mine == theirs)
    shared = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * shared / (len(mine) + len(theirs))


def best_over(score: Score, answer: str, truths: Sequence[str]) -> float:
    """Return the best score of an answer against any of the true ones; no true one means "none"."""
    return max((score(answer, truth) for truth in truths), default=score(answer, ""))


def mean_score(score: Score, answers: Sequence[str], truths: Sequence[Sequence[str]]) -> float:
    """Return the mean over questions (N,) of the best score of each answer.

    Raises:
        ValueError: there are not as many answers as questions, or none.
    """
    if len(answers) != len(truths) or not answers:
        raise ValueError(
            f"expected an answer to each of {len(truths)} questions, found {len(answers)}. Answer "
            "all of them; an empty answer says that there is none."
        )
    return float(np.mean([best_over(score, a, t) for a, t in zip(answers, truths, strict=True)]))
