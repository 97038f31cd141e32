"""What a language model learns from: sequences of one document, hidden tokens, next tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from companion.data.corpus import OUTSIDE, Corpus, cut_documents, of_equal_size
from companion.data.licences import noted_documents
from companion.data.masking import Masking, NextTokenFetch, masked_fetch
from companion.data.tags import IGNORED
from companion.models.text import load_tokenizer

SURE = 1e-6  # the chance that a right implementation fails one of these bounds


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("minilm_l6")


@pytest.fixture(scope="module")
def texts():
    return [text for text, _ in noted_documents()[:300]]


@pytest.fixture(scope="module")
def sequences(texts, tokenizer):
    return cut_documents(texts, tokenizer, length=128)


def within(found: int, total: int, share: float) -> bool:
    low, high = binom.ppf([SURE, 1 - SURE], total, share)
    return low <= found <= high


@pytest.mark.parametrize("whole_words", [False, True])
def test_shares_of_hidden_tokens_are_within_binomial_bounds(
    sequences, tokenizer, whole_words, measured
) -> None:
    fetch = masked_fetch(sequences, tokenizer, masking=Masking(whole_words=whole_words))
    ids = np.flatnonzero(sequences.lengths > 60)  # where "at least one" does not count
    batches = [fetch(ids, epoch=epoch) for epoch in range(3)]
    plain = NextTokenFetch(sequences)(ids).inputs.values
    wanted = [batch.targets != IGNORED for batch in batches]
    hidden = sum(int(w.sum()) for w in wanted)
    ordinary = 3 * int((sequences.words >= 0)[np.isin(owners(sequences), ids)].sum())
    masks = sum(int((b.inputs.values == tokenizer.mask_token_id).sum()) for b in batches)
    pairs = list(zip(wanted, batches, strict=True))
    kept = sum(int((b.inputs.values[w] == plain[w]).sum()) for w, b in pairs)
    measured(f"{hidden:,} of {ordinary:,} tokens hidden, {masks / hidden:.3f} [MASK]")
    if whole_words:  # words, not tokens, are the coins that are thrown
        hits = sum(words_hit(sequences, ids, w.numpy()) for w in wanted)
        assert within(hits[0], hits[1], 0.15)
        assert 0.14 < hidden / ordinary < 0.16
    else:
        assert within(hidden, ordinary, 0.15)
    assert within(masks, hidden, 0.8)
    assert within(kept, hidden, 0.1 + 0.1 / 30000)
    assert all((b.targets[w] == plain[w]).all() for w, b in pairs)
    assert all((b.inputs.values[~w] == plain[~w]).all() for w, b in pairs)


def owners(sequences) -> np.ndarray:
    return np.repeat(np.arange(len(sequences.lengths)), sequences.lengths)


def words_hit(sequences, ids, wanted) -> np.ndarray:
    """Return how many words are hidden, and how many there are; a word is hidden whole or not."""
    counts = np.zeros(2, dtype=int)
    for row, i in zip(wanted, ids, strict=True):
        words = sequences.words[sequences.offsets[i] : sequences.offsets[i + 1]]
        for word in range(words.max() + 1):
            chosen = row[: len(words)][words == word]
            assert chosen.all() or not chosen.any()
            counts += [chosen.any(), 1] if len(chosen) else [0, 0]
    return counts


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=8),
    st.integers(3, 40),
    st.floats(0.01, 0.99),
    st.booleans(),
)
def test_special_tokens_are_never_hidden_and_nothing_is_lost(tokenizer, texts, length, rate, whole):
    try:
        sequences = cut_documents(texts, tokenizer, length=length)
    except ValueError:
        return
    special = set(tokenizer.all_special_ids)
    fetch = masked_fetch(sequences, tokenizer, masking=Masking(rate=rate, whole_words=whole))
    ids = np.arange(len(sequences.lengths))
    batch = fetch(ids, epoch=1)
    hidden = batch.targets[batch.targets != IGNORED].tolist()
    outside = sequences.ids[sequences.words == OUTSIDE]
    assert set(outside.tolist()) <= special
    for i in ids:
        shown, wanted = fetch.hide(i, epoch=1)
        words = sequences.words[sequences.offsets[i] : sequences.offsets[i + 1]]
        assert (wanted[words == OUTSIDE] == IGNORED).all() and (wanted != IGNORED).any()
        changed = shown != sequences.ids[sequences.offsets[i] : sequences.offsets[i + 1]]
        new = set(shown[changed].tolist()) - {tokenizer.mask_token_id}
        assert not new & special
    assert hidden
    for document, text in enumerate(texts):  # every token of a document stands in its sequences
        mine = np.isin(owners(sequences), np.flatnonzero(sequences.documents == document))
        found = sequences.ids[mine & (sequences.words != OUTSIDE)].tolist()
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert found == [i for i in ids if i not in special]


def test_masks_depend_on_seed_epoch_and_sequence_alone(sequences, tokenizer) -> None:
    fetch = masked_fetch(sequences, tokenizer, seed=3)
    alone = fetch(np.array([7]), epoch=2)
    beside = fetch(np.array([1, 7, 2]), epoch=2)
    n = int(alone.inputs.lengths[0])
    assert (alone.inputs.values[0] == beside.inputs.values[1, :n]).all()
    assert (fetch(np.array([7])).targets == fetch(np.array([7])).targets).all()
    ids = np.arange(20)
    assert (fetch(ids, epoch=2).targets != fetch(ids, epoch=3).targets).any()
    assert (fetch(ids).targets != masked_fetch(sequences, tokenizer)(ids).targets).any()


def test_the_next_token_is_the_target(sequences) -> None:
    batch = NextTokenFetch(sequences)(np.array([0, 5]))
    for row, targets, n in zip(
        batch.inputs.values, batch.targets, batch.inputs.lengths.tolist(), strict=True
    ):
        assert targets[: n - 1].tolist() == row[1:n].tolist()
        assert (targets[n - 1 :] == IGNORED).all()


def test_a_control_is_of_equal_size() -> None:
    corpus = Corpus("toy", tuple(f"{'word ' * (i % 7 + 1)}{i}" for i in range(200)))
    control = of_equal_size(corpus, 300, lambda text: len(text.split()), seed=1)
    words = sum(len(text.split()) for text in control.texts)
    assert 300 <= words < 308 and set(control.texts) < set(corpus.texts)
    again = of_equal_size(corpus, 300, lambda text: len(text.split()), seed=1)
    assert again.digest == control.digest
