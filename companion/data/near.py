"""Near-duplicates: texts that share most of their runs of words, put together in groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

RUN = 5  # words
ALIKE = 0.5  # of the runs that either text has, this share is in both
PERMUTATIONS = 128
BANDS = (32, 4)  # a pair at Jaccard 0.5 becomes a candidate in 87 of 100 cases, at 0.6 in 99


def near_duplicates(texts: Sequence[str], *, run: int = RUN, alike: float = ALIKE) -> np.ndarray:
    """Return a group (N,) for each text; texts that share runs of words are in one group.

    Two texts are near-duplicates if the runs of `run` words that both have are at least the share
    `alike` of those that either has (Jaccard similarity; Broder 1997), counted exactly. Groups are
    closed: with a near b and b near c, all three are one. A text of fewer words is one run.
    """
    count = CountVectorizer(analyzer=lambda text: runs_of(text, run), binary=True, dtype=np.int32)
    has = count.fit_transform(texts)  # (N, runs)
    both = (has @ has.T).tocoo()  # runs that two texts share
    sizes = np.asarray(has.sum(axis=1)).ravel()
    either = sizes[both.row] + sizes[both.col] - both.data
    both.data = (both.data >= alike * either).astype(np.int32)
    both.eliminate_zeros()
    return connected_components(both, directed=False)[1]


def near_duplicates_by_minhash(
    texts: Sequence[str], *, run: int = RUN, alike: float = ALIKE
) -> np.ndarray:
    """Return a group (N,) for each text as `near_duplicates` does, for tens of thousands of texts.

    MinHash finds the pairs worth a look (Broder 1997, datasketch), and their runs are then compared
    one by one. A pair just above `alike` may be missed, about one in ten thousand of those above
    `alike` + 0.1.
    """
    runs = [runs_of(text, run) for text in texts]
    sketches = MinHash.bulk([[r.encode() for r in found] for found in runs], num_perm=PERMUTATIONS)
    index = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
    first, second = [], []
    for i, sketch in enumerate(sketches):
        near = [j for j in index.query(sketch) if similarity(runs[i], runs[j]) >= alike]
        first += [i] * len(near)
        second += near
        index.insert(i, sketch)
    pairs = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(texts), len(texts)))
    return connected_components(pairs, directed=False)[1]


def similarity(a: set[str], b: set[str]) -> float:
    """Return the share of all runs of two texts that both have (Jaccard)."""
    return len(a & b) / len(a | b)


def runs_of(text: str, run: int) -> set[str]:
    """Return the runs of `run` words in a text, in lower case."""
    words = text.lower().split()
    return {" ".join(words[i : i + run]) for i in range(max(1, len(words) - run + 1))}
