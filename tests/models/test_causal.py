"""Networks that guess the next token: their blocks, their loss, and further pre-training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
)

from companion.data.corpus import Sequences, cut_documents
from companion.data.masking import NextTokenFetch
from companion.models.blocks import Blocks
from companion.models.causal import FAMILIES, as_causal_blocks
from companion.models.language_heads import language_loss
from companion.models.prefix import next_token_log_probabilities, read_prefix
from companion.transfer.adapt import adapt, held_out_loss
from companion.transfer.fit import FitConfig
from companion.transfer.freeze import parameter_groups
from tests.toys_text import toy_sentences, toy_text_model, toy_tokenizer


def toy_llama(
    folder: Path, *, tied: bool = True
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerBase]:
    """Return a random llama of two layers and a real tokenizer."""
    toy_text_model("bert", folder)  # for its tokenizer
    tokenizer = toy_tokenizer(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        tie_word_embeddings=tied,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config).eval(), tokenizer


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_cut_into_blocks_and_shares_a_beginning(family, tmp_path) -> None:
    _, tokenizer = toy_llama(tmp_path)
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=4,
        max_position_embeddings=32,
        attn_implementation="sdpa",
    )
    net = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    model = as_causal_blocks(net, f"toy {family}", tokenizer)  # it compares them itself
    before, row = [2, 5, 3, 9], [4, 7, 6]
    found = next_token_log_probabilities(model, read_prefix(model, before), [row])
    with torch.no_grad():
        whole = net(input_ids=torch.tensor([before + row])).logits[:, -1:].log_softmax(dim=-1)
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-5)


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def llama(request, tmp_path: Path) -> tuple[LlamaForCausalLM, Blocks, Sequences]:
    net, tokenizer = toy_llama(tmp_path, tied=request.param)
    rows = cut_documents(toy_sentences(24), tokenizer, length=8)
    return net, as_causal_blocks(net, "toy llama", tokenizer), rows


def test_the_loss_is_the_networks_own_although_texts_are_padded(llama) -> None:
    net, model, rows = llama
    batch = NextTokenFetch(rows)(np.array([0, 1, 6, 7]))
    assert len(set(batch.inputs.lengths.tolist())) > 1
    summed, count = language_loss(model, batch)
    single = []
    for i, length in zip([0, 1, 6, 7], batch.inputs.lengths.tolist(), strict=True):
        ids = torch.from_numpy(rows.ids[rows.offsets[i] : rows.offsets[i + 1]].astype(np.int64))
        own = net(input_ids=ids[None], labels=ids[None]).loss  # the mean over T - 1 tokens
        single.append(own * (length - 1))
    assert count == int(batch.inputs.lengths.sum()) - 4
    torch.testing.assert_close(summed, torch.stack(single).sum(), rtol=1e-5, atol=1e-4)


def test_a_tied_head_is_counted_once_and_learns_with_the_words(llama) -> None:
    net, model, rows = llama
    tied = net.config.tie_word_embeddings
    assert ("layers.3.scores.weight" in model.state_dict()) is not tied
    grouped = [p for group in parameter_groups(model, 1e-3) for p in group["params"]]
    assert sum(p.numel() for p in grouped) == sum(p.numel() for p in net.parameters())


def test_the_same_function_trains_it_further(llama) -> None:
    _, model, rows = llama
    fetch, ids = NextTokenFetch(rows), np.arange(len(rows.lengths))
    before = held_out_loss(model, fetch, ids)
    config = FitConfig(epochs=12, progress=False)
    history = adapt(model, fetch, ids[:16], config, rate=1e-2, batch_tokens=64)
    assert history[0]["loss"] == pytest.approx(before, rel=0.2)
    assert held_out_loss(model, fetch, ids[16:]) < 0.6 * before
