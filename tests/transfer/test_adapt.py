"""Further pre-training: heads that are warmed, losses that fall, files that fit their network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from companion.data.corpus import cut_documents
from companion.data.masking import MaskedFetch, masked_fetch
from companion.models.adapted import load_adapted, save_adapted
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head
from companion.transfer.adapt import adapt, held_out_loss, pseudo_perplexity, warm_head
from companion.transfer.fit import FitConfig
from companion.transfer.order import by_tokens
from tests.toys import state_hash
from tests.toys_text import toy_sentences, toy_text_model, toy_tokenizer

PLAN = FitConfig(epochs=8, progress=False)


@pytest.fixture
def fetch(tmp_path: Path) -> MaskedFetch:
    toy_text_model("bert", tmp_path)
    tokenizer = toy_tokenizer(tmp_path)
    sequences = cut_documents(toy_sentences(120), tokenizer, length=16)
    return masked_fetch(sequences, tokenizer, device=torch.device("cpu"))


@pytest.fixture
def model(tmp_path: Path) -> Blocks:
    return add_masked_head(toy_text_model("bert", tmp_path))


IDS, HELD = np.arange(100), np.arange(100, 120)


def test_a_warmed_head_leaves_the_encoder_as_it_was(model, fetch) -> None:
    before = [state_hash(layer) for layer in model.layers]
    first = held_out_loss(model, fetch, HELD)
    warm_head(model, fetch, IDS, PLAN, rate=1e-2, views=3)
    after = [state_hash(layer) for layer in model.layers]
    assert after[:-1] == before[:-1] and after[-1] != before[-1]
    assert held_out_loss(model, fetch, HELD) < first - 0.1


def test_further_training_lowers_the_held_out_loss_below_the_warmed_one(model, fetch) -> None:
    warm_head(model, fetch, IDS, PLAN, rate=1e-2)
    warmed = held_out_loss(model, fetch, HELD)
    doubt = pseudo_perplexity(model, fetch, HELD[:5])
    adapt(model, fetch, IDS, PLAN, rate=1e-2, batch_tokens=128)
    assert held_out_loss(model, fetch, HELD) < warmed - 0.2
    assert pseudo_perplexity(model, fetch, HELD[:5]) < doubt


def test_the_held_out_loss_is_the_same_twice_and_leaves_the_mode(model, fetch) -> None:
    model.train()
    assert held_out_loss(model, fetch, HELD) == held_out_loss(model, fetch, HELD)
    assert model.training


def test_pseudo_perplexity_hides_each_token_once(model, fetch) -> None:
    batch = fetch.one_by_one(3)
    n = len(fetch.sequences.ids[fetch.sequences.offsets[3] : fetch.sequences.offsets[4]])
    assert batch.inputs.values.shape == (n - 2, n)
    assert ((batch.inputs.values == fetch.mask).sum(dim=1) == 1).all()
    logits = model(batch.inputs).values.log_softmax(dim=2)
    rows = [-logits[k, k + 1, batch.targets[k, k + 1]].item() for k in range(n - 2)]
    expected = float(np.exp(np.mean(rows)))
    assert pseudo_perplexity(model, fetch, np.array([3])) == pytest.approx(expected, rel=1e-5)


def test_batches_hold_about_equal_tokens_and_each_sequence_once() -> None:
    lengths = np.random.default_rng(0).integers(3, 129, 500)
    order = by_tokens(np.arange(500), lengths, 1024, seed=3)
    for epoch in range(3):
        batches = order(epoch)
        assert sorted(np.concatenate(batches).tolist()) == list(range(500))
        assert len(batches) == len(order(0))
        sizes = [len(batch) * lengths[batch].max() for batch in batches]
        assert max(sizes) <= 1024 and np.sort(sizes)[1:].min() > 1024 - 2 * 129
    assert any((a != b).any() for a, b in zip(order(0), order(1), strict=True) if len(a) == len(b))


def test_what_was_adapted_is_read_back_without_its_head(model, fetch, tmp_path) -> None:
    adapt(model, fetch, IDS, PLAN, rate=1e-3, batch_tokens=256)
    save_adapted(model, tmp_path / "adapted.safetensors")
    # In a folder of its own: before version 5 of transformers, weights are a map of their file.
    (tmp_path / "fresh").mkdir()
    fresh = toy_text_model("bert", tmp_path / "fresh")
    loaded = load_adapted(fresh, tmp_path / "adapted.safetensors")
    ours = [state_hash(layer) for layer in model.layers[:-1]]
    assert [state_hash(layer) for layer in loaded.layers[: len(ours)]] == ours
    assert loaded.names[-1] == "pool"


def test_an_encoder_with_another_vocabulary_is_refused(model, tmp_path) -> None:
    path = tmp_path / "adapted.safetensors"
    save_adapted(model, path)
    other = toy_text_model("roberta", tmp_path / "other")
    with pytest.raises(ValueError, match="was trained on the vocabulary .* other words"):
        load_adapted(other, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="found a file that is damaged or of another shape"):
        load_adapted(toy_text_model("bert", tmp_path), path)
