"""scikit-learn on features that a plain timm network gives."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from companion.device import stopwatch
from tests.benchmarks import tasks


def strength_sweep(spec: dict) -> dict:
    """Read the features once, and fit ten regressions to them."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto="pool").eval()
    train, labels = tasks.as_tensors(task, task.train)
    test, truth = tasks.as_tensors(task, task.test)
    vectors(net[0], train[: spec["batch"]])
    with stopwatch() as seconds:
        seen = vectors(net[0], train)
        probes = [
            make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))
            for c in tasks.STRENGTHS
        ]
        for probe in probes:
            probe.fit(seen, labels.numpy())
    found = probes[tasks.MIDDLE].predict_proba(vectors(net[0], test))
    return {"seconds": seconds(), "accuracy": tasks.accuracy(truth.numpy(), found)}


@torch.no_grad()
def vectors(body: torch.nn.Module, pictures: torch.Tensor) -> np.ndarray:
    """Return the features (B, F) of pictures, 64 at a time."""
    return torch.cat([body(part) for part in pictures.split(64)]).numpy()
