"""Exercise 00.2: what a fair draw of k examples per class must hold, and how to say it does not."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np

from companion.teaching.exercise import NotYet, call, short

_INTERLEAVED = np.array([0, 1, 2, 0, 1, 1, 2, 0, 2, 2, 1, 0, 2, 1, 0, 1, 2, 0, 1, 2, 0, 2, 1, 0])
_TWO_NAMES = np.array([5, 2, 5, 5, 2, 5, 2, 5, 5, 2, 5, 5, 2, 5])


def fair_draw(function: Any) -> str | None:
    """Judge `function(labels, k, seed) -> places`; None for a fair draw, else what is not fair.

    Raises: NotYet or NotAttempted, as `call` does.
    """
    kept = np.random.get_state(), random.getstate()
    try:
        return (
            _seeds_fault(function, _INTERLEAVED, 3)
            or _seeds_fault(function, _TWO_NAMES, 5)
            or _globals_fault(function)
            or _repeat_fault(function)
            or _refusal_fault(function)
        )
    finally:  # a learner's draw may have moved them
        np.random.set_state(kept[0])
        random.setstate(kept[1])


def _indices(value: Any, labels: np.ndarray) -> np.ndarray:
    """Read what a draw returned as a list of places, or say to the learner what it is instead."""
    try:
        found = np.asarray(value)
    except ValueError:
        found = np.empty((0, 0))
    if found.dtype == bool:
        raise NotYet("you returned a True/False mask; expected places (np.flatnonzero makes them).")
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise NotYet(
            f"expected one flat list of whole numbers, found {short(value)}. If you have one "
            "list per class, join them (np.concatenate)."
        )
    if found.size and (found.min() < 0 or found.max() >= len(labels)):
        raise NotYet(
            f"place {short(int(found.max()))} was returned for {len(labels)} labels; places run "
            f"from 0 to {len(labels) - 1}."
        )
    return found


def _seeds_fault(function: Any, labels: np.ndarray, k: int) -> str | None:
    """Check 40 seeds: each draw sound, not in file order, moved by the seed, reaching all."""
    draws = [_indices(call(function, labels, k, seed), labels) for seed in range(40)]
    names = sorted(np.unique(labels).tolist() * k)
    if all(sorted(draw.tolist()) == names for draw in draws):
        return "you returned labels; expected the places where they stand, as in labels[i]."
    for seed, draw in enumerate(draws):
        fault = _draw_fault(labels, draw, k)
        if fault:
            return f"k = {k}, seed = {seed}, labels = {short(labels)} gave {short(draw)}: {fault}"
    places = {tuple(sorted(draw.tolist())) for draw in draws}
    first = [i for c in np.unique(labels) for i in np.flatnonzero(labels == c)[:k].tolist()]
    if places == {tuple(sorted(first))}:
        return (
            f"every seed gave {short(sorted(first))}, the first {k} of each class in file order. "
            "Files are often sorted by day, camera or batch: draw at random."
        )
    if len(places) == 1:
        return "seeds 0 to 39 all gave the same places: `seed` changes nothing in your draw."
    never = sorted(set(range(len(labels))) - {i for place in places for i in place})
    if never:
        return (
            f"in 40 seeds place {never[0]} never came. Every example of a class must have the "
            "same chance: look at the range you draw from."
        )
    return None


def _draw_fault(labels: np.ndarray, draw: np.ndarray, k: int) -> str | None:
    """Check one draw: no place twice, k of every class."""
    if len(set(draw.tolist())) < len(draw):
        twice = Counter(draw.tolist()).most_common(1)[0][0]
        return (
            f"place {twice} comes twice. That is a draw with replacement; an example seen twice "
            "is no second example (rng.choice takes replace=False)."
        )
    counts = {int(c): int(np.sum(labels[draw] == c)) for c in np.unique(labels)}
    if set(counts.values()) != {k}:
        found = ", ".join(f"{n} of class {c}" for c, n in counts.items())
        return (
            f"that is not balanced ({found}; expected {k} of each). Draw within each class, not "
            "from all labels at once."
        )
    return None


def _globals_fault(function: Any) -> str | None:
    def states() -> tuple[Any, ...]:
        state = np.random.get_state()
        return state[1].tobytes(), state[2], random.getstate()

    before = states()
    call(function, _INTERLEAVED, 3, 0)
    if states() == before:
        return None
    return (
        "your function uses the global random state (np.random.seed, np.random.choice or the "
        "random module), so it changes every later draw of the notebook and is changed by every "
        "earlier one. Make a generator of its own: rng = np.random.default_rng(seed)."
    )


def _repeat_fault(function: Any) -> str | None:
    once, again = (list(call(function, _INTERLEAVED, 3, 7)) for _ in range(2))
    if once == again:
        return None
    return (
        f"seed = 7 gave {short(once)} and, asked again, {short(again)}. The same seed must give "
        "the same draw: hand the seed to np.random.default_rng."
    )


def _refusal_fault(function: Any) -> str | None:
    labels = np.array([0, 0, 0, 1, 1])
    try:
        value = function(labels.copy(), 3, 0)
    except ValueError:
        return None
    except Exception as error:
        found = f"stopped with {type(error).__name__}: {error}"
    else:
        found = f"returned {short(value)}"
    return (
        f"labels = {short(labels)} hold two of class 1, and k = 3 was asked for. Your function "
        f"{found}; expected a ValueError, so that too few examples never go unnoticed."
    )
