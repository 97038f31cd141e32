"""Splits and draws: which examples train, which choose, and which judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Ids of the examples that train, that choose between settings, and that judge once."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def digest(self) -> str:
        """Name this split: equal splits have equal digests."""
        parts = (self.train, self.validation, self.test)
        return hashlib.sha256(b"|".join(np.sort(p).tobytes() for p in parts)).hexdigest()[:16]


def split_by_group(
    groups: np.ndarray,
    kinds: np.ndarray,
    *,
    test: float = 0.25,
    validation: float = 0.15,
    seed: int = 0,
) -> Split:
    """Split examples so that no group is on two sides, with every kind on each side.

    `groups` and `kinds` are (N,), one kind per group. Of each kind, the shares `test` and
    `validation` of its groups are drawn from `seed`, at least one group each.

    Raises:
        ValueError: a kind has fewer than 3 groups.
    """
    rng = np.random.default_rng(seed)
    sides: dict[str, list] = {"train": [], "validation": [], "test": []}
    for kind in np.unique(kinds):
        members = rng.permutation(np.unique(groups[kinds == kind]))
        if len(members) < 3:
            raise ValueError(
                f"kind {str(kind)!r} has {len(members)} groups, expected at least 3: one each for "
                "train, validation and test. Merge kinds, or split by example."
            )
        n_test = max(1, round(test * len(members)))
        n_validation = max(1, round(validation * len(members)))
        sides["test"] += members[:n_test].tolist()
        sides["validation"] += members[n_test : n_test + n_validation].tolist()
        sides["train"] += members[n_test + n_validation :].tolist()
    return Split(**{side: np.flatnonzero(np.isin(groups, ids)) for side, ids in sides.items()})


def split_by_example(
    strata: np.ndarray, *, test: float = 0.25, validation: float = 0.15, seed: int = 0
) -> Split:
    """Split examples one by one, each stratum in the same proportions on every side.

    `strata` (N,) is often label x kind: with a quarter for testing this is the protocol of
    Deitsch et al. 2019 on ELPV, 1,968 cells against 656. Use it only where examples are not
    related to each other, or to compare with results that were obtained so.

    Raises:
        ValueError: a stratum has fewer than 3 examples.
    """
    from sklearn.model_selection import train_test_split

    names, counts = np.unique(strata, return_counts=True)
    if counts.min() < 3:
        raise ValueError(
            f"stratum {str(names[counts.argmin()])!r} has {counts.min()} examples, expected at "
            "least 3: one each for train, validation and test. Merge rare classes."
        )
    ids = np.arange(len(strata))
    rest, tested = train_test_split(ids, test_size=test, stratify=strata, random_state=seed)
    train, chosen = train_test_split(
        rest, test_size=validation, stratify=strata[rest], random_state=seed
    )
    return Split(np.sort(train), np.sort(chosen), np.sort(tested))


def draw(labels: np.ndarray, pool: np.ndarray, n: int, *, seed: int = 0) -> np.ndarray:
    """Return `n` ids drawn from `pool` without replacement, with every class of the pool in them.

    Classes keep their proportions of the pool, but each gets at least one example. Draws of one
    seed are nested: a smaller n is a part of a larger one, up to that rounding.

    Raises:
        ValueError: n is larger than the pool, smaller than its number of classes, or the pool
            has one class only.
    """
    pool = np.asarray(pool)
    classes = check_pool(labels[pool])
    if n > len(pool):
        raise ValueError(
            f"n_train = {n} is larger than the pool of {len(pool)} training examples. "
            f"Ask for at most {len(pool)}."
        )
    if n < len(classes):
        raise ValueError(
            f"n_train = {n} is fewer examples than the {len(classes)} classes: at least one of "
            f"each is needed. Ask for {len(classes)} or more."
        )
    order = np.random.default_rng(seed).permutation(pool)
    counts = apportion(np.array([(labels[pool] == c).sum() for c in classes]), n)
    picked = [order[labels[order] == c][:k] for c, k in zip(classes, counts, strict=True)]
    return np.sort(np.concatenate(picked))


def apportion(counts: np.ndarray, n: int) -> np.ndarray:
    """Share out `n` draws in proportion to `counts`, at least one each (largest remainder)."""
    exact = n * counts / counts.sum()
    whole = np.maximum(1, np.floor(exact)).astype(int)
    while whole.sum() < n:
        whole[np.where(whole < counts, exact - whole, -np.inf).argmax()] += 1
    while whole.sum() > n:  # rare classes were rounded up to one
        whole[np.where(whole > 1, whole - exact, -np.inf).argmax()] -= 1
    return whole


def draw_per_class(labels: np.ndarray, pool: np.ndarray, k: int, *, seed: int = 0) -> np.ndarray:
    """Return `k` ids per class drawn from `pool` without replacement.

    Raises:
        ValueError: a class has fewer than k examples in the pool, or there is one class only.
    """
    pool = np.asarray(pool)
    rng = np.random.default_rng(seed)
    picked = []
    for c in check_pool(labels[pool]):
        members = pool[labels[pool] == c]
        if len(members) < k:
            raise ValueError(
                f"class {c} has {len(members)} examples in the pool, fewer than k = {k}. "
                f"Ask for at most {len(members)} per class."
            )
        picked.append(rng.permutation(members)[:k])
    return np.sort(np.concatenate(picked))


def check_pool(labels: np.ndarray) -> np.ndarray:
    """Return the classes in `labels`.

    Raises:
        ValueError: there are fewer than two.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"expected examples of at least two classes, found one class only: {classes.tolist()}. "
            "Check how the labels were read, or draw from a larger pool."
        )
    return classes
