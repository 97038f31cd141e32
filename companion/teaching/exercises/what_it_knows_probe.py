"""Exercise 01.2: a probe of one block of a small network."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from companion.teaching.exercise import Mistake, NotYet, compare, kind, number, short


def _network(seed: int) -> nn.Sequential:
    """Return two blocks with BatchNorm and a head, in train mode, as it may come to a learner."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU()),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)),
        )
        for norm in (net[0][1], net[1][1]):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    return net.train()


def _case(seed: int, upto: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    labels = np.array([0, 1] * 10)
    bright = rng.normal(size=(28, 1, 6, 6)) + 0.7 * np.resize([0, 1], 28)[:, None, None, None]
    pictures = torch.from_numpy(bright.astype(np.float32))
    return {
        "model": _network(seed),
        "upto": upto,
        "train": pictures[:20],
        "labels": labels,
        "test": 1.5 * pictures[20:],  # brighter than the training part: the scaler has to hold
    }


def chances(
    case: tuple,
    *,
    mode: bool = False,
    shift: int = 0,
    head: bool = False,
    scaled_on: str = "train",
    flat: bool = False,
) -> np.ndarray:
    """Return the chances (N,) that a probe gives, right or with one of the mistakes."""
    model, upto, train, labels, test = copy.deepcopy(case)
    model.train(mode)
    part = model if head else model[: upto + 1 + shift]

    def seen(pictures: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            x = part(pictures)
        return (x.flatten(1) if flat or x.dim() == 2 else x.mean(dim=(2, 3))).numpy()

    a, b = seen(train), seen(test)
    parts = {"train": a, "test": b, "both": np.vstack([a, b])}
    if scaled_on == "each":
        probe = LogisticRegression().fit(StandardScaler().fit_transform(a), labels)
        return probe.predict_proba(StandardScaler().fit_transform(b))[:, 1]
    scaler = StandardScaler().fit(parts[scaled_on])
    probe = make_pipeline(scaler, LogisticRegression())
    probe[-1].fit(scaler.transform(a), labels)
    return probe.predict_proba(b)[:, 1]


def _mistake(cause: str, **wrong: Any) -> Mistake:
    return Mistake(lambda *case: chances(case, **wrong), cause)


_SCALER = (
    "The scaler seems to have seen the test pictures. Fit it on the training features, and use "
    "it as it is on the test features."
)
_MISTAKES = (
    _mistake(
        "The network seems to be in train mode: BatchNorm then standardises each batch by "
        "itself. Call model.eval() first.",
        mode=True,
    ),
    _mistake(
        "You seem to probe what leaves the head. Stop after block `upto`: model[: upto + 1].",
        head=True,
    ),
    _mistake(
        "You seem to stop one block too early. A slice leaves its end out: model[: upto + 1].",
        shift=-1,
    ),
    _mistake("You seem to go one block too far: model[: upto + 1] is enough.", shift=1),
    _mistake(_SCALER, scaled_on="test"),
    _mistake(_SCALER, scaled_on="both"),
    _mistake(
        "You seem to fit a scaler to the test features of their own. Fit it on the training "
        "features, and use it as it is on the test features.",
        scaled_on="each",
    ),
    _mistake(
        "You seem to keep every place of a map as a feature. Average each map to one number: "
        "x.mean(dim=(2, 3)).",
        flat=True,
    ),
    Mistake(
        lambda *case: 1 - chances(case),
        "Those are the chances of class 0. Take column 1 of predict_proba.",
    ),
    Mistake(
        lambda *case: (chances(case) >= 0.5).astype(float),
        "Those are answers, 0 or 1. Return chances: predict_proba instead of predict.",
    ),
)
CASES = (_case(0, 0), _case(1, 1), _case(2, 0))


def _chances(value: Any) -> tuple[float, ...]:
    """Read one chance for each test picture.

    Raises: NotYet if it is anything else.
    """
    value = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
    if isinstance(value, (str, dict, set)) or np.shape(value) != (8,):
        raise NotYet(
            f"expected one chance for each of the 8 test pictures, found {short(value)} "
            f"({kind(value)})."
        )
    return tuple(number(part) for part in value)


def probing(function: Any) -> str | None:
    """Judge `function(model, upto, train, labels, test) -> chances`."""
    return compare(function, CASES, lambda *case: tuple(chances(case)), _MISTAKES, _chances)
