"""Texts in training: length buckets, a cache without padding, LoRA, BitFit, an older Adam."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from companion.data.assets import asset_path
from companion.data.examples import Padded
from companion.data.text import TextFetch, tokenize
from companion.data.tweets import load_tweets
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer import recipes, recipes_text
from companion.transfer.boundary import cached, fill
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_length, for_scoring, shuffled
from companion.transfer.predict import features, features_by_block, predict
from companion.transfer.schedule import UncorrectedAdamW, make_optimizer
from companion.transfer.step import parts_of
from tests.toys import state_hash, toy_texts

CPU = torch.device("cpu")
IDS = np.arange(80)
lengths_of_texts = st.lists(st.integers(1, 60), min_size=1, max_size=120).map(np.array)


def network(*, dropout: float = 0.1) -> Blocks:
    backbone = load_text_backbone("minilm_l6", device="cpu")
    return add_label_head(backbone, classes=2, dropout=dropout)


@lru_cache(maxsize=1)
def fetch_toys() -> TextFetch:
    return text_fetch(toy_texts(80), network(), load_tokenizer("minilm_l6"), cap=16)


def tokens_computed(batches: list[np.ndarray], lengths: np.ndarray) -> int:
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches)


def licence_rules() -> list[str]:
    """Return every fourth of the licence rules, without its description."""
    files = sorted((asset_path("licences") / "rules").glob("*.RULE"))[::4]
    parts = [path.read_text("utf-8", errors="replace").split("---", 2) for path in files]
    return [part[2] for part in parts if part[2].strip()]


# Length buckets ----------------------------------------------------------------------------------


@given(lengths=lengths_of_texts, size=st.integers(1, 40), seed=st.integers(0, 99))
def test_every_text_comes_once_in_each_epoch(lengths: np.ndarray, size: int, seed: int) -> None:
    ids = 3 * np.arange(len(lengths)) + 1
    order = by_length(ids, lengths, size, seed=seed)
    epochs = [order(epoch) for epoch in range(3)]
    for batches in epochs:
        assert sorted(np.concatenate(batches)) == sorted(ids)
        assert max(map(len, batches)) <= size
        by_id = dict(zip(ids.tolist(), lengths.tolist(), strict=True))
        spans = sorted(
            (min(found), max(found)) for b in batches for found in [[by_id[i] for i in b]]
        )
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))  # no overlap
    assert len({len(batches) for batches in epochs}) == 1
    again = by_length(ids, lengths, size, seed=seed)(0)
    assert all(np.array_equal(a, b) for a, b in zip(epochs[0], again, strict=True))


def test_batches_are_shuffled_and_chance_decides_between_texts_of_one_length() -> None:
    lengths = np.repeat([5, 9, 30, 31], 40)
    order = by_length(np.arange(160), lengths, 16, seed=1)
    first, second = order(0), order(1)
    longest = [int(lengths[batch].max()) for batch in first]
    assert longest != sorted(longest) and longest != sorted(longest)[::-1]
    assert {tuple(sorted(batch)) for batch in first} != {tuple(sorted(batch)) for batch in second}


@given(lengths=lengths_of_texts, size=st.integers(1, 40), tokens=st.integers(1, 300))
def test_the_parts_of_a_batch_hold_texts_of_about_one_length(
    lengths: np.ndarray, size: int, tokens: int
) -> None:
    ids = np.random.default_rng(0).permutation(len(lengths))
    fetch = SimpleNamespace(lengths=lambda ids: lengths[ids])
    parts = parts_of(ids, fetch, size, tokens)
    assert sorted(np.concatenate(parts)) == sorted(ids)
    most = max(tokens, lengths.max())
    assert all(0 < len(p) <= size and len(p) * lengths[p].max() <= most for p in parts)
    spans = [(lengths[p].min(), lengths[p].max()) for p in parts]
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))  # no overlap
    assert np.array_equal(np.concatenate(parts_of(ids, fetch, size, None)), ids)  # as they came


def test_pieces_of_one_length_give_the_gradient_of_the_random_batch() -> None:
    def trained(tokens: int | None) -> tuple[list[float], Blocks]:
        model = network(dropout=0.0)
        for module in model.modules():  # without dropout, or pieces would draw other zeros
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if hasattr(module, "dropout_prob"):  # as attention in transformers 4 keeps it
                module.dropout_prob = 0.0
        freeze(model, None)
        # With SGD and no clipping a change of the weights is the gradient, whatever its size.
        config = FitConfig(1, "sgd", clip=0, progress=False, micro_tokens=tokens)
        groups = parameter_groups(model, 1e-3)
        records = fit(model, fetch_toys(), shuffled(IDS, 16, seed=1), groups, config)
        return [r["loss"] for r in records], model

    (whole, a), (pieces, b) = trained(None), trained(48)
    assert len(parts_of(IDS[:16], fetch_toys(), 16, 48)) > 3
    np.testing.assert_allclose(pieces, whole, rtol=1e-4)
    vectors = (torch.nn.utils.parameters_to_vector(m.parameters()) for m in (network(), a, b))
    start, whole_end, pieces_end = vectors
    moved = (whole_end - start).norm()
    assert moved > 1e-3
    assert (pieces_end - whole_end).norm() < 1e-3 * moved


def test_mixed_batches_are_random_and_pad_little(measured: Callable[[str], None]) -> None:
    lengths = tokenize(licence_rules(), load_tokenizer("minilm_l6"), cap=256).lengths
    ids, fetch = np.arange(len(lengths)), SimpleNamespace(lengths=lambda ids: lengths[ids])
    batches = shuffled(ids, recipes_text.BATCH)(0)
    parts = [p for b in batches for p in parts_of(b, fetch, 16, recipes_text.AT_ONCE["cpu"])]
    random, mixed = (tokens_computed(some, lengths) / lengths.sum() for some in (batches, parts))
    measured(
        f"licence rules, cap 256, random batches of 16: {random:.3f} tokens computed for each "
        f"real one; in pieces of one length {mixed:.3f}"
    )
    assert mixed <= 1.35 < 3 < random


@pytest.mark.parametrize("source, least", [("tweets", 1.6), ("licence rules", 2.4)])
def test_tokens_computed(source: str, least: float, measured: Callable[[str], None]) -> None:
    texts = load_tweets().texts if source == "tweets" else licence_rules()
    lengths = tokenize(texts, load_tokenizer("minilm_l6"), cap=128).lengths
    ids, real = np.arange(len(lengths)), lengths.sum()
    padded = tokens_computed(shuffled(ids, 32)(0), lengths)
    bucketed = tokens_computed(by_length(ids, lengths, 32)(0), lengths)
    measured(
        f"{source}, cap 128, batch 32: {bucketed / real:.4f} of the real tokens computed, "
        f"random batches {padded / real:.3f}: {padded / bucketed:.3f} times fewer"
    )
    assert padded / bucketed >= least
    assert bucketed / real <= 1.05


def test_the_loss_of_each_text_is_the_same_in_any_batch() -> None:
    model, fetch = network().eval(), fetch_toys()
    lengths = fetch.lengths(IDS)

    def losses(batches: list[np.ndarray]) -> np.ndarray:
        out = np.empty(len(IDS))
        with torch.no_grad():
            for ids in batches:
                batch = fetch(ids)
                one = F.cross_entropy(model(batch.inputs), batch.targets, reduction="none")
                out[ids] = one.numpy()
        return out

    buckets = by_length(IDS, lengths, 8)(0)
    np.testing.assert_array_equal(losses(buckets), losses(buckets[::-1]))  # equal batches
    np.testing.assert_allclose(losses(buckets), losses(shuffled(IDS, 8)(0)), atol=1e-6)


def test_scores_do_not_depend_on_the_order_that_they_are_asked_in(
    measured: Callable[[str], None],
) -> None:
    model, fetch = network(), fetch_toys()
    mixed = np.random.default_rng(0).permutation(IDS)
    straight, back = predict(model, fetch, IDS, 16), predict(model, fetch, mixed, 16)
    apart = float(np.abs(straight[mixed] - back).max())
    part = float(np.abs(straight[mixed[:9]] - predict(model, fetch, mixed[:9], 16)).max())
    measured(f"logits in another order: {apart:.1e} apart; of a part alone: {part:.1e}")
    assert apart <= 1e-6 and part <= 1e-6
    seen = features(model, fetch, mixed, upto="pool")
    by_block = features_by_block(model, fetch, IDS)
    np.testing.assert_allclose(by_block["pool"][mixed], seen, atol=1e-6)
    assert by_block["embeddings"].shape == by_block["block5"].shape == (80, 384)


@given(lengths=lengths_of_texts, size=st.integers(1, 40))
def test_scoring_batches_hold_every_place_once(lengths: np.ndarray, size: int) -> None:
    ids = np.random.default_rng(0).permutation(len(lengths)) + 5
    for given_lengths in (None, lengths):
        places = np.concatenate(for_scoring(ids, given_lengths, size))
        assert sorted(places) == list(range(len(ids)))
        if given_lengths is None:
            assert (places == np.arange(len(ids))).all()


# The boundary cache ------------------------------------------------------------------------------


def test_cached_equals_the_padded_path_and_no_padding_is_stored(
    tmp_path: Path, measured: Callable[[str], None]
) -> None:
    model, fetch = network(), fetch_toys()
    freeze(model, upto="block3")
    store = cached(fetch, model, IDS, folder=tmp_path / "store")
    fill(store, batch_size=7)
    assert store.store.data.shape == (int(fetch.lengths(IDS).sum()), 384)
    model.eval()
    plain = fetch(IDS).inputs
    values = F.pad(plain.values, (0, 20))  # far wider than any text
    with torch.no_grad():
        padded = model(Padded(values, plain.lengths))
        found = torch.cat([model(b.inputs, start=b.start) for b in map(store, np.split(IDS, 10))])
    apart = float((padded - found).abs().max())
    measured(f"cached against padded to 36 tokens: {apart:.1e} apart")
    assert apart <= 1e-5
    again = cached(fetch, model, IDS, folder=tmp_path / "store")  # as a later process finds it
    assert again.store is not None and again.store.filled.all()
    np.testing.assert_array_equal(again(IDS[5:9]).inputs.rows(), store(IDS[5:9]).inputs.rows())


def test_filled_in_the_training_batches_the_losses_of_texts_are_bit_equal() -> None:
    ids = np.arange(80)

    def losses(use_cache: bool) -> tuple[list[float], str]:
        model = network()  # with BERT's own dropout too, below and above the boundary
        freeze(model, upto="block3")
        fetch = cached(fetch_toys(), model, ids) if use_cache else fetch_toys()
        order = by_length(ids, fetch.lengths(ids), 4)
        config = FitConfig(epochs=1, progress=False)
        records = fit(model, fetch, order, parameter_groups(model, 1e-3), config)
        return [r["loss"] for r in records], state_hash(model)

    assert losses(True) == losses(False)
    assert len(losses(True)[0]) == 20


def test_a_cache_at_the_pooled_features_holds_one_vector_a_text() -> None:
    model = network()
    freeze(model, upto="pool")
    store = cached(fetch_toys(), model, IDS)
    assert isinstance(store(IDS[:3]).inputs, torch.Tensor)
    assert store.store.data.shape == (80, 384)


# Recipes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["full", "part", "mixed", "LoRA", "BitFit", "decay"])
def test_each_recipe_learns_and_changes_only_what_it_should(way: str) -> None:
    model, fetch = network(), fetch_toys()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    config = FitConfig(epochs=3, progress=False, schedule="linear")
    part = {"upto": "block3"}
    options = {"part": part, "mixed": part, "decay": {"layer_decay": 0.5}}.get(way, {})
    recipe = {
        "LoRA": recipes_text.lora,
        "BitFit": recipes_text.bitfit,
        "mixed": recipes_text.fine_tune_mixed,
    }.get(way, recipes_text.fine_tune)
    rate = 3e-3 if way in ("LoRA", "BitFit") else 3e-4
    records = recipe(model, fetch, IDS, config, rate=rate, **options)
    means = [np.mean([r["loss"] for r in records if r["epoch"] == epoch]) for epoch in (0, 2)]
    assert means[1] < 0.7 * means[0]
    assert model.state_dict().keys() == before.keys()  # LoRA is merged and gone
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    body = {k for k in changed if not k.startswith("layers.8.")}
    assert body and changed - body
    if way in ("part", "mixed"):
        assert all(k.startswith(("layers.5.", "layers.6.")) for k in body)
    if way == "LoRA":
        assert all("query.weight" in k or "value.weight" in k for k in body) and len(body) == 12
    if way == "BitFit":
        assert all(k.endswith("bias") for k in body)


def test_lora_starts_where_the_network_stands_and_merges_without_a_change() -> None:
    model, fetch = network(), fetch_toys()
    before = predict(model, fetch, IDS)
    config = FitConfig(epochs=1, progress=False)
    recipes_text.lora(model, fetch, IDS, config, rate=1e-12)
    np.testing.assert_allclose(predict(model, fetch, IDS), before, atol=1e-5)


def test_a_probe_works_on_texts_as_on_pictures() -> None:
    model, fetch = network(), fetch_toys()
    recipes.linear_probe(model, fetch, IDS[:60])
    right = predict(model, fetch, IDS[60:]).argmax(axis=1) == fetch.texts.labels[60:]
    assert right.mean() > 0.9


def test_adam_without_correction_is_the_one_of_the_first_bert() -> None:
    """Against the update written out: no division by 1 - beta ** t, decay beside the gradient."""
    torch.manual_seed(0)
    weight = torch.randn(5, 3, requires_grad=True)
    group = {"params": [weight], "lr": 1e-2, "weight_decay": 0.1, "eps": 0.0, "name": "w"}
    optimizer = make_optimizer("adamw-uncorrected", [group])
    assert isinstance(optimizer, UncorrectedAdamW)
    slow, first, second = weight.detach().clone(), torch.zeros(5, 3), torch.zeros(5, 3)
    for _ in range(8):
        gradient = torch.randn(5, 3)
        weight.grad = gradient.clone()
        optimizer.step()
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        slow = slow - 1e-2 * (first / second.sqrt() + 0.1 * slow)
        torch.testing.assert_close(weight.detach(), slow, rtol=1e-5, atol=1e-6)
    assert optimizer.param_groups[0]["lr"] == 1e-2
