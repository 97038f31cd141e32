"""Exercises 03.1 to 03.4: the masked mean, batches by length, ten runs, one temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax, softmax

from companion.teaching.exercise import Mistake, NotYet, call, compare, kind, numbers, short

# 03.1 --------------------------------------------------------------------------------------------


def _pooled(states: torch.Tensor, mask: torch.Tensor) -> Any:
    return numbers((states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True))


def _pooling_case(seed: int, lengths: tuple[int, ...]) -> dict[str, Any]:
    """Return states (B, 5, 2) that are far from zero where the padding is, and the mask."""
    rng = np.random.default_rng(seed)
    mask = np.arange(5) < np.array(lengths)[:, None]
    states = np.where(mask[..., None], rng.normal(size=(len(lengths), 5, 2)), 7.0)
    return {"states": torch.from_numpy(states.astype(np.float32)), "mask": torch.from_numpy(mask)}


_POOLING_CASES = (_pooling_case(0, (5, 2, 3)), _pooling_case(1, (1, 4)))
_POOLING_MISTAKES = (
    Mistake(
        lambda s, m: numbers((s * m[..., None]).sum(dim=1) / s.shape[1]),
        "You seem to divide by the padded length. Divide by the number of tokens of each text: "
        "mask.sum(dim=1, keepdim=True).",
    ),
    Mistake(
        lambda s, m: numbers(s.mean(dim=1)),
        "You seem to average the padding as well. Where is the mask in your sum?",
    ),
    Mistake(
        lambda s, m: numbers(s.sum(dim=1) / m.sum(dim=1, keepdim=True)),
        "The count leaves the padding out, but the sum does not: multiply by the mask first.",
    ),
    Mistake(
        lambda s, m: numbers((s * m[..., None]).mean(dim=2)),
        "You seem to average over the numbers of each vector. The tokens stand in dimension 1.",
    ),
    Mistake(
        lambda s, m: numbers((s * m[..., None]).sum(dim=1)),
        "That is the sum. Divide it by the number of tokens of each text.",
    ),
    Mistake(
        lambda s, m: numbers(s[:, 0]),
        "That is the first token's vector, which is another way to pool. Here: the mean.",
    ),
)


def pooling(function: Any) -> str | None:
    """Judge `function(states, mask) -> vectors`."""
    return compare(function, _POOLING_CASES, _pooled, _POOLING_MISTAKES, numbers)


# 03.2 --------------------------------------------------------------------------------------------

_LENGTHS = np.random.default_rng(5).integers(4, 40, 75)
_SIZE = 8
_MOST = 1.12  # of the real tokens; sorted batches compute 1.05 to 1.07, random ones about 1.7


def batching(function: Any) -> str | None:
    """Judge `function(lengths, size, seed) -> batches`."""
    batches = [_batches(call(function, _LENGTHS, _SIZE, seed)) for seed in (0, 0, 1)]
    for found in batches:
        if wrong := _misses(found) or _wastes(found) or _goes_up_or_down(found):
            return wrong
    plain = [[tuple(batch.tolist()) for batch in found] for found in batches]
    if plain[0] != plain[1]:
        return (
            "called twice with the same seed, your function gave two different results. Draw "
            "everything from np.random.default_rng(seed)."
        )
    first, other = ({tuple(sorted(batch)) for batch in found} for found in plain[::2])
    if first == other:
        return (
            "two seeds gave the same batches in another order. Many texts are equally long: let "
            "chance decide which of them go together, by shuffling before a stable sort."
        )
    return None


def _batches(value: Any) -> list[np.ndarray]:
    if not isinstance(value, (list, tuple)) or not value:
        raise NotYet(f"expected a list of arrays of places, found {short(value)} ({kind(value)}).")
    try:
        found = [np.asarray(batch) for batch in value]
    except ValueError:
        found = []
    if not found or any(b.ndim != 1 or b.dtype.kind not in "iu" for b in found):
        raise NotYet(
            f"expected each batch to be an array of places, whole numbers, found "
            f"{short(value[0])} ({kind(value[0])})."
        )
    return found


def _misses(batches: list[np.ndarray]) -> str | None:
    """Say what is wrong if not every place stands in one batch of the right size."""
    n = len(_LENGTHS)
    places = np.concatenate(batches)
    counts = np.bincount(places[(places >= 0) & (places < n)], minlength=n)
    if len(places) == n - n % _SIZE and counts.max() == 1:
        return (
            f"of {n} texts {n % _SIZE} are in no batch: you seem to drop the rest. The last batch "
            "may be shorter."
        )
    if len(places) != n or (counts != 1).any():
        never, twice = int((counts == 0).sum()), int((counts > 1).sum())
        return (
            f"expected each of {n} places once, found {never} never and {twice} more than once. "
            "Cut one list of all places, and put nothing back."
        )
    if sorted(map(len, batches))[1:] != [_SIZE] * (len(batches) - 1) or len(batches[0]) > _SIZE:
        return (
            f"expected batches of {_SIZE}, one of them with the rest, found sizes "
            f"{sorted({len(b) for b in batches})}."
        )
    return None


def _wastes(batches: list[np.ndarray]) -> str | None:
    """Say how much is computed if too much of it is padding."""
    computed = sum(len(batch) * int(_LENGTHS[batch].max()) for batch in batches)
    share = computed / _LENGTHS.sum()
    if share <= _MOST:
        return None
    return (
        f"your batches compute {share:.2f} tokens for each real one; sorted by length it would be "
        "under 1.1. Short and long texts share a batch: sort all places by their length, then cut."
    )


def _goes_up_or_down(batches: list[np.ndarray]) -> str | None:
    """Say so if the batches come from short to long, or the other way."""
    longest = [int(_LENGTHS[batch].max()) for batch in batches]
    if longest in (sorted(longest), sorted(longest)[::-1]):
        return (
            "your batches come in the order of their length, so that the network would see short "
            "texts first, or last, in every epoch. Shuffle the finished batches."
        )
    return None


# 03.3 --------------------------------------------------------------------------------------------


def _summary(scores: np.ndarray, majority: float) -> tuple[float, float, float]:
    return float(np.median(scores)), float(scores.mean()), float((scores <= majority).sum())


def _kept(scores: np.ndarray, majority: float) -> np.ndarray:
    return scores[scores > majority]


_RUNS = (
    {"scores": np.array([0.61, 0.43, 0.66, 0.58, 0.43, 0.63, 0.60, 0.40, 0.64, 0.59])},
    {"scores": np.array([0.70, 0.44, 0.71, 0.69, 0.75, 0.72, 0.68, 0.73, 0.70, 0.66])},
)
_RUN_CASES = tuple(
    case | {"majority": majority} for case, majority in zip(_RUNS, (0.43, 0.45), strict=True)
)
_RUN_MISTAKES = (
    Mistake(
        lambda s, m: (np.median(_kept(s, m)), _kept(s, m).mean(), float((s <= m).sum())),
        "You seem to drop the failed runs from median and mean. The recipe made them as well.",
    ),
    Mistake(
        lambda s, m: (s.max(), s.mean(), float((s <= m).sum())),
        "The first number seems to be the best run. Nobody is promised that one: take the median.",
    ),
    Mistake(
        lambda s, m: (s.mean(), s.mean(), float((s <= m).sum())),
        "The first number is the mean again. The median is the middle of the sorted scores.",
    ),
    Mistake(
        lambda s, m: (np.median(s), s.mean(), float((s < m).sum())),
        "A run that is exactly as good as always naming the commonest class has failed, too: <=.",
    ),
    Mistake(
        lambda s, m: (np.median(s), s.mean(), float((s > m).sum())),
        "The last number counts the runs that worked. Count the others.",
    ),
    Mistake(
        lambda s, m: (np.median(s), s.mean(), float((s <= m).mean())),
        "The last number is a share. Give the count: 2 of 10 says more than 0.2.",
    ),
)


def summing_up(function: Any) -> str | None:
    """Judge `function(scores, majority) -> (median, mean, failed)`."""
    return compare(function, _RUN_CASES, _summary, _RUN_MISTAKES, _three)


def _three(value: Any) -> tuple[float, float, float]:
    if isinstance(value, (str, dict, set)) or np.shape(value) != (3,):
        raise NotYet(f"expected three numbers (median, mean, failed), found {short(value)}.")
    return numbers(value)


# 03.4 --------------------------------------------------------------------------------------------


def _temperature(logits: np.ndarray, labels: np.ndarray, grid: np.ndarray) -> float:
    rows = np.arange(len(labels))
    return grid[np.argmin([-log_softmax(logits / t, axis=1)[rows, labels].mean() for t in grid])]


def _chances(v: np.ndarray, a: np.ndarray, t: np.ndarray, b: np.ndarray, g: np.ndarray) -> Any:
    return numbers(softmax(t / _temperature(v, a, g), axis=1))


def _shrunk(chances: np.ndarray, t: float) -> np.ndarray:
    return chances / t


def _scaling_case(seed: int, validation_scale: float, test_scale: float) -> dict[str, Any]:
    """Return logits that are too large, by another factor on validation than on test."""
    rng = np.random.default_rng(seed)
    parts = []
    for n, scale in ((60, validation_scale), (8, test_scale)):
        labels = rng.integers(0, 3, n)
        logits = scale * (rng.normal(size=(n, 3)) + 1.3 * np.eye(3)[labels])
        parts += [logits, labels]
    names = ("validation", "answers", "test", "test_answers")
    return dict(zip(names, parts, strict=True)) | {"grid": np.linspace(0.25, 6, 24)}


_SCALING_CASES = (_scaling_case(0, 3.0, 5.0), _scaling_case(1, 2.0, 0.7))
_SCALING_MISTAKES = (
    Mistake(
        lambda v, a, t, b, g: numbers(softmax(t / _temperature(t, b, g), axis=1)),
        "The temperature seems to be fitted to the test texts, with their answers. Validation "
        "chooses; the answers of the test part are not yours to use.",
    ),
    Mistake(
        lambda v, a, t, b, g: numbers(softmax(t * _temperature(v, a, g), axis=1)),
        "You seem to multiply the logits by T. That makes the model surer: divide.",
    ),
    Mistake(
        lambda v, a, t, b, g: numbers(_shrunk(softmax(t, axis=1), _temperature(v, a, g))),
        "You seem to divide the chances by T, so that they no longer sum to one. Divide the "
        "logits, then take the softmax.",
    ),
    Mistake(
        lambda v, a, t, b, g: numbers(
            softmax(softmax(t, axis=1) / _temperature(softmax(v, axis=1), a, g), axis=1)
        ),
        "You seem to scale chances where logits are asked for: two softmaxes, one too many.",
    ),
    Mistake(
        lambda v, a, t, b, g: numbers(t / _temperature(v, a, g)),
        "Those are scaled logits. The chances are their softmax.",
    ),
    Mistake(
        lambda v, a, t, b, g: numbers(softmax(t, axis=1)),
        "Those are the chances as they were, at T = 1. Did you use the T that was chosen?",
    ),
)


def scaling(function: Any) -> str | None:
    """Judge `function(validation, answers, test, test_answers, grid) -> chances`."""
    return compare(function, _SCALING_CASES, _chances, _SCALING_MISTAKES, numbers)
