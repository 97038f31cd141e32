"""Does a pre-training corpus hold test texts, or nearly? If so it is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from companion.data.cleaning import plain_reading
from companion.data.corpus import Corpus
from companion.data.near import ALIKE, runs_of

RUN = 4  # words: definitions are short
SHOWN = 60  # characters of a text in a message


def copies_of_test(
    corpus: Sequence[str], test: Sequence[str], *, run: int = RUN, alike: float = ALIKE
) -> dict[int, int]:
    """Return the corpus documents that hold a test text, or nearly: document -> the test text.

    A document holds a test text if the share `alike` of the test text's runs of `run` words stands
    in it, however long the document is. So it finds all that are near-duplicates by Jaccard
    similarity, and test texts inside longer documents, too. Case and punctuation do not count.
    Counted exactly.
    """
    asked = [plain_reading(text) for text in test]
    count = CountVectorizer(analyzer=lambda text: runs_of(text, run), binary=True, dtype=np.int32)
    wanted = count.fit_transform(asked)  # (tests, runs)
    sizes = np.asarray(wanted.sum(axis=1)).ravel()
    has = count.transform([plain_reading(text) for text in corpus])  # runs of no test: left out
    shared = (has @ wanted.T).tocoo()  # (documents, tests)
    holds = shared.data >= alike * sizes[shared.col]
    pairs = zip(shared.row[holds].tolist(), shared.col[holds].tolist(), strict=True)
    return dict(sorted(pairs, reverse=True))  # the first test text of each document stays


def without_copies_of_test(corpus: Corpus, test: Sequence[str]) -> Corpus:
    """Return the documents of `corpus` that hold none of the test texts, not even nearly.

    Raises:
        ValueError: none is left.
    """
    copied = copies_of_test(corpus.texts, test)
    kept = tuple(text for i, text in enumerate(corpus.texts) if i not in copied)
    return Corpus(corpus.name, kept)


def refuse_overlap(corpus: Corpus, test: Sequence[str]) -> None:
    """Check that no document of `corpus` holds a test text, exactly or nearly.

    Raises:
        ValueError: one does; the message shows the first.
    """
    copied = copies_of_test(corpus.texts, test)
    if copied:
        document, text = next(iter(sorted(copied.items())))
        raise ValueError(
            f"expected a corpus without test texts, found {len(copied)} of {len(corpus)} documents "
            f"of {corpus.name} that hold one of the {len(test)}, exactly or nearly, such as "
            f"document {document} ({corpus.texts[document][:SHOWN]!r}) and test text {text} "
            f"({test[text][:SHOWN]!r}). What was read in training is no test: use "
            "without_copies_of_test."
        )
