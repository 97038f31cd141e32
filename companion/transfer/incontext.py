"""In-context learning: labels from demonstrations in the prompt, with no gradient and no update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from companion.data.prompts import CONTENT_FREE, Prompt, PromptTokens, prompt_tokens
from companion.models.blocks import Blocks
from companion.models.prefix import Prefix, next_token_log_probabilities, read_prefix
from companion.transfer.order import for_scoring

BATCH = 8  # questions at once


def label_scores(
    model: Blocks,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Prompt,
    texts: Sequence[str],
    *,
    per_token: bool = False,
    hide_demonstrations: bool = False,
    batch_size: int = BATCH,
) -> np.ndarray:
    """Return the log-probability (N, classes) of each label word as what follows each question.

    The demonstrations are read once; all questions and labels share what the network made of them.
    Of a word of several tokens the log-probabilities add up, or are averaged `per_token`. With
    `hide_demonstrations` nothing may attend to them (Brown et al. 2020 for the method).

    Raises:
        ValueError: as `prompt_tokens` does.
    """
    parts = prompt_tokens(prompt, texts, tokenizer, window=model.layers[0].positions)
    prefix = read_prefix(model, parts.beginning)
    seen = None
    if hide_demonstrations:
        seen = np.ones(prefix.length, dtype=bool)
        for start, end in parts.spans:
            seen[start:end] = False
    scores = word_scores(model, prefix, parts, seen, batch_size)
    lengths = np.array([len(label) for label in parts.labels])
    return scores / lengths if per_token else scores


def word_scores(
    model: Blocks,
    prefix: Prefix,
    parts: PromptTokens,
    seen: np.ndarray | None = None,
    batch_size: int = BATCH,
) -> np.ndarray:
    """Return the summed log-probability (N, classes) of each label word after each question.

    A question is run once for all words of one token, and once more for each longer word, with all
    of the word but its last token behind it.
    """
    scores = np.zeros((len(parts.questions), len(parts.labels)), dtype=np.float32)
    lengths = np.array([len(question) for question in parts.questions])
    for stem, words in by_stem(parts.labels).items():
        for places in for_scoring(np.arange(len(lengths)), lengths, batch_size):
            rows = [[*parts.questions[i], *stem] for i in places]
            after = next_token_log_probabilities(model, prefix, rows, len(stem) + 1, seen)
            for word in words:
                ids = torch.tensor(parts.labels[word], device=after.device)
                steps = torch.arange(len(ids), device=after.device)
                scores[places, word] = after[:, steps, ids].sum(dim=1).cpu().numpy()
    return scores


def by_stem(labels: Sequence[Sequence[int]]) -> dict[tuple[int, ...], list[int]]:
    """Return the label words that share all tokens but the last, by those tokens."""
    found: dict[tuple[int, ...], list[int]] = {}
    for word, ids in enumerate(labels):
        found.setdefault(tuple(ids[:-1]), []).append(word)
    return found


def content_free_scores(
    model: Blocks,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Prompt,
    free: Sequence[str] = CONTENT_FREE,
    *,
    per_token: bool = False,
    hide_demonstrations: bool = False,
) -> np.ndarray:
    """Return the label scores (F, classes) of questions that ask nothing: the prompt's own bias.

    Its options must be those of the scores that it is taken from.
    """
    return label_scores(
        model,
        tokenizer,
        prompt,
        free,
        per_token=per_token,
        hide_demonstrations=hide_demonstrations,
    )


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the probability (N, classes) of each label among the labels alone."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def calibrated(scores: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return scores (N, classes) from which the prompt's own bias is taken.

    `free` (F, classes) are the scores of questions that ask nothing; their probabilities are
    averaged. Contextual calibration with a diagonal matrix (Zhao et al. 2021). It sees no label,
    and is no temperature.

    Raises:
        ValueError: the two have another number of classes, or nothing was asked.
    """
    if free.ndim != 2 or len(free) == 0 or free.shape[1] != scores.shape[1]:
        raise ValueError(
            f"expected content-free scores (at least one, {scores.shape[1]} classes), found "
            f"{free.shape}. Score the same prompt with content_free_scores."
        )
    return np.log(probabilities(scores)) - np.log(probabilities(free).mean(axis=0))
