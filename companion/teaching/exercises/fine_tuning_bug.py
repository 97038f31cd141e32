"""Exercise 02.5: train mode, a mean of means, and a choice by the test set, in one function."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from companion.teaching.exercise import Mistake, compare, number

Examples = tuple[torch.Tensor, torch.Tensor]  # pictures (N, F), labels (N,)


def _case(seed: int, batch_size: int) -> dict[str, Any]:
    """Return a made-up model, its weights after four epochs, and validation and test examples."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2))
    states = []
    for _ in range(4):
        state = {name: value.clone() for name, value in model.state_dict().items()}
        state["0.running_mean"] = torch.randn(5, generator=generator)
        state["0.running_var"] = torch.rand(5, generator=generator) + 0.5
        state["1.weight"] = torch.randn(2, 5, generator=generator)
        state["1.bias"] = torch.randn(2, generator=generator) / 2
        states.append(state)

    def examples(n: int) -> Examples:
        x = torch.randn(n, 5, generator=generator)
        return x, (x[:, 0] + 0.5 * torch.randn(n, generator=generator) > 0).long()

    return {
        "model": model,
        "states": states,
        "validation": examples(19),
        "test": examples(23),
        "batch_size": batch_size,
    }


def score(model: nn.Module, examples: Examples, size: int, train: bool, means: bool) -> float:
    """Return an accuracy, with one or both of the mistakes of mode and of counting."""
    pictures, labels = examples
    model.train(train)
    with torch.no_grad():
        hits = [
            (model(x).argmax(1) == y).float()
            for x, y in zip(pictures.split(size), labels.split(size), strict=True)
        ]
    return float(torch.stack([h.mean() for h in hits]).mean() if means else torch.cat(hits).mean())


def accuracy(
    case: tuple, *, train: bool = False, means: bool = False, chooser: str = "validation"
) -> float:
    """Return the accuracy that a program with the mistakes given would report."""
    model, states, validation, test, size = copy.deepcopy(case)

    def scores(examples: Examples) -> list[float]:
        found = []
        for state in states:
            model.load_state_dict(state)
            found.append(score(model, examples, size, train, means))
        return found

    chosen, judged = scores(validation), scores(test)
    if chooser == "test":
        return max(judged)
    if chooser == "last":
        return judged[-1]
    return chosen[chosen.index(max(chosen))] if chooser == "report" else judged[argmax(chosen)]


def argmax(values: list[float]) -> int:
    """Return where the first of the largest values stands."""
    return values.index(max(values))


def _mistake(cause: str, **wrong: Any) -> Mistake:
    return Mistake(lambda *case: accuracy(case, **wrong), cause)


_TRAIN = (
    "The model seems to be in train mode: BatchNorm then standardises by each batch, and dropout "
    "drops. Call model.eval() before it answers."
)
_MEANS = (
    "You seem to average the batches' accuracies. The last batch is shorter, so its pictures count "
    "more: count right answers and divide once."
)
_TEST = (
    "You seem to choose the epoch by the test set. The best of several test scores is too good: "
    "choose on validation, then open the test set once."
)
_MISTAKES = (
    _mistake(
        "That is still the bug, with all three mistakes in it.",
        train=True, means=True, chooser="test",
    ),
    _mistake(_TRAIN, train=True),
    _mistake(_MEANS, means=True),
    _mistake(_TEST, chooser="test"),
    _mistake(f"Two are left. {_TRAIN} {_MEANS}", train=True, means=True),
    _mistake(f"Two are left. {_TRAIN} {_TEST}", train=True, chooser="test"),
    _mistake(f"Two are left. {_MEANS} {_TEST}", means=True, chooser="test"),
    _mistake(
        "You seem to take the last epoch. Take the one that scores highest on validation.",
        chooser="last",
    ),
    _mistake(
        "You seem to return the validation score that chose the epoch. It is the best of four and "
        "too good: return the test score of that epoch.",
        chooser="report",
    ),
)  # fmt: skip
CASES = tuple(_case(seed, size) for seed, size in ((3, 4), (23, 5), (34, 5), (34, 7)))


def evaluation(function: Any) -> str | None:
    """Judge `function(model, states, validation, test, batch_size) -> float`."""
    return compare(function, CASES, lambda *case: accuracy(case), _MISTAKES, number)
