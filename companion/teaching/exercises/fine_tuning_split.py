"""Exercise 02.4: a split in which no module stands on two sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from companion.teaching.exercise import NotYet, call, kind, short

SIDES = ("train", "validation", "test")
MODULES = np.repeat(np.arange(14), [5, 6, 4, 5, 6, 5, 4, 6, 5, 5, 4, 6, 5, 4])
KINDS = np.where(MODULES < 6, "mono", "poly")


def splitting(function: Any) -> str | None:
    """Judge `function(modules, kinds, seed) -> (train, validation, test)`."""
    for seed in range(4):
        fault = _fault(_sides(call(function, MODULES, KINDS, seed)))
        if fault:
            return f"with seed = {seed}: {fault}"
    first, again = (_sides(call(function, MODULES, KINDS, 1)) for _ in range(2))
    if any(not np.array_equal(np.sort(a), np.sort(b)) for a, b in zip(first, again, strict=True)):
        return "two calls with seed = 1 gave two splits. Draw from np.random.default_rng(seed)."
    tests = {tuple(np.sort(_sides(call(function, MODULES, KINDS, seed))[2])) for seed in range(8)}
    if len(tests) == 1:
        return "eight seeds gave the same test cells. The seed should decide which modules test."
    return None


def _sides(value: Any) -> list[np.ndarray]:
    """Read three arrays of places.

    Raises: NotYet if these are none.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise NotYet(f"expected (train, validation, test), found {short(value)} ({kind(value)}).")
    sides = [np.asarray(side) for side in value]
    for name, side in zip(SIDES, sides, strict=True):
        if side.dtype == bool and side.shape == MODULES.shape:
            raise NotYet(f"{name} is a mask. Return places: np.flatnonzero(mask).")
        if side.ndim != 1 or not np.issubdtype(side.dtype, np.integer):
            raise NotYet(f"expected places (whole numbers) in {name}, found {short(side)}.")
        if len(side) and not (side.min() >= 0 and side.max() < len(MODULES)):
            raise NotYet(f"{name} holds places outside 0 to {len(MODULES) - 1}.")
    return sides


def _fault(sides: list[np.ndarray]) -> str | None:
    train, validation, test = sides
    if set(validation) & set(test):
        return (
            "validation and test share cells. What chooses may not judge: take validation out of "
            "what is left after the test modules."
        )
    if set(train) & (set(validation) | set(test)):
        return "train shares cells with another side: a cell that trains can be remembered."
    modules = [set(MODULES[side].tolist()) for side in sides]
    crossing = (modules[0] & modules[1]) | (modules[0] & modules[2]) | (modules[1] & modules[2])
    if crossing:
        return (
            f"cells of module {min(crossing)} stand on two sides. Draw modules, not cells: cells "
            "of one module are near-twins."
        )
    for name, side in zip(SIDES, sides, strict=True):
        missing = {"mono", "poly"} - set(KINDS[side].tolist())
        if missing:
            return f"{name} holds no {missing.pop()} cells. Draw within each kind of module."
    if sum(map(len, sides)) != len(MODULES):
        return f"{len(MODULES) - sum(map(len, sides))} cells stand on no side. Use them all."
    if len(train) < len(MODULES) / 2:
        return "train holds fewer than half of the cells. A quarter should test, a sixth validate."
    return None
