"""The text models' own client against the stand-in, for the lessons that need it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from tests.hub import clients
from tests.hub.conftest import Hub

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat"]


def tiny_bert(folder: Path) -> tuple[dict[str, bytes], BertModel]:
    """Return the files of a random BERT of two small layers, and the model."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
    )
    model = BertModel(config).eval()
    model.save_pretrained(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return files | {"vocab.txt": "\n".join(WORDS).encode()}, model


def test_transformers_loads_what_is_served_and_says_so_when_it_is_not(hub: Hub) -> None:
    files, model = tiny_bert(hub.home / "bert")
    hub.add_model("course/bert", files)
    done = hub.call(clients.encode, "course/bert", "course/nobody")
    assert done["ids"] == [2, 5, 6, 7, 3]
    with torch.no_grad():
        out = model(torch.tensor([done["ids"]])).last_hidden_state
    assert done["sum"] == pytest.approx(out.sum().item(), abs=1e-3)
    assert done["said"].startswith("course/nobody is not a local folder and is not a valid model")
