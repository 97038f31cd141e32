"""A few examples per class: episodes, prototypes, neighbours, contrast equal to literal pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from companion.data.examples import Batch
from companion.data.text import TextFetch, Texts
from companion.models.blocks import Blocks
from companion.models.text import text_fetch
from companion.transfer.fewshot import (
    all_pairs,
    balanced,
    contrast,
    contrast_loss,
    draw_episode,
    nearest_neighbour,
    nearest_prototype,
    prototypes,
)
from companion.transfer.fit import FitConfig
from companion.transfer.predict import features
from tests.toys import state_hash
from tests.toys_text import toy_sentences, toy_text_model, toy_tokenizer

LABELS = np.repeat([0, 1, 2, 3], [9, 12, 7, 20])


def test_an_episode_asks_nothing_that_it_taught() -> None:
    seen = []
    for seed in range(20):
        found = draw_episode(LABELS, np.arange(48), ways=3, shots=2, queries=5, seed=seed)
        assert not set(found.support) & set(found.queries)
        assert len(set(found.support)) == 6 and len(set(found.queries)) == 15
        taught, asked = np.unique(LABELS[found.support]), np.unique(LABELS[found.queries])
        assert len(taught) == 3 and (taught == asked).all()
        seen.append(tuple(found.support))
    assert len(set(seen)) == 20  # a new one for each seed
    again = draw_episode(LABELS, np.arange(48), ways=3, shots=2, queries=5, seed=0)
    assert tuple(again.support) == seen[0]


def test_queries_may_come_from_elsewhere() -> None:
    even, odd = np.arange(0, 48, 2), np.arange(1, 48, 2)
    found = draw_episode(LABELS, even, ways=4, shots=2, queries=3, seed=1, ask_from=odd)
    assert set(found.support) <= set(even) and set(found.queries) <= set(odd)
    assert np.bincount(LABELS[found.queries]).tolist() == [3, 3, 3, 3]


def test_an_episode_larger_than_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"class 2 has 3 of 3 shots in the pool, and 4 of 5"):
        draw_episode(LABELS, np.arange(48), ways=4, shots=3, queries=5, seed=0)
    with pytest.raises(ValueError, match=r"expected 2 to 4 ways, the classes of the pool, found 5"):
        draw_episode(LABELS, np.arange(48), ways=5, shots=1, queries=1, seed=0)


def test_prototypes_are_means_of_directions_not_of_lengths() -> None:
    features = np.array([[10.0, 0], [0, 1], [0, -3], [0, -1]])
    means, classes = prototypes(features, np.array([4, 4, 7, 7]))
    assert classes.tolist() == [4, 7]
    np.testing.assert_allclose(means, [[0.5, 0.5], [0, -1]])
    asked = np.array([[0.2, 0.3], [0.1, -5]])
    assert nearest_prototype(features, np.array([4, 4, 7, 7]), asked).tolist() == [4, 7]


def test_the_nearest_neighbour_is_the_one_of_the_most_alike_direction() -> None:
    features = np.array([[100.0, 100], [0.1, 0]])
    asked = np.array([[1.0, 0.1], [1, 0.9]])
    assert nearest_neighbour(features, np.array([0, 1]), asked).tolist() == [1, 0]


def test_one_class_has_no_prototypes_to_choose_from() -> None:
    with pytest.raises(ValueError, match=r"at least two classes, found one class only: \[3\]"):
        prototypes(np.ones((2, 2)), np.array([3, 3]))


def test_batches_hold_as_many_of_each_class_and_no_example_twice() -> None:
    order = balanced(np.arange(100, 148), LABELS, 3, seed=1)
    for epoch in range(3):
        batches = order(epoch)
        assert len(batches) == 2  # the smallest class has 7
        flat = np.concatenate(batches)
        assert len(set(flat)) == len(flat)
        for batch in batches:
            assert np.bincount(LABELS[batch - 100]).tolist() == [3, 3, 3, 3]
    assert np.concatenate(order(0)).tolist() != np.concatenate(order(1)).tolist()
    assert np.concatenate(order(1)).tolist() == np.concatenate(order(1)).tolist()


def test_a_batch_larger_than_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 2 to 7 examples of each class.*found 8"):
        balanced(np.arange(48), LABELS, 8)


class Through(nn.Module):
    """A network that returns what it is given."""

    def forward(self, x: torch.Tensor, start: int = 0) -> torch.Tensor:
        return x


def test_contrast_in_a_batch_equals_a_walk_over_literal_pairs() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(12, 5), np.repeat([0, 1, 2], [5, 4, 3])
    within, between = all_pairs(labels)
    assert len(within) == 10 + 6 + 3 and len(within) + len(between) == 66

    def error(pairs: np.ndarray, wanted: float) -> float:
        cosines = [torch.cosine_similarity(features[i], features[j], dim=0) for i, j in pairs]
        return float(np.mean([(float(c) - wanted) ** 2 for c in cosines]))

    summed, count = contrast_loss(
        Through(), Batch(features, torch.from_numpy(labels), np.arange(12))
    )
    expected = (error(within, 1.0) + error(between, 0.0)) / 2
    assert float(summed) / count == pytest.approx(expected, abs=1e-6)
    assert contrast_loss.additive is False  # memory that runs out must not cut it


def test_contrast_draws_classes_apart_and_keeps_the_frozen_part(tmp_path: Path) -> None:
    model = toy_text_model("bert", tmp_path)
    fetch = toy_text_fetch(tmp_path, model)
    ids = np.arange(24)
    below = state_hash(model.layers[0])
    before, _ = contrast_loss(model, fetch(ids))
    plan = FitConfig(epochs=15, schedule="linear", progress=False)
    records = contrast(model, fetch, ids, plan, rate=5e-3, upto="embeddings")
    after, _ = contrast_loss(model, fetch(ids))
    assert len(records) == 15 * 3  # 12 of each class, 4 in a step
    assert after.item() < 0.5 * before.item()
    assert state_hash(model.layers[0]) == below
    seen = features(model, fetch, np.arange(36))
    labels = fetch.texts.labels
    assert (nearest_prototype(seen[:24], labels[:24], seen[24:]) == labels[24:]).mean() > 0.9


def toy_text_fetch(folder: Path, model: Blocks) -> TextFetch:
    """Return 36 sentences with a good or a bad word in turn."""
    labels = np.arange(36) % 2
    texts = Texts(
        "toy",
        tuple(toy_sentences(36)),
        labels,
        ("good", "bad"),
        np.arange(36),
        labels.astype(str),
        np.full(36, np.nan),
    )
    return text_fetch(texts, model, toy_tokenizer(folder), cap=16)
