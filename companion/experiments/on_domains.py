"""What the experiments on domains share: two tasks, three corpora, the encoders made of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.metrics import f1_score

from companion.data.cache import build_once
from companion.data.corpus import Corpus, Sequences, cut_documents, of_equal_size
from companion.data.licence_categories import load_licence_categories, load_licence_rules
from companion.data.masking import MaskedFetch, masked_fetch
from companion.data.news import load_bbc_news
from companion.data.overlap import refuse_overlap, without_copies_of_test
from companion.data.phenotypes import load_phenotype_text, load_phenotypes
from companion.data.splits import Split, split_by_group
from companion.data.text import TextFetch, Texts
from companion.data.vision import digest_of
from companion.models.adapted import load_adapted, save_adapted
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer.adapt import adapt, warm_head
from companion.transfer.fit import FitConfig

Task = Literal["definitions", "licences"]
Domain = Literal["medical", "licences"]

BACKBONE = "minilm_l6"
CAPS = {"definitions": 64, "licences": 128}  # tokens of a text
LENGTH = 128  # tokens of a sequence in pre-training
TOKENS = 300_000  # of each pre-training corpus: what one pass reads
RATE = 3e-4  # of further pre-training
HELD = 250  # documents of each kind on which losses are measured
WARM = 45_000  # tokens of each kind that the head is warmed on
WARM_EPOCHS = 8
WARM_RATE = 2e-3
WARM_VIEWS = 4  # maskings of each sequence
POOL_SEED = 2024  # divides definitions into the task's and those that are text only
TUNING = (100, 101)  # their validation parts choose rates and strengths; no trial draws them
TEST_SHARE = 0.25


@lru_cache(maxsize=2)
def texts(task: Task) -> Texts:
    """Return the labelled texts of a task."""
    return load_phenotypes() if task == "definitions" else load_licence_categories()


@lru_cache(maxsize=2)
def pool(task: Task) -> np.ndarray:
    """Return the ids that trials use: half of the definitions, or all licences.

    The other definitions are text to be read in further pre-training, without their labels.
    """
    everything = np.arange(len(texts(task)))
    if task == "licences":
        return everything
    halves = split_by_group(texts(task).groups, np.zeros(len(everything)), test=0.5, seed=POOL_SEED)
    return halves.test


@lru_cache(maxsize=16)
def split_of(task: Task, seed: int) -> Split:
    """Return the split of a trial, new for each seed; near-duplicates are on one side."""
    ids = pool(task)
    groups = texts(task).groups[ids]
    found = split_by_group(groups, np.zeros(len(ids)), test=TEST_SHARE, seed=seed)
    return Split(ids[found.train], ids[found.validation], ids[found.test])


@lru_cache(maxsize=2)
def fetch(task: Task) -> TextFetch:
    """Return the fetch that serves a task's texts as MiniLM's tokens."""
    backbone = load_text_backbone(BACKBONE)
    return text_fetch(texts(task), backbone, load_tokenizer(BACKBONE), cap=CAPS[task])


@lru_cache(maxsize=3)
def corpus(kind: str) -> Corpus:
    """Return the documents of "medical", "licences" or "news", none of which holds a task's text.

    Raises:
        ValueError: one does.
    """
    if kind == "news":
        return Corpus("news", load_bbc_news().texts)
    found = load_phenotype_text() if kind == "medical" else load_licence_rules()
    task: Task = "definitions" if kind == "medical" else "licences"
    asked = [texts(task).texts[i] for i in pool(task)]
    clean = without_copies_of_test(found, asked)
    refuse_overlap(clean, asked)
    return clean


@lru_cache(maxsize=8)
def parts(kind: str, seed: int) -> dict[str, tuple[str, ...]]:
    """Return the documents of a kind that warm the head, that are held out, and that are read.

    The first are the same for every seed. What is held out stands in no other part, nearly or not.
    """
    documents = np.array(corpus(kind).texts, dtype=object)
    order = np.random.default_rng(POOL_SEED).permutation(len(documents))
    warm = order[: int(np.searchsorted(np.cumsum(tokens_of(documents[order])), WARM)) + 1]
    rest = np.random.default_rng(seed).permutation(order[len(warm) :])
    held = tuple(documents[rest[:HELD]])
    read = without_copies_of_test(Corpus(kind, tuple(documents[rest[HELD:]])), held)
    return {"warm": tuple(documents[warm]), "held": held, "read": read.texts}


def tokens_of(documents: np.ndarray) -> np.ndarray:
    """Return the number of tokens (N,) of each document."""
    found = load_tokenizer(BACKBONE)(documents.tolist(), verbose=False)["input_ids"]
    return np.array([len(ids) for ids in found])


def sequences(documents: tuple[str, ...]) -> Sequences:
    """Return documents as sequences of MiniLM's tokens."""
    return cut_documents(documents, load_tokenizer(BACKBONE), length=LENGTH)


def hidden(documents: tuple[str, ...], seed: int = 0) -> MaskedFetch:
    """Return the fetch that hides tokens of documents."""
    return masked_fetch(sequences(documents), load_tokenizer(BACKBONE), seed=seed)


def everything(fetch: MaskedFetch) -> np.ndarray:
    """Return the ids of all sequences of a fetch."""
    return np.arange(len(fetch.sequences.lengths))


def warmed() -> Blocks:
    """Return MiniLM with its head for guessing tokens, warmed with the encoder frozen: minutes."""
    model = add_masked_head(load_text_backbone(BACKBONE))
    key = digest_of(warming(), *warm_text())
    return load_adapted(model, build_once("warmed-head", warm_and_save, key))


def warming() -> str:
    """Name all that decides what the warmed head is, besides the text."""
    return f"{BACKBONE} {LENGTH} {WARM_EPOCHS} {WARM_RATE} {WARM_VIEWS}"


def warm_text() -> tuple[str, ...]:
    """Return the documents that the head is warmed on: as much of each kind."""
    return tuple(
        text for kind in ("medical", "licences", "news") for text in parts(kind, 0)["warm"]
    )


def warm_and_save(target: Path) -> None:
    """Warm the head and write the network to `target`."""
    model, source = add_masked_head(load_text_backbone(BACKBONE)), hidden(warm_text())
    plan = FitConfig(epochs=WARM_EPOCHS, schedule="linear", progress=False)
    warm_head(model, source, everything(source), plan, rate=WARM_RATE, views=WARM_VIEWS)
    save_adapted(model, target)


def adapted(domain: Domain, seed: int) -> Path:
    """Return the file of the network that read a domain's corpus, from the warmed head on."""
    key = digest_of(f"{warming()} {TOKENS} {RATE}", *warm_text(), *reading(domain, seed))
    return build_once(
        f"adapted-{domain}-{seed}", lambda target: adapt_and_save(target, domain, seed), key
    )


def reading(domain: Domain, seed: int) -> tuple[str, ...]:
    """Return what is read in further pre-training: as many tokens of each domain."""
    read = Corpus(domain, parts(domain, seed)["read"])
    counts = dict(zip(read.texts, tokens_of(np.array(read.texts, dtype=object)), strict=True))
    return of_equal_size(read, TOKENS, counts.__getitem__, seed).texts


def adapt_and_save(target: Path, domain: Domain, seed: int) -> None:
    """Train the warmed network further on a domain and write it to `target`."""
    model, source = warmed(), hidden(reading(domain, seed), seed)
    plan = FitConfig(epochs=1, schedule="linear", seed=seed, progress=False)
    adapt(model, source, everything(source), plan, rate=RATE)
    save_adapted(model, target)


def encoder(arm: str, seed: int) -> Blocks:
    """Return the encoder of an arm: "base", or what reading a domain made of it."""
    backbone = load_text_backbone(BACKBONE)
    return backbone if arm == "base" else load_adapted(backbone, adapted(arm, seed))


def macro_f1(labels: np.ndarray, answers: np.ndarray) -> float:
    """Return the mean of the F1 of all classes."""
    return round(float(f1_score(labels, answers, average="macro")), 5)
