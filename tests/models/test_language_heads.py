"""The head that guesses tokens: tied, and computed where something is to be guessed."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.data.corpus import cut_documents
from companion.data.licences import noted_documents
from companion.data.masking import MaskedFetch, masked_fetch
from companion.data.tags import IGNORED
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head, language_loss
from companion.models.text import load_text_backbone, load_tokenizer
from companion.transfer.freeze import freeze, parameter_groups


@pytest.fixture(scope="module")
def fetch() -> MaskedFetch:
    tokenizer = load_tokenizer("minilm_l6")
    texts = [text for text, _ in noted_documents()[:300]]
    return masked_fetch(cut_documents(texts, tokenizer), tokenizer)


@pytest.fixture
def model() -> Blocks:
    return add_masked_head(load_text_backbone("minilm_l6", device="cpu"))


def full_loss(model: Blocks, batch) -> tuple[torch.Tensor, int]:
    """The scores of every token of the batch, then the loss of those to be guessed."""
    scores = model(batch.inputs).values
    summed = F.cross_entropy(scores.transpose(1, 2), batch.targets, reduction="sum")
    return summed, int((batch.targets != IGNORED).sum())


def gradients(model: Blocks, loss, batch) -> dict[str, torch.Tensor]:
    model.zero_grad()
    summed, count = loss(model, batch)
    (summed / count).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_the_loss_is_that_of_the_full_vocabulary_at_every_token(model, fetch) -> None:
    batch = fetch(np.arange(12), epoch=0)
    fast, n = language_loss(model, batch)
    slow, m = full_loss(model, batch)
    assert n == m
    assert abs((fast / n - slow / m).item()) < 1e-5
    ours, theirs = (gradients(model, loss, batch) for loss in (language_loss, full_loss))
    assert ours.keys() == theirs.keys() and len(ours) > 90
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-5)


def test_the_head_shares_the_word_embeddings(model) -> None:
    words = model.layers[0].net.word_embeddings.weight
    assert sum(p is words for p in model.parameters()) == 1
    assert not any("words" in name for name in model.layers[-1].state_dict())
    grouped = [p for group in parameter_groups(model, 1e-4) for p in group["params"]]
    assert sum(p is words for p in grouped) == 1
    hidden = torch.randn(2, model.features)
    before = model.layers[-1](hidden)
    with torch.no_grad():
        words[17] += 1.0
    changed = (model.layers[-1](hidden) != before).any(dim=0)
    assert changed.nonzero().flatten().tolist() == [17]


def test_a_frozen_encoder_leaves_the_tied_words_alone(model, fetch) -> None:
    freeze(model, model.names[-2])
    found = gradients(model, language_loss, fetch(np.arange(4), epoch=0))
    assert all(name.startswith(f"layers.{len(model.names) - 1}.") for name in found)


@pytest.mark.alone
@pytest.mark.slow
def test_a_step_is_faster_by_what_is_not_computed(model, fetch, measured) -> None:
    ids = np.flatnonzero(fetch.lengths(np.arange(len(fetch.sequences.lengths))) == 128)[:32]
    batch = fetch(ids, epoch=0)
    assert batch.inputs.values.shape == (32, 128)
    model.train()
    seconds = {"full": [], "masked only": []}
    for _ in range(3):  # in turn, so that what else the machine does falls on both
        for name, loss in (("full", full_loss), ("masked only", language_loss)):
            start = time.perf_counter()
            gradients(model, loss, batch)
            seconds[name].append(time.perf_counter() - start)
    full, ours = (statistics.median(found) for found in seconds.values())
    share = float((batch.targets != IGNORED).float().mean())
    measured(
        f"32 x 128 tokens, {share:.3f} hidden: {ours:.2f} s a step, full {full:.2f} s, "
        f"{full / ours:.2f} times as long"
    )
    assert full / ours >= 1.8


def test_a_backbone_with_a_head_is_refused(model) -> None:
    with pytest.raises(ValueError, match="expected a text backbone that ends with its pooling"):
        add_masked_head(model)
