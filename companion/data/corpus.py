"""Unlabelled text: documents cut into sequences, none of which holds parts of two documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from companion.data.text import Tokens
from companion.data.vision import digest_of

if TYPE_CHECKING:  # importing it takes a second that pictures need not wait for
    from transformers import PreTrainedTokenizerBase

OUTSIDE = -1  # the word of a special token


@dataclass(frozen=True)
class Corpus:
    """Documents without labels; `digest` names the content.

    Raises:
        ValueError: there are none, or one is empty.
    """

    name: str
    texts: tuple[str, ...]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        empty = [i for i, text in enumerate(self.texts) if not text.strip()]
        if empty or not self.texts:
            raise ValueError(
                f"{self.name}: expected documents with text in them, found {len(self.texts)}, of "
                f"which {len(empty)} are empty. Leave the empty ones out."
            )
        object.__setattr__(self, "digest", digest_of(*self.texts))

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Sequences(Tokens):
    """Documents as sequences of tokens: one document gives one sequence or several.

    `words` (total,) numbers the words of each sequence, OUTSIDE for special and unknown tokens;
    `documents` (N,) says which document a sequence is of.
    """

    words: np.ndarray
    documents: np.ndarray


def cut_documents(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, length: int = 128
) -> Sequences:
    """Return documents as sequences of at most `length` tokens, special tokens included.

    A long document is cut into consecutive sequences, and no sequence holds parts of two documents:
    what stands in one says nothing about the next. Sequences in which nothing can be guessed, since
    the tokenizer knows none of it, are left out. `cut` counts the documents of several sequences.

    Raises:
        ValueError: no room beside the special tokens, or less text in all than one sequence.
    """
    special = tokenizer.num_special_tokens_to_add()
    if length <= special:
        raise ValueError(
            f"expected sequences longer than the {special} special tokens that this tokenizer adds "
            f"to each, found {length}. 128 is usual."
        )
    found = tokenizer(
        list(texts), truncation=True, max_length=length, return_overflowing_tokens=True
    )
    words = [
        numbered_words(one.ids, one.word_ids, tokenizer.all_special_ids) for one in found.encodings
    ]
    kept = [i for i, numbers in enumerate(words) if (numbers != OUTSIDE).any()]
    total = sum(len(words[i]) for i in kept)
    if total < length:
        raise ValueError(
            f"expected a corpus of at least one sequence of {length} tokens, found {total} tokens "
            f"in {len(texts)} documents. Add text, or cut it shorter with length."
        )
    documents = np.array(found["overflow_to_sample_mapping"])[kept]
    return Sequences(
        ids=np.concatenate([found["input_ids"][i] for i in kept]).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum([len(words[i]) for i in kept])]),
        pad=tokenizer.pad_token_id or 0,
        vocabulary=len(tokenizer),
        cut=int((np.bincount(documents) > 1).sum()),
        words=np.concatenate([words[i] for i in kept]),
        documents=documents,
    )


def numbered_words(ids: list[int], words: list[int | None], special: list[int]) -> np.ndarray:
    """Return the word (T,) of each token, counted from 0, OUTSIDE for special and unknown ones."""
    word_of = np.array([OUTSIDE if word is None else word for word in words])
    word_of[np.isin(ids, special)] = OUTSIDE
    inside = word_of != OUTSIDE
    if inside.any():
        word_of[inside] -= word_of[inside].min()
    return word_of.astype(np.int32)


def of_equal_size(corpus: Corpus, size: int, measure: Callable[[str], int], seed: int) -> Corpus:
    """Return documents drawn from `corpus` until they measure `size`, such as words or tokens.

    The last document drawn may go beyond it. This makes controls: another domain, as much of it.

    Raises:
        ValueError: the corpus is smaller than `size`.
    """
    order = np.random.default_rng(seed).permutation(len(corpus))
    reached = np.cumsum([measure(corpus.texts[i]) for i in order])
    if reached[-1] < size:
        raise ValueError(
            f"expected {corpus.name} to measure at least {size:,}, found {reached[-1]:,}. Make "
            "the other corpus smaller: a control has to be of equal size."
        )
    drawn = np.sort(order[: int(np.searchsorted(reached, size)) + 1])
    return Corpus(f"{corpus.name}, {size:,}", tuple(corpus.texts[i] for i in drawn))
