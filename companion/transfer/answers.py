"""From the logits of tokens to tags and answers: reading out what a fine-tuned network says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from companion.data.examples import Fetch, Padded
from companion.data.spans import SpanFetch
from companion.data.tags import TagFetch, answers_in_words
from companion.models.blocks import Blocks
from companion.transfer.order import for_scoring

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LONGEST_ANSWER = 30  # tokens
N_BEST = 5


@torch.no_grad()
def predict_tokens(
    model: Blocks, fetch: Fetch, ids: np.ndarray, batch_size: int = 64
) -> list[np.ndarray]:
    """Return the logits (T, outputs) of every token of each of `ids`, in their order."""
    was_training = model.training
    model.eval()
    ids = np.asarray(ids)
    places = for_scoring(ids, fetch.lengths(ids), batch_size)
    out: list[np.ndarray] = []
    for part in places:
        batch = fetch(ids[part])
        logits = model(batch.inputs, start=batch.start).float()
        rows = logits.rows().cpu().split(logits.lengths.tolist())
        out += [row.numpy() for row in rows]
    model.train(was_training)
    return [out[i] for i in np.argsort(np.concatenate(places))]


def predict_tags(model: Blocks, fetch: TagFetch, ids: np.ndarray) -> list[list[str]]:
    """Return the most likely tag of every word of these texts; see `answers_in_words`."""
    logits = predict_tokens(model, fetch, ids)
    return answers_in_words(fetch, ids, [row.argmax(axis=1) for row in logits])


class Candidate(NamedTuple):
    """An answer to a question: its text, its characters in the context, and its score."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Ranked:
    """The best answers to a question, best first, and the score of "there is none"."""

    candidates: tuple[Candidate, ...]
    none: float

    def text(self, margin: float = np.inf) -> str:
        """Return the best answer, or "" if "none" scores higher by more than `margin`.

        Choose `margin` on validation; by default every question has an answer.
        """
        if not self.candidates or self.none - self.candidates[0].score > margin:
            return ""
        return self.candidates[0].text


def predict_answers(
    model: Blocks,
    fetch: SpanFetch,
    questions: np.ndarray,
    *,
    longest: int = LONGEST_ANSWER,
    n_best: int = N_BEST,
) -> list[Ranked]:
    """Return the best answers to these questions, from all windows of each."""
    windows = fetch.windows.of(questions)
    logits = predict_tokens(model, fetch, windows)
    mine = {int(q): [] for q in questions}
    for window, row in zip(windows.tolist(), logits, strict=True):
        mine[int(fetch.windows.question[window])].append((window, row))
    return [
        ranked(fetch, *zip(*mine[int(q)], strict=True), longest=longest, n_best=n_best)
        for q in questions
    ]


def ranked(
    fetch: SpanFetch,
    windows: Sequence[int],
    logits: Sequence[np.ndarray],
    *,
    longest: int = LONGEST_ANSWER,
    n_best: int = N_BEST,
) -> Ranked:
    """Return the best answers to one question from the logits (T, 2) of each of its windows.

    A span that several windows hold counts once, with its best score. "None" scores as the first
    tokens of the window that believes in it least (Devlin et al. 2019).
    """
    context = fetch.asked.contexts[fetch.windows.question[windows[0]]]
    best: dict[tuple[int, int], float] = {}
    for window, row in zip(windows, logits, strict=True):
        characters = fetch.windows.spans(window)
        for score, first, last in best_spans(row, characters[:, 0] >= 0, longest, n_best):
            span = int(characters[first, 0]), int(characters[last, 1])
            best[span] = max(score, best.get(span, -np.inf))
    top = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:n_best]
    found = tuple(Candidate(context[a:b], a, b, score) for (a, b), score in top)
    return Ranked(found, min(float(row[0].sum()) for row in logits))


def choose_margin(
    found: Sequence[Ranked],
    truths: Sequence[Sequence[str]],
    score: Callable[[Sequence[str], Sequence[Sequence[str]]], float],
) -> float:
    """Return the margin of `Ranked.text` with the highest score on validation questions (N,).

    Tried is each margin that changes an answer; of equals the highest, which answers most.

    Raises:
        ValueError: there are no questions.
    """
    if not found:
        raise ValueError(
            "expected validation questions to choose the margin by, found none. Answer some with "
            "predict_answers first; never choose it on the test part."
        )
    leads = {one.none - one.candidates[0].score for one in found if one.candidates}
    margins = [np.inf, *sorted(leads, reverse=True)]
    # A margin just below a question's lead makes its answer "none".
    tried = [m if m == np.inf else float(np.nextafter(m, -np.inf)) for m in margins]
    return max(tried, key=lambda margin: score([one.text(margin) for one in found], truths))


def best_spans(
    logits: np.ndarray, legal: np.ndarray, longest: int = LONGEST_ANSWER, n_best: int = N_BEST
) -> list[tuple[float, int, int]]:
    """Return the `n_best` spans as (score, first, last token), best first.

    The score is the sum of the two logits (T, 2). Both tokens are `legal` (T,), the first is not
    after the last, and a span has at most `longest` tokens.
    """
    scores = logits[:, 0, None] + logits[None, :, 1]  # (T, T): first, last
    allowed = legal[:, None] & legal[None, :]
    allowed &= np.triu(np.tril(np.ones_like(allowed), longest - 1))
    firsts, lasts = np.nonzero(allowed)
    found = scores[firsts, lasts]
    order = np.argsort(-found, kind="stable")[:n_best]
    return [(float(found[i]), int(firsts[i]), int(lasts[i])) for i in order]


@torch.no_grad()
def guess_hidden(
    model: Blocks, tokenizer: PreTrainedTokenizerBase, text: str, best: int = 3
) -> list[list[str]]:
    """Return, for each [MASK] in `text`, the `best` tokens that a masked network would put there.

    Raises:
        ValueError: the text holds no mask token.
    """
    ids = torch.tensor([tokenizer(text)["input_ids"]], device=next(model.parameters()).device)
    places = (ids[0] == tokenizer.mask_token_id).nonzero().flatten()
    if not len(places):
        raise ValueError(
            f"expected {tokenizer.mask_token} in the text, found none: put it where a word is to "
            "be guessed."
        )
    was_training = model.training
    model.eval()
    scores = model(Padded(ids, torch.tensor([ids.shape[1]], device=ids.device))).values[0, places]
    model.train(was_training)
    return [tokenizer.convert_ids_to_tokens(row) for row in scores.topk(best).indices.tolist()]
