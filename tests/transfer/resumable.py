"""A training that is killed and started again: run as a program by test_resume.py.

    python resumable.py FOLDER [slow] [text | masked]

Prints `resumed STEP`, then `piece N` before each micro-batch, and at the end a hash of the
weights. With `slow`, the first checkpoint is written in two halves with a pause between them.
With `text`, MiniLM learns sentences in batches of like length, from stored activations; with
`masked`, all of it is trained further to guess their hidden words.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from companion.data.corpus import cut_documents
from companion.data.examples import Fetch
from companion.data.masking import masked_fetch
from companion.data.splits import Split
from companion.data.vision import PictureFetch
from companion.evidence.metrics import accuracy
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head, label_loss
from companion.models.language_heads import add_masked_head, language_loss
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.models.vision import load_backbone
from companion.transfer import checkpoint
from companion.transfer.adapt import held_out_loss
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import Order, by_length, by_tokens, shuffled
from companion.transfer.predict import scorer
from tests.toys import state_hash, toy_pictures, toy_texts

CONFIG = FitConfig(
    epochs=4, warmup=0.2, micro_batch=4, patience=3, save_every=4, seed=5, progress=False
)


def write_slowly() -> None:
    """Make the next checkpoint write pause in the middle of the file."""
    save = torch.save

    def halves(content: dict, file: io.BufferedWriter) -> None:
        buffer = io.BytesIO()
        save(content, buffer)
        data = buffer.getvalue()
        file.write(data[: len(data) // 2])
        file.flush()
        print("half written", flush=True)
        time.sleep(60)
        file.write(data[len(data) // 2 :])

    checkpoint.torch.save = halves


def pictures() -> tuple[Blocks, Fetch, Order, FitConfig]:
    """Return EfficientNet, of which the last two blocks train, with what it learns from."""
    backbone = load_backbone(
        "efficientnet_lite0", size=64, device="cpu", frozen_dtype=torch.float32
    )
    model = add_label_head(backbone, classes=2, dropout=0.3, seed=1)
    freeze(model, upto="block5")
    fetch = PictureFetch(toy_pictures(200), device=torch.device("cpu"))
    return model, fetch, shuffled(np.arange(160), 8, seed=2), CONFIG


def texts() -> tuple[Blocks, Fetch, Order, FitConfig]:
    """Return MiniLM, of which the last two blocks train, with what it learns from."""
    backbone = load_text_backbone("minilm_l6", device="cpu")
    model = add_label_head(backbone, classes=2, dropout=0.3, seed=1)
    freeze(model, upto="block3")
    fetch = text_fetch(toy_texts(200), model, load_tokenizer("minilm_l6"), cap=16)
    ids = np.arange(160)
    order = by_length(ids, fetch.lengths(ids), 8, seed=2)
    config = replace(CONFIG, optimizer="adamw-uncorrected", schedule="linear")
    return model, cached(fetch, model, np.arange(200)), order, config


def masked() -> tuple[Blocks, Fetch, Order, FitConfig]:
    """Return MiniLM with its head for guessing words, all of which trains."""
    tokenizer = load_tokenizer("minilm_l6")
    model = add_masked_head(load_text_backbone("minilm_l6", device="cpu"))
    sequences = cut_documents(toy_texts(200).texts, tokenizer, length=16)
    fetch = masked_fetch(sequences, tokenizer, device=torch.device("cpu"))
    ids = np.arange(160)
    order = by_tokens(ids, fetch.lengths(ids), 128, seed=2)
    return model, fetch, order, replace(CONFIG, epochs=2, patience=None)


def main(folder: Path, slow: bool, kind: str) -> None:
    """Train, 80 steps, and print what happens."""
    found = checkpoint.load_checkpoint(folder)
    print("resumed", found["progress"]["step"] if found else 0, flush=True)
    if slow:
        write_slowly()
    model, fetch, order, config = {"text": texts, "masked": masked}.get(kind, pictures)()
    learns = language_loss if kind == "masked" else label_loss
    split = Split(np.arange(160), np.arange(160, 200), np.arange(0))
    if kind == "masked":
        validate = lambda model: -held_out_loss(model, fetch, split.validation)  # noqa: E731
    else:
        validate = scorer(fetch, split, accuracy)
    pieces = iter(range(1, 10_000))

    def loss(model: torch.nn.Module, batch: object) -> tuple[torch.Tensor, int]:
        print("piece", next(pieces), flush=True)
        return learns(model, batch)

    fit(
        model,
        fetch,
        order,
        parameter_groups(model, rate=1e-3, layer_decay=0.5),
        config,
        loss=loss,
        validate=validate,
        checkpoint=folder,
    )
    print("done", state_hash(model), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "slow" in sys.argv, sys.argv[-1])
