"""Trainings that are the same in one process and in two: run as a program by test_distributed.py.

    torchrun --nproc_per_node 2 -m tests.transfer.distributed FOLDER NAME...

Each process runs the trainings called NAME one after the other, and leaves what each gave in
FOLDER as NAME.RANK.json.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from timm.layers import DropPath
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from companion.data.corpus import cut_documents
from companion.data.examples import Batch
from companion.data.masking import masked_fetch
from companion.data.splits import Split
from companion.data.vision import PictureFetch
from companion.evidence.metrics import accuracy
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head, label_loss
from companion.models.language_heads import add_masked_head, language_loss
from companion.models.vision import load_backbone
from companion.transfer.adapt import held_out_loss
from companion.transfer.boundary import cached
from companion.transfer.freeze import freeze
from companion.transfer.order import by_tokens, in_sequence, shuffled
from companion.transfer.predict import predict, scorer
from companion.transfer.processes import team
from tests.toys import state_hash, toy_model, toy_pictures
from tests.toys_text import toy_sentences, toy_text_model, toy_tokenizer
from tests.transfer.test_fit import FLOATS, HELD_OUT, out_of_memory_above, small_net, train

ODD = np.arange(49)  # batches of 8 end in one of 1, which leaves the second process without any
SPLIT = Split(ODD, np.arange(49, 80), np.arange(0))
PICTURES = PictureFetch(toy_pictures(80), device=torch.device("cpu"))


def layernorm(folder: Path) -> dict:
    """All of a net without BatchNorm trains, over batches of 8 and a last one of 1."""
    return curve(small_net(), order=shuffled(ODD, 8), epochs=3)


def clipped_pieces(folder: Path) -> dict:
    """Batches of 17 in pieces of 8, which is 2 pieces for one process and 1 for the other."""
    return curve(small_net(), order=shuffled(ODD, 17), micro_batch=8, clip=0.05, epochs=3)


def batches_of_one(folder: Path) -> dict:
    return curve(small_net(), order=in_sequence(ODD[:6], 1), epochs=1)


def batchnorm_held(folder: Path) -> dict:
    """All weights of a ResNet train; its BatchNorm keeps the statistics that it has."""
    model = toy_model("resnet")
    for module in model.modules():
        if isinstance(module, _BatchNorm | DropPath):
            module.eval()
            module.train = lambda mode=True, module=module: module
    return curve(model, fetch=PICTURES, order=shuffled(ODD[:25], 8), rate=1e-4, epochs=1)


def batchnorm_trains(folder: Path) -> dict:
    model = toy_model("resnet")
    return curve(model, fetch=PICTURES, order=shuffled(ODD[:25], 8), rate=1e-4, epochs=1)


def frozen_prefix(folder: Path) -> dict:
    """The head of EfficientNet trains: uncached, cached in memory, and in one folder for all."""
    out = {}
    for name in ("uncached", "memory", "folder"):
        backbone = load_backbone(
            "efficientnet_lite0", size=64, device="cpu", frozen_dtype=torch.float32
        )
        model = add_label_head(backbone, classes=2, seed=1)
        freeze(model, "pool")
        store = folder / f"store-{team_size()}" if name == "folder" else None
        fetch = (
            PICTURES if name == "uncached" else cached(PICTURES, model, np.arange(80), folder=store)
        )
        out[name] = curve(model, fetch=fetch, order=shuffled(ODD[:17], 8), epochs=2)
    return out


def masked(folder: Path) -> dict:
    """A small BERT is trained further to guess hidden words, batch by batch of equal tokens."""
    model = add_masked_head(toy_text_model("bert", folder / f"bert-{team_size()}-{rank()}"))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    tokenizer = toy_tokenizer(folder / f"bert-{team_size()}-{rank()}")
    sequences = cut_documents(toy_sentences(60), tokenizer, length=16)
    fetch = masked_fetch(sequences, tokenizer, device=torch.device("cpu"))
    order = by_tokens(ODD, fetch.lengths(ODD), 64, seed=2)
    records = train(
        model, fetch=fetch, order=order, loss=language_loss, rate=1e-3, epochs=3, keep_best=False
    )
    held = held_out_loss(model, fetch, np.arange(49, 60))
    return {
        "losses": [r["loss"] for r in records],
        "scores": [],
        "state": state_hash(model),
        "gathered": None,
        "alone": [held],
    }


def rank() -> int:
    return int(os.environ.get("RANK", 0))


def dropout(folder: Path) -> dict:
    """What each step draws at random."""
    drawn = []

    def loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        drawn.append(torch.rand(2).tolist())
        return label_loss(model, batch)

    train(small_net(), loss=loss, epochs=1)
    return {"drawn": drawn}


def memory_of_the_last(folder: Path) -> dict:
    """Only the last process has too little memory for more than 3 examples."""
    tried, small = out_of_memory_above(3)
    loss = lambda model, batch: (small if is_last() else label_loss)(model, batch)  # noqa: E731
    return curve(small_net(), loss=loss) | {"tried": tried}


def no_memory_at_all(folder: Path) -> dict:
    _, never = out_of_memory_above(0)
    loss = lambda model, batch: (never if is_last() else label_loss)(model, batch)  # noqa: E731
    return failure(lambda: train(small_net(), loss=loss))


def not_a_number(folder: Path) -> dict:
    """Only the process that sees example 5 has a loss that is no number."""

    def loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        summed, n = label_loss(model, batch)
        return summed * (math.nan if 5 in batch.ids else 1.0), n

    return failure(lambda: train(small_net(), loss=loss))


def early_stop(folder: Path) -> dict:
    """The scores of the other processes are different, and would stop later."""
    main, other = iter([0.5, 0.9, 0.7, 0.6, 0.99]), iter([0.1, 0.2, 0.3, 0.4, 0.5])
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append(state_hash(model))
        return next(other if team().rank else main)

    model = small_net()
    records = train(model, epochs=5, patience=2, validate=validate)
    return {"records": records, "best": seen.index(state_hash(model))}


def stopped(folder: Path) -> dict:
    """Stopped after 2 of 4 epochs, for another number of processes to go on."""
    return failure(lambda: passed_on(folder / "passed on by two", stops=True))


def continued(folder: Path) -> dict:
    return passed_on(folder / "passed on by one")


def passed_on(folder: Path, stops: bool = False) -> dict:
    epochs = iter(range(4))

    def validate(model: nn.Module) -> float:
        if stops and next(epochs) == 2:
            raise KeyboardInterrupt
        return 0.0

    return curve(
        small_net(), order=shuffled(ODD, 8), validate=validate, checkpoint=folder, epochs=4
    )


def straight(folder: Path) -> dict:
    return long(folder / "straight")


def killed(folder: Path) -> dict:
    return long(folder / "killed", idle=lambda step: 0.02)


def killed_while_busy(folder: Path) -> dict:
    """As `killed`, but in the middle of a step, when no process waits for the others."""
    return long(folder / "killed", idle=lambda step: 30.0 if step == 12 else 0.02)


def resumed(folder: Path) -> dict:
    return long(folder / "killed")


def long(folder: Path, idle: Callable[[int], float] | None = None) -> dict:
    """Train with dropout and checkpoints; to be killed, say which process this is, and idle."""
    model = small_net()
    model.layers[-1][0].p = 0.3
    first = []

    def loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        first.append(1)
        if idle is not None:
            # In one piece, or the two processes would write into each other's line.
            sys.stdout.write(f"process {team().rank} is {os.getpid()} at {len(first)}\n")
            sys.stdout.flush()
            time.sleep(idle(len(first)))
        return label_loss(model, batch)

    out = curve(model, loss=loss, order=shuffled(ODD, 8), epochs=6, save_every=4, checkpoint=folder)
    return out | {"steps": len(first)}


def curve(model: Blocks, **options: object) -> dict:
    """Train and return all that one and two processes must agree on."""
    fetch = options.setdefault("fetch", FLOATS)
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append(predict(model, fetch, SPLIT.validation, batch_size=5).tolist())
        return score(model)

    score = scorer(fetch, HELD_OUT, accuracy)
    options.setdefault("validate", validate)
    records = train(model, keep_best=False, **options)
    return {
        "losses": [r["loss"] for r in records],
        "scores": [r["score"] for r in records if "score" in r],
        "state": state_hash(model),
        "gathered": seen[-1] if seen else None,
        "alone": predict(model, fetch, SPLIT.validation, batch_size=5).tolist(),
    }


def failure(call: Callable[[], object]) -> dict:
    try:
        call()
    except (Exception, KeyboardInterrupt) as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"error": None}


def team_size() -> int:
    return int(os.environ.get("WORLD_SIZE", 1))


def is_last() -> bool:
    return team().rank == team().world - 1


def run(name: str, folder: Path) -> dict:
    """Run one training, alone or together with the processes of the launcher."""
    return globals()[name](folder)


def main(folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names:
        out = run(name, folder) | {"processes": torch.distributed.get_world_size()}
        (folder / f"{name}.{os.environ['RANK']}.json").write_text(json.dumps(out))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
