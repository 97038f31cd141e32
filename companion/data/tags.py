"""Texts whose words are tagged: aligned with the tokens that a network reads, nothing dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from companion.data.examples import Batch, pad
from companion.data.text import Tokens, padded_tokens, tokenize
from companion.data.vision import digest_of
from companion.device import default_device
from companion.evidence.bio import OUTSIDE, Entity, entities_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # the label that torch's cross-entropy leaves out


@dataclass(frozen=True)
class TaggedTexts:
    """A set of texts as words, each with a BIO tag.

    `words` and `tags` (N,) hold one tuple per text; `groups` (N,) says what may not be split.
    `classes` are the tags that occur or may occur, O first. `digest` names the content.

    Raises:
        ValueError: no texts, lists of different lengths, tags of the wrong length, or a tag that
            is none of the classes.
    """

    name: str
    words: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]
    groups: np.ndarray
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        check_tags(self)
        rows = [
            f"{w}\t{t}"
            for pair in zip(self.words, self.tags, strict=True)
            for w, t in zip(*pair, strict=True)
        ]
        ends = np.cumsum([len(w) for w in self.words])
        object.__setattr__(self, "digest", digest_of(*rows, ends.tobytes()))

    def __len__(self) -> int:
        return len(self.words)


def check_tags(texts: TaggedTexts) -> None:
    """Check tagged texts for what cannot be trained on.

    Raises:
        ValueError: as `TaggedTexts` says.
    """
    lengths = [len(texts.words), len(texts.tags), len(texts.groups)]
    if len(set(lengths)) > 1 or not texts.words:
        raise ValueError(
            f"{texts.name}: expected at least one text, and tags and a group for each, found "
            f"{lengths}. Build all of them from the same rows."
        )
    known = set(texts.classes)
    for i, (words, tags) in enumerate(zip(texts.words, texts.tags, strict=True)):
        if len(words) != len(tags) or not words:
            raise ValueError(
                f"{texts.name}: text {i} has {len(words)} words and {len(tags)} tags, expected at "
                "least one word and a tag for each. Tag words, not sub-words."
            )
        wrong = next((tag for tag in tags if tag not in known), None)
        if wrong is not None:
            raise ValueError(
                f"{texts.name}: text {i} has the tag {wrong!r}, expected one of "
                f"{', '.join(texts.classes)}. Mend the tag or add it to the classes."
            )


@dataclass(frozen=True)
class TagTokens:
    """Tagged texts as tokens: what `Tokens` says, and for each token its label and its word.

    `labels` (total,) is the place of the word's tag in the classes for the first token of a word,
    and IGNORED for its other tokens and for special ones. `words` (total,) is the place of the
    word in its text, -1 for special tokens. `lost` names the entities that the network cannot
    find, as (text, entity), since words of theirs were cut off or have no tokens.
    """

    tokens: Tokens
    labels: np.ndarray
    words: np.ndarray
    lost: tuple[tuple[int, Entity], ...]


def align(texts: TaggedTexts, tokenizer: PreTrainedTokenizerBase, *, cap: int = 64) -> TagTokens:
    """Return the tokens of tagged texts, at most `cap` of each, and their labels.

    Only the first token of a word is labelled, so that a word counts once however many tokens it
    has, and has one answer (Devlin et al. 2019).

    Raises:
        ValueError: as `tokenize` does.
    """
    joined = [" ".join(words) for words in texts.words]
    tokens = tokenize(joined, tokenizer, cap=cap)
    found = tokenizer(joined, truncation=True, max_length=cap, verbose=False)
    number = {tag: i for i, tag in enumerate(texts.classes)}
    labels, places, lost = [], [], []
    for i, (words, tags) in enumerate(zip(texts.words, texts.tags, strict=True)):
        place = word_of_token(found.encodings[i].offsets, words)
        first = (place >= 0) & (np.diff(place, prepend=-1) != 0)
        answers = np.array([number[tag] for tag in tags])
        labels.append(np.where(first, answers[place], IGNORED))
        places.append(place)
        read = set(place.tolist())
        lost += [(i, e) for e in entities_of(tags) if not read.issuperset(range(e.start, e.end))]
    return TagTokens(tokens, np.concatenate(labels), np.concatenate(places), tuple(lost))


def word_of_token(offsets: Sequence[tuple[int, int]], words: Sequence[str]) -> np.ndarray:
    """Return which word (T,) each token belongs to, -1 for special tokens.

    `offsets` (T,) are the tokens' characters in the words joined by single spaces.
    """
    ends = np.cumsum([len(word) + 1 for word in words])
    # The last character: with some tokenizers the first one is the space before the word.
    return np.array([np.searchsorted(ends, e - 1, "right") if e > s else -1 for s, e in offsets])


@dataclass(frozen=True)
class TagFetch:
    """A function from example ids to a batch of padded token ids and labels on the device."""

    texts: TaggedTexts
    tagged: TagTokens
    device: torch.device = field(default_factory=default_device)
    random: bool = False

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return token ids (B, T), padded, and labels (B, T) for ids (B,)."""
        inputs = padded_tokens(self.tagged.tokens, np.asarray(ids), self.device)
        return Batch(inputs, self.targets(ids), ids)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the labels (B, T) of these examples on the device, IGNORED where padded."""
        rows = [torch.from_numpy(row) for row in self.rows(self.tagged.labels, ids)]
        lengths = torch.tensor([len(row) for row in rows])
        return pad(torch.cat(rows), lengths, IGNORED).values.to(self.device)

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of tokens (B,) of these examples."""
        return self.tagged.tokens.lengths[ids]

    def rows(self, flat: np.ndarray, ids: np.ndarray) -> list[np.ndarray]:
        """Return what `flat` (total,) holds for the tokens of each of these examples."""
        starts, ends = self.tagged.tokens.offsets[ids], self.tagged.tokens.offsets[ids + 1]
        return [flat[a:b] for a, b in zip(starts, ends, strict=True)]

    @property
    def digest(self) -> str:
        """Name the content that this serves: part of a cache's fingerprint."""
        return digest_of(self.texts.digest, self.tagged.tokens.digest)


def answers_in_words(fetch: TagFetch, ids: np.ndarray, answers: Sequence[np.ndarray]) -> list:
    """Return a tag for every word of these texts from the classes (T,) that their tokens got.

    A word's first token speaks for it. Words that were cut off, or have no tokens, get O: what
    could not be read counts as not found.
    """
    tags = []
    for i, row, labels, places in zip(
        ids,
        answers,
        fetch.rows(fetch.tagged.labels, ids),
        fetch.rows(fetch.tagged.words, ids),
        strict=True,
    ):
        said = [OUTSIDE] * len(fetch.texts.words[i])
        for token in np.flatnonzero(labels != IGNORED):
            said[places[token]] = fetch.texts.classes[row[token]]
        tags.append(said)
    return tags
