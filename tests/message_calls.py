"""Calls that go wrong, as a learner makes them: what the table of messages is measured with."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from huggingface_hub import constants
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from companion.data.augment import CELL_FLIPS
from companion.data.cache import build_once
from companion.data.elpv import load_elpv
from companion.data.prompts import Prompt, prompt_tokens, with_demonstrations
from companion.data.spans import Questions
from companion.data.splits import Split
from companion.data.table import read_csv
from companion.data.text import Texts
from companion.data.vision import PictureFetch, Pictures, decode_picture, decode_pictures
from companion.evidence.metrics import accuracy
from companion.models.adapted import load_adapted
from companion.models.blocks import Blocks
from companion.models.endpoint import ask_classes
from companion.models.heads import label_loss
from companion.models.protocol import Endpoint
from companion.models.text import check_tokenizer, load_text_backbone, load_tokenizer
from companion.transfer.boundary import CachedFetch, cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import test_score
from tests.toys import toy_model, toy_pictures
from tests.toys_text import toy_text_model

CPU = torch.device("cpu")
IDS = np.arange(8)
ONE = np.zeros(1)


def new_folder() -> Path:
    return Path(tempfile.mkdtemp())


# data


def picture(content: bytes) -> Path:
    path = new_folder() / "cell0001.png"
    path.write_bytes(content)
    return path


def sizes_differ() -> None:
    folder = new_folder()
    for name, side in (("a.png", 20), ("b.png", 30)):
        Image.new("L", (side, side)).save(folder / name)
    decode_pictures([folder / "a.png", folder / "b.png"], folder / "out")


def truncated() -> None:
    path = picture(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:900])
    decode_picture(path, 1)


def relabelled(labels: list[int]) -> Pictures:
    data = toy_pictures(4)
    return Pictures("mine", data.pixels, np.array(labels), ("a", "b"), *[np.zeros(4)] * 2, "x")


def without_packages() -> None:
    """Look for the solar cells where nothing is that pip installed."""
    with mock.patch.object(sys, "path", [p for p in sys.path if "site-packages" not in p]):
        load_elpv()


def full_disk() -> None:
    """Build a cache entry on a disk that takes no more: the system's own error is raised there."""

    def build(path: Path) -> None:
        path.write_bytes(b"x" * 1000)
        raise OSError(28, os.strerror(28))

    with mock.patch.dict(os.environ, {"COMPANION_CACHE": str(new_folder())}):
        build_once("weights", build, "0" * 16)


def own_csv(content: str | bytes) -> Texts:
    path = new_folder() / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, text="text", label="label")


def texts_of(*said: str, labels: tuple[int, ...] = (0, 1)) -> Texts:
    n, named = np.arange(len(said)), np.array(labels)
    return Texts("mine", said, named, ("no", "yes"), n, n.astype(str), np.full(len(n), np.nan))


def question(text: str) -> Questions:
    """Return one question about one text."""
    return Questions("mine", (text,), ("by Ann Lee",), (((3, 10),),), ONE, ONE)


def from_hub(**changed: object) -> None:
    """Ask the hub for a network, with these of its client's settings changed."""
    settings = {"HF_HUB_CACHE": str(new_folder() / "hub")} | changed
    with mock.patch.multiple(constants, **settings):
        load_text_backbone("owner/network")


# models


def too_many_classes() -> None:
    batch = PictureFetch(toy_pictures(4), device=CPU)(np.arange(4))
    label_loss(toy_model("resnet"), batch._replace(targets=torch.tensor([0, 1, 2, 1])))


def four_channels() -> None:
    toy_model("resnet")(torch.zeros(2, 4, 64, 64, dtype=torch.uint8))


def foreign_tokenizer() -> None:
    check_tokenizer(load_tokenizer("minilm_l6"), toy_text_model("bert", new_folder()))


def damaged_weights() -> None:
    path = new_folder() / "adapted.safetensors"
    path.write_bytes(b"half a file")
    load_adapted(toy_model("resnet"), path)


# training


def train(model: Blocks | None = None, *, rate: float = 1e-3, **options: object) -> None:
    """Train a small network on eight pictures; options go to FitConfig, save two to fit."""
    model = toy_model("resnet") if model is None else model
    to_fit = {name: options.pop(name) for name in ("loss", "checkpoint") if name in options}
    fetch = PictureFetch(toy_pictures(8), device=CPU)
    config = FitConfig(**{"epochs": 2, "precision": "no", "progress": False} | options)
    fit(model, fetch, shuffled(IDS, 4), parameter_groups(model, rate), config, **to_fit)


def another_training() -> None:
    folder = new_folder()
    train(partly_frozen(), checkpoint=folder)
    train(partly_frozen(), rate=1e-2, checkpoint=folder)


def after_the_test() -> None:
    model = toy_model("resnet")
    split = Split(IDS[:4], IDS[4:6], IDS[6:])
    test_score(model, PictureFetch(toy_pictures(8), device=CPU), split, accuracy)
    train(model)


def no_memory(model: Blocks | None = None) -> None:
    """Train where not even one example fits; a real refusal by the allocator."""

    def loss(net: Blocks, batch: object) -> tuple[torch.Tensor, int]:
        torch.empty(1 << 60, dtype=torch.uint8)
        raise AssertionError("expected no room for an exbibyte")

    train(model, loss=loss)


def partly_frozen() -> Blocks:
    model = toy_model("resnet")
    freeze(model, "layer4")
    return model


def all_frozen() -> Blocks:
    model = partly_frozen()
    return model.requires_grad_(False)


def stored(model: Blocks) -> CachedFetch:
    return cached(PictureFetch(toy_pictures(8), device=CPU), model, IDS)


def thawed() -> None:
    model = partly_frozen()
    fetch = stored(model)
    freeze(model, "layer2")
    fetch(IDS)


def changed_weights() -> None:
    model = partly_frozen()
    fetch = stored(model)
    with torch.no_grad():
        next(model.parameters()).zero_()
    fetch(IDS)


def random_views() -> None:
    fetch = PictureFetch(toy_pictures(8), device=CPU, augment=CELL_FLIPS)
    cached(fetch, partly_frozen(), IDS)


# prompts and servers

TOPICS = Prompt(("art", "sport"))


def asked(prompt: Prompt, texts: list[str], window: int = 2048) -> None:
    prompt_tokens(prompt, texts, load_tokenizer("smollm2_135m"), window=window)


def many_demonstrations() -> None:
    prompt = with_demonstrations(TOPICS, ["a museum"] * 40, [0] * 40)
    asked(prompt, ["a match"], window=128)


def ask_server(**settings: object) -> None:
    """Ask a server that does not exist; port 9 of this machine answers nobody."""
    place = Endpoint("http://127.0.0.1:9/v1", "my-model", key=None, tries=1, timeout=2.0)
    with mock.patch.dict(os.environ, {"COMPANION_CACHE": str(new_folder())}):
        ask_classes(replace(place, **settings), TOPICS, ["a match"])


# the classroom and the command line


def foreign() -> Path:
    """Return a folder that holds somebody's work."""
    folder = new_folder()
    (folder / "thesis.txt").write_text("keep")
    return folder


def exercise_of(*sources: str) -> NotebookNode:
    """Return a lesson of exercise 00.1, whose stub comes first."""
    about = {"exercise": "00.1"}
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata |= {"companion": about, "tags": ["exercise"]}
    told = {"companion": about | {"role": "solution"}}
    return new_notebook(cells=[*cells, new_markdown_cell("Because.", metadata=told)])


def without(module: str, call: Callable) -> None:
    """Make a call where a package is not installed."""
    with (
        mock.patch("importlib.util.find_spec", lambda name, *_: None),
        mock.patch.dict(sys.modules, {module: None}),
    ):
        call()


def shared_nowhere() -> None:
    from companion.cli.doctor import cache_facts

    with mock.patch.dict(os.environ, {"COMPANION_SHARED_CACHE": str(new_folder())}):
        cache_facts()
