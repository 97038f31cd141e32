"""The companion's side of every row: its own functions, as the lessons use them."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from companion.data.corpus import cut_documents
from companion.data.examples import Batch
from companion.data.masking import masked_fetch
from companion.data.prepared import store
from companion.data.vision import PictureFetch, Pictures
from companion.device import stopwatch
from companion.experiments import on_elpv, on_rules
from companion.models.blocks import Blocks
from companion.models.causal import load_causal
from companion.models.heads import add_label_head
from companion.models.language_heads import add_masked_head, language_loss
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.models.vision import load_backbone
from companion.transfer import fewshot, recipes, recipes_text
from companion.transfer.adapt import adapt
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.incontext import label_scores
from companion.transfer.order import shuffled
from companion.transfer.predict import features, predict
from companion.transfer.probe import linear_probe
from tests.benchmarks import tasks
from tests.benchmarks.tasks import Task

IMPORTS = (  # what training pictures takes
    "from companion.data.vision import PictureFetch; "
    "from companion.models.heads import add_label_head; "
    "from companion.models.vision import load_backbone; "
    "from companion.transfer.recipes import fine_tune"
)
RATE = 2.5e-2  # of a head alone, as the course chose it for these cells


def network(spec: dict, dtype: torch.dtype | None = torch.float32) -> Blocks:
    """Return the picture network with a new head, its frozen part in fp32 unless told otherwise."""
    backbone = load_backbone(tasks.BACKBONE, size=spec["size"], frozen_dtype=dtype)
    return add_label_head(backbone, classes=2, seed=spec["seed"])


def plan(spec: dict) -> FitConfig:
    """Return how long to train."""
    return FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)


def tuned_pictures(spec: dict, upto: str | None, dtype: torch.dtype | None = torch.float32) -> dict:
    """Train the blocks above `upto` on cells, and return seconds and accuracy."""
    task, model = tasks.cells(spec), network(spec, dtype)
    fetch = PictureFetch(task.data)
    freeze(model, upto)
    model(fetch(task.train[: spec["batch"]]).inputs)  # the first call is slower
    with stopwatch() as seconds:
        recipes.fine_tune(model, fetch, task.train, plan(spec), rate=spec["rate"], upto=upto)
    return {"seconds": seconds(), "accuracy": judged(model, fetch, task)}


def judged(model: Blocks, fetch: PictureFetch, task: Task) -> float:
    """Return the balanced accuracy on the test examples."""
    return tasks.accuracy(task.labels(task.test), predict(model, fetch, task.test))


def head_only(spec: dict) -> dict:
    """Train a head on what leaves the backbone."""
    return tuned_pictures(spec, upto="pool")


def out_of_the_box(spec: dict) -> dict:
    """Train a head on files, with the course's own rate and the number format of this machine.

    Decoding and resizing are part of the time.
    """
    paths, labels = tasks.picture_files(spec)
    task, model = tasks.cells(spec), network(spec, dtype=None)
    with tempfile.TemporaryDirectory() as folder, stopwatch() as seconds:
        found = stored_pictures(paths, labels, Path(folder), spec["size"])
        ids = np.arange(len(found))
        recipes.fine_tune(model, PictureFetch(found), ids, plan(spec), rate=RATE, upto="pool")
    return {"seconds": seconds(), "accuracy": judged(model, PictureFetch(task.data), task)}


def stored_pictures(paths: list[Path], labels: np.ndarray, folder: Path, size: int) -> Pictures:
    """Decode picture files once, to squares of a size, as a learner's own folder is."""
    file = folder / "pictures.npy"
    store([str(path) for path in paths], file, size)
    return replace(
        on_elpv.cells(),
        pixels=np.load(file, mmap_mode="r"),
        labels=labels,
        groups=np.arange(len(labels)),
        kinds=np.full(len(labels), "all"),
        digest=str(file),
    )


def top_third(spec: dict) -> dict:
    """Train the blocks that hold the last third of the work."""
    return tuned_pictures(spec, upto=tasks.TWO_THIRDS)


def everything(spec: dict) -> dict:
    """Train the whole network."""
    return tuned_pictures(spec, upto=None)


def probe_sweep(spec: dict) -> dict:
    """Train ten heads at ten rates on one cache, and keep the one with the lowest last loss."""
    task, backbone = tasks.cells(spec), network(spec)
    fetch, head = PictureFetch(task.data), deepcopy(backbone.layers[-1].state_dict())
    freeze(backbone, upto="pool")
    backbone(fetch(task.train[: spec["batch"]]).inputs)
    best = None
    with stopwatch() as seconds:
        freeze(backbone, upto="pool")
        source = cached(fetch, backbone, task.train)
        for rate in tasks.RATES:
            backbone.layers[-1].load_state_dict(head)
            order = shuffled(task.train, spec["batch"], seed=spec["seed"])
            records = fit(backbone, source, order, parameter_groups(backbone, rate), plan(spec))
            last = records[-1]["loss"]
            if best is None or last < best[0]:
                best = (last, deepcopy(backbone.layers[-1].state_dict()))
    backbone.layers[-1].load_state_dict(best[1])
    return {"seconds": seconds(), "accuracy": judged(backbone, fetch, task)}


def strength_sweep(spec: dict) -> dict:
    """Read the features once, and fit ten regressions to them."""
    task, model = tasks.cells(spec), network(spec)
    fetch = PictureFetch(task.data)
    features(model, fetch, task.train[: spec["batch"]])
    with stopwatch() as seconds:
        seen = features(model, fetch, task.train)
        probes = [linear_probe(seen, task.labels(task.train), c) for c in tasks.STRENGTHS]
    found = probes[tasks.MIDDLE].predict_proba(features(model, fetch, task.test))
    return {"seconds": seconds(), "accuracy": tasks.accuracy(task.labels(task.test), found)}


def tuned_texts(spec: dict, upto: str | None) -> dict:
    """Train the blocks above `upto` on licence rules; tokenising is part of the time."""
    task, backbone = tasks.rules(spec), load_text_backbone("minilm_l6")
    model = add_label_head(backbone, len(on_rules.KINDS), dropout=0.1, seed=spec["seed"])
    tokenizer = load_tokenizer("minilm_l6")
    warm = text_fetch(task.data, backbone, tokenizer, cap=spec["cap"])
    model(warm(task.train[: spec["batch"]]).inputs)
    config = FitConfig(epochs=spec["epochs"], schedule="linear", seed=spec["seed"], progress=False)
    with stopwatch() as seconds:
        fetch = text_fetch(task.data, backbone, tokenizer, cap=spec["cap"])
        recipes_text.fine_tune_mixed(model, fetch, task.train, config, rate=spec["rate"], upto=upto)
    found = predict(model, fetch, task.test)
    return {"seconds": seconds(), "accuracy": tasks.accuracy(task.labels(task.test), found)}


def all_of_text(spec: dict) -> dict:
    """Train the whole network."""
    return tuned_texts(spec, upto=None)


def top_of_text(spec: dict) -> dict:
    """Train the last two of six layers."""
    return tuned_texts(spec, upto="block3")


def masked_words(spec: dict) -> dict:
    """Read licence rules once, and guess hidden tokens; cutting them up is part of the time."""
    texts, held = tasks.sequences(spec)
    tokenizer = load_tokenizer("minilm_l6")
    model = add_masked_head(load_text_backbone("minilm_l6"), seed=spec["seed"])
    warm = masked_fetch(cut_documents(held, tokenizer, length=tasks.LENGTH), tokenizer)
    language_loss(model, warm(np.arange(spec["batch"])))
    config = FitConfig(epochs=1, schedule="linear", seed=spec["seed"], progress=False)
    size = spec["batch"] * tasks.LENGTH
    with stopwatch() as seconds:
        found = cut_documents(texts, tokenizer, length=tasks.LENGTH)
        fetch = masked_fetch(found, tokenizer, seed=spec["seed"])
        ids = np.arange(len(found.lengths))
        adapt(model, fetch, ids, config, rate=spec["rate"], batch_tokens=size)
    guess = partial(guesses, model)
    return {"seconds": seconds(), "accuracy": tasks.guessed(guess, held, tokenizer)}


def guesses(model: Blocks, batch: Batch) -> torch.Tensor:
    """Return the tokens (B, T) that a network finds likeliest."""
    return model(batch.inputs).values.argmax(dim=-1)


def contrast(spec: dict) -> dict:
    """Train features on all pairs of each batch, then a regression on them."""
    task, model = tasks.articles(spec), load_text_backbone("minilm_l6")
    fetch = text_fetch(task.data, model, load_tokenizer("minilm_l6"), cap=tasks.ARTICLE)
    config = FitConfig(epochs=spec["epochs"], schedule="linear", seed=spec["seed"], progress=False)
    with stopwatch() as seconds:
        fewshot.contrast(model, fetch, task.train, config, rate=spec["rate"])
        head = LogisticRegression(max_iter=1000)
        head.fit(fewshot.units(features(model, fetch, task.train)), task.labels(task.train))
    found = head.predict_proba(fewshot.units(features(model, fetch, task.test)))
    return {"seconds": seconds(), "accuracy": tasks.accuracy(task.labels(task.test), found)}


def in_context(spec: dict) -> dict:
    """Score the topics of some articles after demonstrations that are read once."""
    prompt, texts, labels = tasks.prompt(spec)
    model, tokenizer = load_causal(), load_tokenizer("smollm2_135m")
    label_scores(model, tokenizer, prompt, texts[:1])
    with stopwatch() as seconds:
        found = label_scores(model, tokenizer, prompt, texts)
    return {"seconds": seconds(), "accuracy": tasks.accuracy(labels, found)}


def first_pictures(spec: dict) -> dict:
    """Read every picture once, from its file to what the network gets."""
    return pictures_read(spec)[0]


def later_pictures(spec: dict) -> dict:
    """Read every picture again, and say how long a training of the top third waits for them."""
    return pictures_read(spec)[1]


def pictures_read(spec: dict) -> tuple[dict, dict]:
    """Return the seconds of the first and of a later epoch of reading."""
    paths, labels = tasks.picture_files(spec)
    prepare = network(spec)
    with tempfile.TemporaryDirectory() as folder:
        with stopwatch() as first:
            fetch = PictureFetch(stored_pictures(paths, labels, Path(folder), spec["size"]))
            read(fetch, prepare, spec)
        with stopwatch() as later:
            read(fetch, prepare, spec)
    return {"seconds": first()}, {"seconds": later()}


def training_from_files(spec: dict) -> dict:
    """Train the whole network on pictures decoded once into a file; the second epoch counts."""
    paths, labels = tasks.picture_files(spec)
    model, config = network(spec), replace(plan(spec), epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        fetch = TimedPictures(stored_pictures(paths, labels, Path(folder), spec["size"]))
        ids = np.arange(len(labels))
        recipes.fine_tune(model, fetch, ids, config, rate=spec["rate"])
        fetch.waits.clear()
        with stopwatch() as seconds:
            recipes.fine_tune(model, fetch, ids, config, rate=spec["rate"])
    return {"seconds": seconds(), "waiting": sum(fetch.waits) / seconds()}


@dataclass(frozen=True)
class TimedPictures(PictureFetch):
    """Pictures, and how long each batch took to come."""

    waits: list[float] = field(default_factory=list)  # seconds

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return the batch that `PictureFetch` returns."""
        with stopwatch() as seconds:
            batch = super().__call__(ids, epoch)
        self.waits.append(seconds())
        return batch


def read(fetch: PictureFetch, model: Blocks, spec: dict) -> None:
    """Bring every picture to where the network begins."""
    for ids in shuffled(np.arange(len(fetch.pictures)), spec["batch"])(0):
        model(fetch(ids).inputs, stop=1)


def importing(spec: dict) -> dict:
    """Import what training pictures takes, and for itself the package."""
    return {
        "seconds": tasks.seconds_of_process(IMPORTS),
        "seconds, package": tasks.seconds_of_process("import companion"),
    }


def first_answer(spec: dict) -> dict:
    """Import, load a network, and let it answer."""
    lines = (
        f"{IMPORTS}; import torch",
        f"backbone = load_backbone({tasks.BACKBONE!r}, size={spec['size']})",
        "model = add_label_head(backbone, classes=2)",
        f"model(torch.zeros({spec['batch']}, 1, {spec['size']}, {spec['size']}))",
    )
    return {"seconds": tasks.seconds_of_process("; ".join(lines))}
