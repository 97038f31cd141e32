"""Causal networks through the hub, under their real names: the prompt's scores are their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.hub import clients
from tests.hub.conftest import ClientError, Hub
from tests.hub.test_text_from_hub import checkpoint, files_of
from tests.toys_text import save_tokenizer

NETWORKS = {"HuggingFaceTB/SmolLM2-360M": "llama", "Qwen/Qwen2.5-0.5B": "qwen2"}


def causal_checkpoint(folder: Path, family: str, positions: int = 256) -> Path:
    """Write a small random network of the family, tied as the real ones, with a tokenizer."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family,
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    save_tokenizer("roberta", folder)  # byte-level, as theirs
    return folder


@pytest.mark.parametrize("name", NETWORKS)
def test_a_prompt_is_scored_as_the_served_network_scores_it(hub: Hub, name: str) -> None:
    folder = causal_checkpoint(hub.home / "causal", NETWORKS[name])
    hub.add_model(name, files_of(folder))
    done = hub.call(clients.prompted, name, str(folder))
    assert done["scores"] == pytest.approx(done["whole"], abs=1e-4)
    assert done["scores"][0] != done["scores"][1]
    hub.fault("network")
    assert hub.call(clients.prompted, name, str(folder)) == done


def test_a_network_that_guesses_hidden_tokens_is_refused(hub: Hub) -> None:
    hub.add_model("google-bert/bert-base-uncased", checkpoint(hub, "bert"))
    with pytest.raises(ClientError, match=r"of the family bert, expected one of llama, mistral"):
        hub.call(clients.prompted, "google-bert/bert-base-uncased", str(hub.home))
