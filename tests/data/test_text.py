"""Texts, tokens and padded batches: what is served is what the tokenizer gives, text by text."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.data.examples import Padded, pad
from companion.data.text import TextFetch, Texts, tokenize
from companion.models.text import load_tokenizer
from tests.toys import toy_texts

CPU = torch.device("cpu")


def texts_of(*said: str, labels: tuple[int, ...] | None = None) -> Texts:
    n = len(said)
    named = np.arange(n) % 2 if labels is None else np.array(labels)
    places = np.arange(n)
    return Texts("mine", said, named, ("no", "yes"), places, np.full(n, "a"), np.full(n, np.nan))


@pytest.mark.parametrize("cap", [4, 8, 64])
def test_tokens_are_those_of_the_tokenizer_one_text_at_a_time(cap: int) -> None:
    tokenizer, texts = load_tokenizer("minilm_l6"), toy_texts(40)
    tokens = tokenize(texts.texts, tokenizer, cap=cap)
    for i, text in enumerate(texts.texts):
        expected = tokenizer(text, truncation=True, max_length=cap)["input_ids"]
        start, end = tokens.offsets[i : i + 2]
        assert tokens.ids[start:end].tolist() == expected
        assert tokens.lengths[i] == len(expected)
    whole = [len(tokenizer(text)["input_ids"]) for text in texts.texts]
    assert tokens.cut == sum(n > cap for n in whole)
    assert tokens.pad == tokenizer.pad_token_id and tokens.vocabulary == 30522


def test_a_batch_is_padded_to_its_longest_text() -> None:
    texts = texts_of("a b c d e f", "a", "a b")
    fetch = TextFetch(texts, tokenize(texts.texts, load_tokenizer("minilm_l6")), device=CPU)
    batch = fetch(np.array([2, 1]))
    assert batch.inputs.values.shape == (2, 4) and batch.inputs.lengths.tolist() == [4, 3]
    assert batch.inputs.values[1, 3] == 0 and batch.targets.tolist() == [0, 1]
    assert fetch.lengths(np.array([0])).tolist() == [8]
    assert fetch.digest == TextFetch(texts, fetch.tokens, device=CPU).digest


def test_the_digest_follows_text_and_tokens() -> None:
    tokenizer, texts, other = load_tokenizer("minilm_l6"), texts_of("a", "b"), texts_of("a", "c")
    tokens, shorter = (tokenize(("a b", "b"), tokenizer, cap=cap) for cap in (8, 3))
    digests = {
        TextFetch(t, k, device=CPU).digest for t in (texts, other) for k in (tokens, shorter)
    }
    assert len(digests) == 4


def test_a_very_long_text_is_cut_and_counted() -> None:
    tokens = tokenize(["word " * 20_000, "short"], load_tokenizer("minilm_l6"), cap=128)
    assert tokens.lengths.tolist() == [128, 3] and tokens.cut == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: texts_of("a", "  "), "mine: text 1 is empty, and so are 0 more. There is nothing"),
        (lambda: texts_of("a", "b", labels=(0, 2)), "mine: label 2 is outside the range 0 to 1 of"),
        (lambda: texts_of("a", "b", labels=(1, 1)), "found one class only: 'yes'. Check how"),
        (
            lambda: texts_of("a", labels=(0, 1)),
            "and one label, group, kind and confidence for each",
        ),
        (lambda: texts_of(), "mine: expected at least one text"),
        (lambda: tokenize(["a", ""], load_tokenizer("minilm_l6")), "text 1 has no tokens, and so"),
        (
            lambda: tokenize(["a"], load_tokenizer("minilm_l6"), cap=2),
            "expected a cap above the 2 special tokens that this tokenizer adds to each text",
        ),
        (
            lambda: TextFetch(texts_of("a", "b"), tokenize(["a"], load_tokenizer("minilm_l6"))),
            "expected the tokens of mine, 2 texts, found those of 1. Tokenise the same",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_told(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        make()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 5))
def test_padding_comes_off_again(lengths: list[int], more: int) -> None:
    rows = torch.arange(1.0, 1 + 2 * sum(lengths)).view(-1, 2)
    padded = pad(rows, torch.tensor(lengths))
    assert torch.equal(padded.rows(), rows)
    assert padded.mask.sum(dim=1).tolist() == lengths
    wider = Padded(torch.nn.functional.pad(padded.values, (0, 0, 0, more), value=7), padded.lengths)
    means = torch.stack([part.mean(dim=0) for part in rows.split(lengths)])
    torch.testing.assert_close(wider.mean(), means)
    assert torch.equal(wider.rows(), rows)
