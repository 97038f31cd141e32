"""What the experiments with few labels share: the BBC's articles cut short, draws, and a prompt."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from companion.data.cache import build_once
from companion.data.news import load_bbc_news
from companion.data.prompts import (
    Prompt,
    flipped_labels,
    random_labels,
    with_demonstrations,
)
from companion.data.splits import Split, draw_per_class, split_by_group
from companion.data.text import Texts
from companion.data.vision import digest_of
from companion.models.causal import load_causal
from companion.models.text import load_tokenizer
from companion.transfer.incontext import content_free_scores, label_scores

SPEAKER = "smollm2_135m"
WORDS = 45  # of an article below its headline, for every arm
QUERIES = 60  # of a trial
ORDERS = 5  # of the same demonstrations
TEST_SHARE = 0.03  # of the articles: the queries
# Written with a look at the articles of draw 100 alone, and left as it was.
HEADER = "News articles and their topics."
PATTERN = "Article: {text}\nTopic:"


@lru_cache(maxsize=1)
def news() -> Texts:
    """Return the articles, whole."""
    return load_bbc_news()


@lru_cache(maxsize=1)
def shortened() -> np.ndarray:
    """Return what every arm reads (N,): the headline and the first words."""
    return np.array([shorten(article) for article in news().texts], dtype=object)


def shorten(article: str) -> str:
    """Return the headline of an article and its first words, on one line."""
    headline, _, rest = article.partition("\n")
    return f"{headline}. {' '.join(rest.split()[:WORDS])}"


@lru_cache(maxsize=32)
def split_of(seed: int) -> Split:
    """Return the split of a trial, new for each seed; versions of one story are on one side."""
    return split_by_group(news().groups, news().kinds, seed=seed)


def queries(seed: int, part: str = "test") -> np.ndarray:
    """Return the articles (Q,) that are asked for in a trial, drawn from a part of its split."""
    ids = getattr(split_of(seed), part)
    return np.sort(np.random.default_rng(seed).permutation(ids)[:QUERIES])


def draw(k: int, seed: int) -> np.ndarray:
    """Return `k` labelled articles of each topic (5 k,); the draws of a seed are nested."""
    if k == 0:
        return np.array([], dtype=int)
    return draw_per_class(news().labels, split_of(seed).train, k, seed=seed)


def prompt_of(spec: dict, order: int) -> Prompt:
    """Return the prompt of a trial with its demonstrations in one of some orders.

    The labels are the true ones unless the arm is "random labels" or "flipped labels".
    """
    plain = Prompt(news().classes, header=HEADER, pattern=PATTERN)
    seed = spec["seed"]
    ids = np.random.default_rng((seed, order)).permutation(draw(spec["k"], seed))
    labels = news().labels[ids]
    if spec["arm"] == "random labels":
        labels = random_labels(labels, len(news().classes), seed=seed)
    if spec["arm"] == "flipped labels":
        labels = flipped_labels(labels, len(news().classes), seed=seed)
    return with_demonstrations(plain, shortened()[ids].tolist(), labels.tolist())


def prompt_scores(spec: dict, order: int, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (Q, 5) of a trial's queries, and those of questions that ask nothing.

    Kept on disk, since several arms and experiments read the same ones.
    """
    prompt, asked = prompt_of(spec, order), queries(spec["seed"], part)
    hide = spec["arm"] == "hidden demonstrations"
    key = digest_of(SPEAKER, prompt.beginning(), str(hide), *shortened()[asked])

    def save(target: Path) -> None:
        model, tokenizer = speaker()
        texts = shortened()[asked].tolist()
        scores = label_scores(model, tokenizer, prompt, texts, hide_demonstrations=hide)
        free = content_free_scores(model, tokenizer, prompt, hide_demonstrations=hide)
        with open(target, "wb") as file:
            np.savez(file, scores=scores, free=free)

    with np.load(build_once("prompt-scores", save, key)) as found:
        return found["scores"], found["free"]


@lru_cache(maxsize=1)
def speaker() -> tuple:
    """Return SmolLM2 and its tokenizer."""
    return load_causal(SPEAKER), load_tokenizer(SPEAKER)
