"""Near-duplicates: texts that share most of their runs of words, put together in groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

RUN = 5  # words
ALIKE = 0.5  # of the runs that either text has, this share is in both


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


def runs_of(text: str, run: int) -> set[str]:
    """Return the runs of `run` words in a text, in lower case."""
    words = text.lower().split()
    return {" ".join(words[i : i + run]) for i in range(max(1, len(words) - run + 1))}
