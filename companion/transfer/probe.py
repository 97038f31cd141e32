"""The linear probe: a logistic regression on features that do not change."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularisation, weakest last


def linear_probe(features: np.ndarray, labels: np.ndarray, strength: float = 0.01) -> Pipeline:
    """Return a logistic regression on standardised features (N, F), fitted to labels (N,).

    The scaler is fitted on these features alone. `strength` is the inverse of the L2 penalty; the
    default suits about a thousand features and a few hundred labels.
    Source of the protocol: Alain and Bengio 2017.

    Raises:
        ValueError: the labels have one class only.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"a probe needs at least two classes, found one class only: {np.unique(labels)}. "
            "Draw more examples, or draw per class."
        )
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))
    return probe.fit(features, labels)


def choose_probe(
    features: np.ndarray, labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray]
) -> Pipeline:
    """Return the probe whose strength gives the lowest log-loss on `validation` (features, labels).

    Only the training features are fitted to; the validation part chooses, the test part is unseen.
    """
    unseen, answers = validation
    probes = [linear_probe(features, labels, strength) for strength in STRENGTHS]
    losses = [log_loss(answers, p.predict_proba(unseen), labels=p.classes_) for p in probes]
    return probes[int(np.argmin(losses))]
