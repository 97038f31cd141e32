"""What all sides of a benchmark share: the data, the weights, and how answers are judged."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from companion.data.assets import asset_path
from companion.data.corpus import cut_documents
from companion.data.examples import Batch
from companion.data.masking import masked_fetch
from companion.data.prompts import Prompt
from companion.data.tags import IGNORED
from companion.data.text import Texts
from companion.data.vision import Pictures, read_rows
from companion.device import seconds_of, stopwatch
from companion.experiments import on_elpv, on_news, on_rules
from companion.models.vision import EMBEDDED, create_network

BACKBONE = "efficientnet_lite0"
TIMM_NAME = EMBEDDED[BACKBONE][1]
TWO_THIRDS = "block4"  # up to its end, 68 % of the time of a forward pass is spent
TESTED = on_rules.TESTED  # cells that judge, as many as rules
LENGTH = 128  # tokens of a sequence to read
ARTICLE = 128  # most tokens of a short article
TOKENS_A_WORD = 1.35  # of licence rules, about
HELD = 40  # documents on which guesses are judged
USUAL_RATE = 1e-3  # where a library has none of its own
RATES = tuple(1e-3 * 10 ** (step / 4.5) for step in range(10))  # 0.001 to 0.1
STRENGTHS = tuple(10.0**power for power in range(-5, 5))
MIDDLE = 3  # the strength 0.01, which judges
MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # as this network was trained


class Task(NamedTuple):
    """Labelled examples, and which of them train and test."""

    data: Pictures | Texts
    train: np.ndarray
    test: np.ndarray

    def labels(self, ids: np.ndarray) -> np.ndarray:
        """Return the labels (B,) of some examples."""
        return self.data.labels[ids]


def cells(spec: dict) -> Task:
    """Return solar cells at the row's size, so that no side has to resize them."""
    split = on_elpv.by_module(spec["seed"])
    whole = on_elpv.cells()
    train = on_elpv.training_cells(split, spec["cells"], spec["seed"])
    # Seeds from 100 on choose rates, and no trial uses them.
    test = (split.test if spec["seed"] < 100 else split.validation)[:TESTED]
    ids = np.concatenate([train, test])
    small = resized(read_rows(whole.pixels, ids), spec["size"])
    data = replace(
        whole,
        pixels=small,
        labels=whole.labels[ids],
        groups=whole.groups[ids],
        kinds=whole.kinds[ids],
        digest=hashlib.sha256(small.tobytes()).hexdigest(),
    )
    return Task(data, np.arange(len(train)), np.arange(len(train), len(ids)))


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return pictures (N, C, H, W) uint8 at another size."""
    x = torch.from_numpy(pixels).float()
    small = F.interpolate(x, (size, size), mode="bicubic", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8).numpy()


def as_tensors(task: Task, ids: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures (B, 3, H, W) as the network wants them, and labels: nothing left to read."""
    grey = torch.from_numpy(task.data.pixels[ids]).float() / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (grey - mean) / std, torch.from_numpy(task.labels(ids))


def picture_files(spec: dict) -> tuple[list[Path], np.ndarray]:
    """Return the files of the training cells, and their labels."""
    folder = asset_path("elpv")
    names = [line.split()[0] for line in (folder / "labels.csv").read_text().splitlines() if line]
    ids = on_elpv.training_cells(on_elpv.by_module(spec["seed"]), spec["cells"], spec["seed"])
    return [folder / names[i] for i in ids], on_elpv.cells().labels[ids]


def timm_network(spec: dict, upto: str | None) -> nn.Sequential:
    """Return the pretrained network with a new head as two parts: what is frozen, what trains.

    `upto` is the last frozen block as the companion names it: "pool", TWO_THIRDS, or None.
    """
    net = create_network(BACKBONE, size=spec["size"], pretrained=True, seed=spec["seed"])
    net.reset_classifier(2)
    new_head(net.classifier, spec["seed"])
    stem, top = [net.conv_stem, net.bn1], [net.conv_head, net.bn2, net.global_pool, net.classifier]
    layers = [*stem, *net.blocks, *top]
    frozen = {None: 0, TWO_THIRDS: 2 + 5, "pool": len(layers) - 1}[upto]
    parts = nn.Sequential(*layers[:frozen]), nn.Sequential(*layers[frozen:])
    return nn.Sequential(*parts).train()  # as it comes from timm


def new_head(linear: nn.Linear, seed: int) -> None:
    """Draw the weights of a head as the companion does."""
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(linear.bias)


@torch.no_grad()
def judged(net: nn.Module, task: Task) -> float:
    """Return the balanced accuracy of a network of a peer on the test cells."""
    x, labels = as_tensors(task, task.test)
    net.eval()
    logits = torch.cat([net(part) for part in x.split(64)])
    return accuracy(labels.numpy(), logits.numpy())


def accuracy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the balanced accuracy of scores (N, classes)."""
    return round(float(balanced_accuracy_score(labels, np.asarray(logits).argmax(axis=1))), 5)


def rules(spec: dict) -> Task:
    """Return licence rules, with the spread of lengths that they have."""
    data, n = on_rules.drawn_rules(spec["texts"], spec["seed"]), spec["texts"]
    return Task(data, np.arange(n), np.arange(n, len(data)))


def articles(spec: dict) -> Task:
    """Return short news: `k` of each topic train, some of the test part ask."""
    split, news = on_news.split_of(spec["seed"]), on_news.news()
    data = replace(news, texts=tuple(on_news.shortened()))
    return Task(data, on_news.draw(spec["k"], spec["seed"]), split.test)


def sequences(spec: dict) -> tuple[list[str], list[str]]:
    """Return licence rules of about so many tokens to read, and some that are held out."""
    some = np.random.default_rng(spec["seed"]).permutation(len(on_rules.all_rules()))
    texts = [on_rules.all_rules().texts[i] for i in some]
    words = np.cumsum([len(text.split()) for text in texts])
    read = int(np.searchsorted(words, spec["tokens"] / TOKENS_A_WORD))
    return texts[:read], texts[read : read + HELD]


def prompt(spec: dict) -> tuple[Prompt, list[str], np.ndarray]:
    """Return a prompt with `k` demonstrations of each topic, articles to ask for, their topics."""
    drawn = np.random.default_rng(spec["seed"]).permutation(on_news.queries(spec["seed"]))
    asked = drawn[: spec["asked"]]  # the queries themselves are sorted, by topic
    found = on_news.prompt_of({"arm": "demonstrations"} | spec, order=0)
    return found, on_news.shortened()[asked].tolist(), on_news.news().labels[asked]


class Timed:
    """Batches of a loader, and how long each of them took to come."""

    def __init__(self, loader: Iterable) -> None:
        self.loader = loader
        self.waits: list[float] = []  # seconds

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator:
        batches = iter(self.loader)
        while True:
            with stopwatch() as seconds:
                batch = next(batches, None)
            if batch is None:
                return
            self.waits.append(seconds())
            yield batch


def seconds_of_process(code: str) -> float:
    """Return how long a new interpreter takes to run a line of code: the fastest of three."""
    call = partial(subprocess.run, [sys.executable, "-c", code], check=True)
    return seconds_of(call, torch.device("cpu"))


def seconds_to_answer(imports: str, spec: dict) -> float:
    """Return how long a new interpreter takes to import, load a timm network and answer a batch."""
    net = create_network(BACKBONE, size=spec["size"], pretrained=True, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_file(net.state_dict(), weights)
        lines = (
            f"{imports}; import timm, torch",
            f"overlay = dict(file={str(weights)!r})",
            f"net = timm.create_model({TIMM_NAME!r}, pretrained=True, num_classes=2, "
            "pretrained_cfg_overlay=overlay).eval()",
            f"net(torch.zeros({spec['batch']}, 3, {spec['size']}, {spec['size']}))",
        )
        return seconds_of_process("; ".join(lines))


@torch.no_grad()
def guessed(
    guess: Callable[[Batch], torch.Tensor], held: list[str], tokenizer: PreTrainedTokenizerBase
) -> float:
    """Return the share of hidden tokens of held-out documents that a network guesses."""
    found = cut_documents(held, tokenizer, length=LENGTH)
    batch = masked_fetch(found, tokenizer)(np.arange(len(found.lengths)))
    wanted = batch.targets != IGNORED
    return round(float((guess(batch)[wanted] == batch.targets[wanted]).float().mean()), 5)
