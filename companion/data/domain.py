"""How far two domains lie apart: the words they share, and how many tokens a word takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOST = 10_000  # words of each domain that are compared
_WORD = re.compile(r"[^\W\d_]+")


def frequent_words(texts: Sequence[str], most: int = MOST) -> set[str]:
    """Return the `most` frequent words of the texts, in lower case, without numbers."""
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    return {word for word, _ in counts.most_common(most)}


def vocabulary_overlap(one: Sequence[str], other: Sequence[str], most: int = MOST) -> float:
    """Return the share of the most frequent words that two domains have in common.

    The share is of the smaller set: small samples have fewer words than `most`. Source: Gururangan
    et al. 2020, figure 2, who compare the 10,000 most frequent. Compare samples of equal size.

    Raises:
        ValueError: one of them has no words.
    """
    a, b = frequent_words(one, most), frequent_words(other, most)
    if not a or not b:
        raise ValueError(
            f"expected words in both domains, found {len(a)} and {len(b)}. Pass texts, not labels."
        )
    return len(a & b) / min(len(a), len(b))


def tokens_per_word(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> float:
    """Return how many tokens a tokenizer makes of a word, on average.

    Words that it does not know as a whole are taken to pieces, so a far domain needs more.

    Raises:
        ValueError: there are no words.
    """
    words = [word for text in texts for word in _WORD.findall(text)]
    if not words:
        raise ValueError("expected texts with words in them, found none.")
    pieces = tokenizer(words, add_special_tokens=False)["input_ids"]
    return sum(map(len, pieces)) / len(words)
