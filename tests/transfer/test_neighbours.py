"""Nearest neighbours: by the angle, never the query itself, equal to a slow search."""

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from companion.transfer.neighbours import nearest, share_alike

FEATURES = np.random.default_rng(0).normal(size=(40, 6)) * np.linspace(0.2, 5, 40)[:, None]


def test_equal_to_a_search_one_by_one() -> None:
    centred = FEATURES - FEATURES.mean(axis=0)
    queries = np.array([0, 7, 39])
    found = nearest(FEATURES, queries, k=4)
    for query, row in zip(queries, found, strict=True):
        far = {i: cosine(centred[query], centred[i]) for i in range(40) if i != query}
        assert row.tolist() == sorted(far, key=far.get)[:4]


def test_what_all_examples_share_does_not_count() -> None:
    queries = np.arange(40)
    assert np.array_equal(nearest(FEATURES, queries), nearest(FEATURES + 100, queries))


@pytest.mark.parametrize("k", [0, 40])
def test_k_has_to_leave_the_query_out(k: int) -> None:
    with pytest.raises(ValueError, match="expected k from 1 to 39, one fewer than there are"):
        nearest(FEATURES, np.array([0]), k=k)


def test_share_alike_counts_neighbours_with_the_query_s_label() -> None:
    labels = np.array(["a", "a", "b", "b"])
    assert share_alike(np.array([[1, 2], [3, 0]]), labels, np.array([0, 2])) == 0.5
