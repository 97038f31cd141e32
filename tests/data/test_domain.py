"""How far two domains lie apart: words in common, tokens for a word."""

from __future__ import annotations

import pytest

from companion.data.domain import frequent_words, tokens_per_word, vocabulary_overlap
from companion.models.text import load_tokenizer


def test_the_most_frequent_words_count_without_case_and_numbers() -> None:
    texts = ["The cat, the CAT; 3 dogs", "the dog_house"]
    assert frequent_words(texts) == {"the", "cat", "dogs", "dog", "house"}
    assert frequent_words(texts, most=2) == {"the", "cat"}


def test_overlap_is_of_the_smaller_set() -> None:
    assert vocabulary_overlap(["a b c d"], ["c d e f g h"]) == pytest.approx(0.5)
    assert vocabulary_overlap(["a b"], ["A, b!"]) == 1
    assert vocabulary_overlap(["a b c"], ["d"]) == 0
    with pytest.raises(ValueError) as error:
        vocabulary_overlap(["a"], ["1 2"])
    assert str(error.value) == (
        "expected words in both domains, found 1 and 0. Pass texts, not labels."
    )


def test_rare_words_are_taken_to_pieces() -> None:
    tokenizer = load_tokenizer("minilm_l6")
    assert tokens_per_word(["the dog and the cat"], tokenizer) == 1
    pieces = len(tokenizer.tokenize("arrhythmogenic"))
    assert tokens_per_word(["the arrhythmogenic"], tokenizer) == (1 + pieces) / 2 > 1.5
    with pytest.raises(ValueError, match=r"expected texts with words in them, found none\."):
        tokens_per_word(["1 2"], tokenizer)
