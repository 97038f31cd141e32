"""A prefix that is read once gives what reading the whole prompt gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from companion.models.causal import as_causal_blocks
from companion.models.prefix import next_token_log_probabilities, read_prefix
from tests.models.test_causal import toy_llama


@pytest.fixture
def llama(tmp_path: Path):
    net, tokenizer = toy_llama(tmp_path)
    return net, as_causal_blocks(net, "toy llama", tokenizer)


ROWS = [[3, 4, 5], [6, 7], [8, 9, 10, 11, 12]]


def whole(net, prefix: list[int], row: list[int]) -> torch.Tensor:
    """Return the network's own log-probabilities (T, vocabulary) after each token of `row`."""
    with torch.no_grad():
        logits = net(input_ids=torch.tensor([prefix + row]), use_cache=False).logits[0]
    return logits.log_softmax(dim=-1)[len(prefix) :]


@pytest.mark.parametrize("prefix", [[], [1], [2, 5, 3, 9, 4, 4, 7]])
def test_a_shared_beginning_equals_whole_prompts(llama, prefix: list[int]) -> None:
    net, model = llama
    found = next_token_log_probabilities(model, read_prefix(model, prefix), ROWS, last=2)
    for row, own in zip(ROWS, found, strict=True):
        torch.testing.assert_close(own, whole(net, prefix, row)[-2:], rtol=0, atol=1e-4)


def test_a_prefix_serves_many_batches_and_is_not_changed(llama) -> None:
    _, model = llama
    prefix = read_prefix(model, [2, 5, 3])
    before = [keys.clone() for keys in prefix.keys]
    first = next_token_log_probabilities(model, prefix, ROWS)
    again = next_token_log_probabilities(model, prefix, ROWS)
    assert torch.equal(first, again)
    assert all(torch.equal(a, b) for a, b in zip(before, prefix.keys, strict=True))


def test_hiding_all_of_the_prefix_is_reading_nothing(llama) -> None:
    _, model = llama
    prefix = read_prefix(model, [2, 5, 3, 9])
    hidden = next_token_log_probabilities(model, prefix, ROWS, seen=np.zeros(4, dtype=bool))
    nothing = next_token_log_probabilities(model, read_prefix(model, []), ROWS)
    torch.testing.assert_close(hidden, nothing, rtol=0, atol=1e-5)
    part = next_token_log_probabilities(model, prefix, ROWS, seen=np.array([1, 0, 0, 1]))
    assert not torch.allclose(part, nothing, atol=1e-3)


def test_more_than_the_window_is_refused(llama) -> None:
    _, model = llama
    with pytest.raises(
        ValueError, match=r"the prompt has 33 tokens, and toy llama reads at most 32"
    ):
        read_prefix(model, [1] * 33)
    prefix = read_prefix(model, [1] * 28)
    with pytest.raises(ValueError, match=r"Use\s+fewer or shorter demonstrations"):
        next_token_log_probabilities(model, prefix, ROWS)
