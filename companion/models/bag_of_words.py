"""The baseline that every text network has to beat: counted words and a linear model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

STRENGTHS = (3.0, 30.0, 300.0)  # inverse regularisation, weakest last


def tfidf_model(texts: Sequence[str], labels: np.ndarray, strength: float = 30.0) -> Pipeline:
    """Return a logistic regression on the TF-IDF weights of words and pairs of words.

    `labels` (N,). The vocabulary and its weights come from `texts` alone. `strength` is the inverse
    of the L2 penalty. Source of the weighting: Sparck Jones 1972; of its use here: Wang and
    Manning 2012.

    Raises:
        ValueError: the labels have one class only.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"a classifier needs at least two classes, found one class only: {np.unique(labels)}. "
            "Draw more examples, or draw per class."
        )
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=strength, max_iter=2000)).fit(texts, labels)
