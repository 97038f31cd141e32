"""Prompts: their words, their tokens, their seams, and labels that say nothing or lie."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import BertWordPieceTokenizer, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from companion.data.prompts import (
    Prompt,
    check_label_tokens,
    flipped_labels,
    prompt_tokens,
    random_labels,
    with_demonstrations,
)
from tests.toys_text import SPECIAL
from tests.toys_text import WORDS as KNOWN

WORDS = ("art", "sport")
TEXTS = ["Gold for the relay", "A museum opens"]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that cuts as GPT-2's does, and merges a few signs."""
    signs = pre_tokenizers.ByteLevel.alphabet()
    merges = [("Ċ", "Ċ"), ("s", "A"), ("a", "r"), ("Ġ", "ar"), ("Ġar", "t")]
    vocabulary = {sign: i for i, sign in enumerate([*sorted(signs), *map("".join, merges)])}
    model = Tokenizer(BPE(vocabulary, merges))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=model)


def test_the_parts_are_the_whole(tokenizer) -> None:
    prompt = with_demonstrations(Prompt(WORDS, header="Two topics."), TEXTS, [1, 0])
    assert prompt.whole("Who won?") == (
        "Two topics.\n\nArticle: Gold for the relay\nTopic: sport"
        "\n\nArticle: A museum opens\nTopic: art\n\nArticle: Who won?\nTopic:"
    )
    found = prompt_tokens(prompt, ["Who won?", "Tea"], tokenizer)
    for text, ids in zip(["Who won?", "Tea"], found.questions, strict=True):
        whole = tokenizer(prompt.whole(text) + " sport", add_special_tokens=False)["input_ids"]
        assert whole == found.beginning + ids + found.labels[1]
    for (start, end), text in zip(found.spans, TEXTS, strict=True):
        assert text in tokenizer.decode(found.beginning[start:end])
    assert found.spans[-1, 1] == len(found.beginning)


def test_a_gap_that_melts_into_its_neighbour_is_refused(tokenizer) -> None:
    prompt = Prompt(WORDS, header="Two topics", gap="")
    with pytest.raises(ValueError, match=r"tokens at the end of the demonstrations change with"):
        prompt_tokens(prompt, TEXTS, tokenizer)


def test_words_that_cannot_be_told_apart_are_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match=r"the label word 'art' stands for two classes"):
        Prompt(("art", "sport", "art"))
    with pytest.raises(ValueError, match=r"'artist' begins with those of 'art', so it can never"):
        prompt_tokens(Prompt(("art", "artist")), TEXTS, tokenizer)
    with pytest.raises(ValueError, match=r"a label word for each of at least two classes"):
        Prompt(("art", " "))


def test_two_words_of_the_same_tokens_are_refused() -> None:
    vocabulary = {word: i for i, word in enumerate(SPECIAL + KNOWN)}
    lower = PreTrainedTokenizerFast(
        tokenizer_object=BertWordPieceTokenizer(vocabulary)._tokenizer, unk_token="[UNK]"
    )
    with pytest.raises(ValueError, match=r"'Good' has the same tokens as 'good'"):
        prompt_tokens(Prompt(("good", "Good")), ["film"], lower)


def test_a_word_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'sport' has no tokens.*belongs to the network"):
        check_label_tokens(("art", "sport"), [[3], []])


@pytest.mark.parametrize("pattern", ["Article:", "Article: {text}\nTopic: "])
def test_a_pattern_that_cannot_work_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"in it that ends without a space, found 'Article:"):
        Prompt(WORDS, pattern=pattern)


def test_a_prompt_too_long_says_how_many_demonstrations_fit(tokenizer) -> None:
    prompt = with_demonstrations(Prompt(WORDS), TEXTS * 4, [1, 0] * 4)
    one = prompt_tokens(prompt, ["Tea"], tokenizer)
    longest = len(one.beginning) + len(one.questions[0]) + max(map(len, one.labels))
    prompt_tokens(prompt, ["Tea"], tokenizer, window=longest)
    with pytest.raises(ValueError, match=r"with 8 demonstrations.*The first 7 of them fit"):
        prompt_tokens(prompt, ["Tea"], tokenizer, window=longest - 1)
    with pytest.raises(ValueError, match=r"question alone has \d+ tokens.*Shorten the texts"):
        prompt_tokens(prompt, ["Tea"], tokenizer, window=10)


def test_labels_that_say_nothing_and_labels_that_lie() -> None:
    labels = np.repeat([0, 1, 2, 3, 4], 200)
    drawn = random_labels(labels, 5, seed=0)
    assert 0.15 < (drawn == labels).mean() < 0.25  # 5 standard errors around one in five
    for seed in range(20):
        lies = flipped_labels(labels, 5, seed=seed)
        assert (lies != labels).all() and len(set(zip(labels, lies, strict=True))) == 5
