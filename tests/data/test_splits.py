"""Splits keep groups together and types on every side; draws are fair, nested and repeatable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.splits import apportion, draw, draw_per_class, split_by_example, split_by_group

GROUPS = np.repeat(np.arange(20), 30)
KINDS = np.where(GROUPS < 8, "mono", "poly")
LABELS = (np.random.default_rng(0).random(600) < 0.3).astype(int)


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_two_sides_and_every_kind_on_each(seed: int) -> None:
    split = split_by_group(GROUPS, KINDS, seed=seed)
    sides = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(sides)) == list(range(600))
    assert sum(len(set(GROUPS[s])) for s in sides) == 20
    assert all(set(KINDS[s]) == {"mono", "poly"} for s in sides)
    assert len(split.test) == 150


def test_splits_follow_their_seed() -> None:
    digests = [split_by_group(GROUPS, KINDS, seed=s).digest for s in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_the_cell_split_has_the_published_sizes() -> None:
    strata = np.array(["a"] * 1074 + ["b"] * 1550)
    split = split_by_example(strata, seed=0)
    assert len(split.test) == 656 and len(split.train) + len(split.validation) == 1968
    assert abs((strata[split.test] == "a").mean() - 1074 / 2624) < 0.002
    assert not set(split.train) & set(split.test) and not set(split.validation) & set(split.test)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.floats(0, 1), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_draws_have_the_size_asked_for_and_every_class(counts, share, seed) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    n = len(counts) + round(share * (len(labels) - len(counts)))
    picked = draw(labels, np.arange(len(labels)), n, seed=seed)
    assert len(picked) == n == len(set(picked))
    assert set(labels[picked]) == set(range(len(counts)))
    whole = apportion(np.array(counts), n)
    assert whole.sum() == n and (whole >= 1).all() and (whole <= counts).all()


def test_smaller_draws_are_parts_of_larger_ones() -> None:
    pool = np.arange(100, 600)
    small, large = (set(draw(LABELS, pool, n, seed=3)) for n in (50, 200))
    assert small < large <= set(pool)


def test_draw_per_class() -> None:
    picked = draw_per_class(LABELS, np.arange(600), 10, seed=1)
    assert np.bincount(LABELS[picked]).tolist() == [10, 10] and len(set(picked)) == 20
    assert list(picked) == list(draw_per_class(LABELS, np.arange(600), 10, seed=1))
    assert list(picked) != list(draw_per_class(LABELS, np.arange(600), 10, seed=2))
