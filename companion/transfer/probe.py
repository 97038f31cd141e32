"""The linear probe: a logistic regression on features that do not change."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from companion.models.blocks import Blocks

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


@torch.no_grad()
def copy_to_head(probe: Pipeline, model: Blocks) -> None:
    """Write a probe into the head of `model`: from then on both give the same probabilities.

    The scaler is folded into the weights. With two classes the regression has one row of weights;
    each class gets half of it, with opposite signs.

    Raises:
        ValueError: the probe knows another number of classes, or of features, than the head.
    """
    scaler, regression = probe[0], probe[-1]
    weight, bias = regression.coef_, regression.intercept_  # (classes or 1, F)
    if len(weight) == 1:
        weight, bias = np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
    weight = weight / scaler.scale_
    linear = next(m for m in model.layers[-1].modules() if isinstance(m, nn.Linear))
    if weight.shape != tuple(linear.weight.shape):
        raise ValueError(
            f"the probe has shape {weight.shape} (classes, features), the head of {model.name} "
            f"{tuple(linear.weight.shape)}. Draw examples of every class, and fit the probe to "
            "what leaves the block below the head."
        )
    linear.weight.copy_(torch.from_numpy(weight))
    linear.bias.copy_(torch.from_numpy(bias - weight @ scaler.mean_))
