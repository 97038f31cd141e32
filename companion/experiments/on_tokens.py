"""What the experiments on tags and spans share: the two tasks, their splits, arms and scores."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from companion.data.licences import load_licence_questions
from companion.data.spans import SpanFetch, cut_windows
from companion.data.splits import Split, split_by_group
from companion.data.tags import TagFetch, align
from companion.data.wnut import load_wnut
from companion.evidence.answers import best_over, exact_match, token_f1
from companion.evidence.entities import entity_score, word_accuracy
from companion.models.blocks import Blocks
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.token_heads import SPAN_ENDS, add_token_head, span_loss, tag_loss
from companion.transfer import recipes_tokens
from companion.transfer.answers import predict_answers, predict_tags
from companion.transfer.fit import FitConfig

Task = Literal["tags", "spans"]

TASKS: tuple[Task, ...] = ("tags", "spans")
METRICS = {"tags": "entity F1", "spans": "token F1"}
BACKBONE = "minilm_l6"
TAG_CAP = 64  # tokens of a tweet; three are longer
WINDOW, STRIDE = 128, 32  # tokens of a question and a part of its text
DROPOUT = 0.1  # before the head
TEST_SHARE = 0.25
TUNING = (100, 101)  # their validation parts choose rates; no trial draws these splits
FROZEN_UPTO = "block5"  # the last block: the head alone trains


@lru_cache(maxsize=1)
def tag_fetch() -> TagFetch:
    """Return the tweets of WNUT with names of any kind, as MiniLM's tokens."""
    texts = load_wnut("untyped")
    return TagFetch(texts, align(texts, load_tokenizer(BACKBONE), cap=TAG_CAP))


@lru_cache(maxsize=1)
def span_fetch() -> SpanFetch:
    """Return the questions on licences, as windows of MiniLM's tokens."""
    asked = load_licence_questions()
    return SpanFetch(asked, cut_windows(asked, load_tokenizer(BACKBONE), cap=WINDOW, stride=STRIDE))


@lru_cache(maxsize=8)
def split_of(task: Task, seed: int) -> Split:
    """Return the split of a trial, new for each seed; near-duplicates are on one side."""
    groups = tag_fetch().texts.groups if task == "tags" else span_fetch().asked.groups
    return split_by_group(groups, np.zeros(len(groups)), test=TEST_SHARE, seed=seed)


def training_ids(task: Task, n: int, seed: int) -> np.ndarray:
    """Return `n` tweets or questions of the training part, drawn from `seed`."""
    pool = split_of(task, seed).train
    return np.sort(np.random.default_rng(seed).permutation(pool)[:n])


def new_network(task: Task, seed: int, *, pretrained: bool) -> Blocks:
    """Return the backbone with the head of the task, drawn from `seed`."""
    backbone = load_text_backbone(BACKBONE, pretrained=pretrained, seed=seed)
    outputs = len(tag_fetch().texts.classes) if task == "tags" else SPAN_ENDS
    return add_token_head(backbone, outputs, dropout=DROPOUT, seed=seed)


def train_arm(spec: dict) -> Blocks:
    """Return the network that the arm of `spec` makes: "tuned", "frozen" or "untrained".

    Raises:
        KeyError: there is no such arm.
    """
    task, seed = spec["task"], spec["seed"]
    pretrained, upto = {
        "tuned": (True, None),
        "frozen": (True, FROZEN_UPTO),
        "untrained": (False, None),
    }[spec["arm"]]
    model = new_network(task, seed, pretrained=pretrained)
    ids = training_ids(task, spec["n"], seed)
    fetch, loss = (tag_fetch(), tag_loss) if task == "tags" else (span_fetch(), span_loss)
    if task == "spans":
        ids = span_fetch().windows.of(ids)
    plan = FitConfig(
        epochs=spec["epochs"], schedule="linear", warmup=0.1, seed=seed, progress=False
    )
    recipes_tokens.fine_tune_tokens(
        model, fetch, ids, plan, loss=loss, rate=spec["rate"], upto=upto
    )
    return model


def scores(task: Task, model: Blocks, ids: np.ndarray) -> dict[str, float]:
    """Return every score of a model on tweets or questions `ids` (N,)."""
    if task == "tags":
        return tag_scores(predict_tags(model, tag_fetch(), ids), ids)
    return span_scores(answers(model, ids), ids)


def answers(model: Blocks, ids: np.ndarray) -> list[str]:
    """Return the best answer of a model to each of these questions, "none" left out."""
    return [ranked.text() for ranked in predict_answers(model, span_fetch(), ids)]


def tag_scores(found: list[list[str]], ids: np.ndarray) -> dict[str, float]:
    """Return every score of the tags of these tweets' words, beside that of naming nothing."""
    truth = [tag_fetch().texts.tags[i] for i in ids]
    score = entity_score(truth, found)
    nothing = [["O"] * len(tags) for tags in truth]
    return rounded(
        {
            "entity F1": score.f1,
            "precision": score.precision,
            "recall": score.recall,
            "word accuracy": word_accuracy(truth, found),
            "word accuracy, all O": word_accuracy(truth, nothing),
        }
    )


def span_scores(found: list[str], ids: np.ndarray) -> dict[str, float]:
    """Return every score of the answers to these questions, for each kind of question too."""
    kinds, scored = span_fetch().asked.kinds[ids], {}
    for name, values in scores_of_each(found, ids).items():
        scored[name] = np.mean(values)
        for kind in np.unique(kinds):
            scored[f"{name}, {kind}"] = np.mean(np.array(values)[kinds == kind])
    return rounded(scored)


def scores_of_each(found: list[str], ids: np.ndarray) -> dict[str, list[float]]:
    """Return the scores of the answer to each of these questions, in their order."""
    pairs = list(zip(found, span_fetch().asked.truths(ids), strict=True))
    return {
        "token F1": [round(best_over(token_f1, *pair), 5) for pair in pairs],
        "exact match": [best_over(exact_match, *pair) for pair in pairs],
    }


def rounded(scored: dict[str, float]) -> dict[str, float]:
    """Return scores with five digits."""
    return {name: round(float(value), 5) for name, value in scored.items()}


def chosen_on_validation(spec: dict) -> dict:
    """Train the arm of `spec` and score it on the validation part of its split: no test."""
    task, split = spec["task"], split_of(spec["task"], spec["seed"])
    found = scores(task, train_arm(spec), split.validation)
    return result(task, found, found[METRICS[task]], 0, split) | {
        "metric": f"validation {METRICS[task]}"
    }


def judged(spec: dict) -> dict:
    """Train the arm of `spec` and score it on the test part of its split, once."""
    task, split = spec["task"], split_of(spec["task"], spec["seed"])
    model = train_arm(spec)
    chosen = scores(task, model, split.validation)[METRICS[task]]
    if task == "tags":
        found = tag_scores(predict_tags(model, tag_fetch(), split.test), split.test)
        return result(task, found, chosen, len(split.test), split)
    return judged_answers(answers(model, split.test), chosen, split)


def judged_answers(found: list[str], validation: float, split: Split) -> dict:
    """Return the result of answers to the test part of a split, with the score of each of them."""
    scored = result("spans", span_scores(found, split.test), validation, len(split.test), split)
    return scored | {"each": scores_of_each(found, split.test)}


def result(
    task: Task, found: dict[str, float], validation: float, n_test: int, split: Split
) -> dict:
    """Return a trial's result as it is recorded."""
    return {
        "metric": METRICS[task],
        "value": found[METRICS[task]],
        "validation": validation,
        "scores": found,
        "n_test": n_test,
        "split": split.digest,
    }
