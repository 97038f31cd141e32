"""Questions whose answers are spans of a text, cut into windows that a network can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from companion.data.examples import Batch
from companion.data.text import Tokens, padded_tokens
from companion.data.vision import digest_of
from companion.device import default_device

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]  # characters start to end - 1 of a context


@dataclass(frozen=True)
class Questions:
    """A set of questions, each with a context and the spans of it that answer.

    `questions`, `contexts` and `answers` (N,); `answers` holds all spans that are right, none where
    the context holds no answer. `groups` (N,) says what may not be split, `kinds` (N,) a type to
    report by. `digest` names the content.

    Raises:
        ValueError: no questions, lists of different lengths, an empty question or context, or an
            answer outside its context.
    """

    name: str
    questions: tuple[str, ...]
    contexts: tuple[str, ...]
    answers: tuple[tuple[Span, ...], ...]
    groups: np.ndarray
    kinds: np.ndarray
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        check_questions(self)
        spans = [str(spans) for spans in self.answers]
        object.__setattr__(self, "digest", digest_of(*self.questions, *self.contexts, *spans))

    def __len__(self) -> int:
        return len(self.questions)

    def truths(self, ids: np.ndarray) -> list[list[str]]:
        """Return the texts of all right answers to each of these questions."""
        return [[self.contexts[i][a:b] for a, b in self.answers[i]] for i in ids]


def taken(asked: Questions, ids: np.ndarray) -> Questions:
    """Return some of the questions, in the order of `ids`."""
    return Questions(
        asked.name,
        *(tuple(column[i] for i in ids) for column in (asked.questions, asked.contexts)),
        tuple(asked.answers[i] for i in ids),
        asked.groups[ids],
        asked.kinds[ids],
    )


def check_questions(asked: Questions) -> None:
    """Check a set of questions for what cannot be trained on.

    Raises:
        ValueError: as `Questions` says.
    """
    columns = (asked.questions, asked.contexts, asked.answers, asked.groups, asked.kinds)
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1 or not asked.questions:
        raise ValueError(
            f"{asked.name}: expected at least one question, and a context, answers, group and kind "
            f"for each, found {lengths}. Build all of them from the same rows."
        )
    for i in range(len(asked)):
        if not asked.questions[i].strip() or not asked.contexts[i].strip():
            raise ValueError(
                f"{asked.name}: question {i} or its context is empty, expected text in both. Leave "
                "it out."
            )
        size = len(asked.contexts[i])
        wrong = next((s for s in asked.answers[i] if not 0 <= s[0] < s[1] <= size), None)
        if wrong:
            raise ValueError(
                f"{asked.name}: the answer to question {i} is characters {wrong[0]} to "
                f"{wrong[1] - 1}, which are not in its context of {size} characters. Count "
                "characters from 0, in the context as it is given here."
            )


def located(context: str, answer: str, start: int) -> Span:
    """Return the span of an answer that stands at character `start` of its context.

    Raises:
        ValueError: something else stands there.
    """
    found = context[start : start + len(answer)]
    if start < 0 or found != answer or not answer:
        place = context.find(answer) if answer else -1
        hint = f"It stands at {place}." if place >= 0 else "It stands nowhere in it."
        raise ValueError(
            f"expected the answer {answer!r} at character {start} of its context, found {found!r}. "
            f"{hint} Give the context as it was when the answers were marked."
        )
    return start, start + len(answer)


@dataclass(frozen=True)
class Windows:
    """Questions and parts of their contexts as tokens: what `Tokens` says, and for each window

    `question` (W,) which question it asks, `targets` (W, 2) the first and last token of the first
    answer that is whole in it, both 0 where none is. For each token, `characters` (total, 2) are
    its span in the context, -1 for those of the question and special ones.

    `lost` names the questions that have answers, none of them whole in a window, and `inexact`
    those whose answer begins or ends within a token, so that the tokens make another text of it.
    """

    tokens: Tokens
    question: np.ndarray
    targets: np.ndarray
    characters: np.ndarray
    lost: tuple[int, ...]
    inexact: tuple[int, ...]

    def of(self, questions: np.ndarray) -> np.ndarray:
        """Return the windows of these questions."""
        return np.flatnonzero(np.isin(self.question, questions))

    def spans(self, window: int) -> np.ndarray:
        """Return the characters (T, 2) of each token of one window."""
        return self.characters[self.tokens.offsets[window] : self.tokens.offsets[window + 1]]


def cut_windows(
    asked: Questions, tokenizer: PreTrainedTokenizerBase, *, cap: int = 192, stride: int = 64
) -> Windows:
    """Return windows of at most `cap` tokens; two neighbours share `stride` tokens of the context.

    An answer of no more than `stride` tokens is whole in at least one of them.

    Raises:
        ValueError: a question leaves no room for its context.
    """
    check_room(asked, tokenizer, cap, stride)
    found = tokenizer(
        list(asked.questions),
        list(asked.contexts),
        truncation="only_second",
        max_length=cap,
        stride=stride,
        return_overflowing_tokens=True,
        verbose=False,
    )
    question = np.array(found["overflow_to_sample_mapping"])
    characters = [context_characters(encoding) for encoding in found.encodings]
    targets = np.zeros((len(question), 2), dtype=np.int64)
    whole, inexact = set(), set()
    for window, (i, spans) in enumerate(zip(question.tolist(), characters, strict=True)):
        held = ((tokens_of(spans, a, b), (a, b)) for a, b in asked.answers[i])
        place, answer = next(((p, answer) for p, answer in held if p), (None, None))
        if place is not None:  # of several right answers the first that is whole in the window
            targets[window] = place
            whole.add(i)
            if (spans[place[0], 0], spans[place[1], 1]) != answer:
                inexact.add(i)
    rows = found["input_ids"]
    tokens = Tokens(
        ids=np.concatenate(rows).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]),
        pad=tokenizer.pad_token_id,
        vocabulary=len(tokenizer),
        cut=len(rows) - len(asked),
    )
    lost = [i for i, spans in enumerate(asked.answers) if spans and i not in whole]
    return Windows(
        tokens, question, targets, np.concatenate(characters), tuple(lost), tuple(sorted(inexact))
    )


def check_room(asked: Questions, tokenizer: PreTrainedTokenizerBase, cap: int, stride: int) -> None:
    """Check that every question leaves room for new tokens of its context in each window.

    Raises:
        ValueError: one does not.
    """
    special = tokenizer.num_special_tokens_to_add(pair=True)
    distinct = list(dict.fromkeys(asked.questions))
    ids = tokenizer(distinct, add_special_tokens=False, verbose=False)["input_ids"]
    length, question = max((len(row), text) for row, text in zip(ids, distinct, strict=True))
    if length + special + stride >= cap:
        raise ValueError(
            f"the question {question[:60]!r} has {length} tokens: with {special} special ones and "
            f"a stride of {stride} nothing new of its context fits into a window of {cap}. Use a "
            "larger cap, a smaller stride or a shorter question."
        )


def context_characters(encoding: object) -> np.ndarray:
    """Return the span (T, 2) of each token in the context, -1 where it is not of the context."""
    pairs = zip(encoding.offsets, encoding.sequence_ids, strict=True)
    return np.array([span if part == 1 and span[1] > span[0] else (-1, -1) for span, part in pairs])


def tokens_of(spans: np.ndarray, start: int, end: int) -> Span | None:
    """Return the first and last token whose characters cover start to end - 1, None if none do."""
    real = np.flatnonzero(spans[:, 0] >= 0)
    inside = real[(spans[real, 1] > start) & (spans[real, 0] < end)]
    if not inside.size:
        return None
    first, last = int(inside[0]), int(inside[-1])
    # At the edge of a window the answer may go on outside; white space at its ends has no token.
    before = first > real[0] or spans[first, 0] <= start
    after = last < real[-1] or spans[last, 1] >= end
    return (first, last) if before and after else None


def recovered(asked: Questions, windows: Windows, window: int, span: Sequence[int]) -> str:
    """Return the text of the context from the first to the last token of `span` in a window."""
    characters = windows.spans(window)
    context = asked.contexts[windows.question[window]]
    return context[characters[span[0], 0] : characters[span[1], 1]]


@dataclass(frozen=True)
class SpanFetch:
    """A function from windows to a batch of padded token ids and targets on the device."""

    asked: Questions
    windows: Windows
    device: torch.device = field(default_factory=default_device)
    random: bool = False

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return token ids (B, T), padded, and first and last tokens (B, 2) for windows (B,)."""
        inputs = padded_tokens(self.windows.tokens, np.asarray(ids), self.device)
        return Batch(inputs, self.targets(ids), ids)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the first and last token (B, 2) of the answer in these windows on the device."""
        return torch.from_numpy(self.windows.targets[ids]).to(self.device)

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of tokens (B,) of these windows."""
        return self.windows.tokens.lengths[ids]

    @property
    def digest(self) -> str:
        """Name the content that this serves: part of a cache's fingerprint."""
        return digest_of(self.asked.digest, self.windows.tokens.digest)
