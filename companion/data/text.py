"""Texts: cleaned and labelled, tokenised once into flat ids, handed out in padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from companion.data.examples import Batch, Padded, pad
from companion.data.vision import digest_of
from companion.device import default_device

if TYPE_CHECKING:  # importing it takes a second that pictures need not wait for
    from transformers import PreTrainedTokenizerBase

AT_ONCE = 5000  # texts that are tokenised together


@dataclass(frozen=True)
class Texts:
    """A set of labelled texts.

    `texts` (N,); `labels` (N,) from 0 to len(classes) - 1; `groups` (N,) what may not be split,
    such as near-duplicates; `kinds` (N,) a type to report by, such as the topic; `confidence` (N,)
    how sure the annotators were, nan where that was not recorded. `digest` names the content.

    Raises:
        ValueError: no texts, lists of different lengths, an empty text, one class only, or a label
            outside the range.
    """

    name: str
    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    kinds: np.ndarray
    confidence: np.ndarray
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        check_texts(self)
        object.__setattr__(self, "digest", digest_of(*self.texts, self.labels.tobytes()))

    def __len__(self) -> int:
        return len(self.labels)


def check_texts(texts: Texts) -> None:
    """Check a set of texts for what cannot be trained on.

    Raises:
        ValueError: as `Texts` says.
    """
    others = (texts.labels, texts.groups, texts.kinds, texts.confidence)
    lengths = [len(texts.texts), *map(len, others)]
    if len(set(lengths)) > 1 or not texts.texts:
        raise ValueError(
            f"{texts.name}: expected at least one text, and one label, group, kind and confidence "
            f"for each, found {lengths}. Build all of them from the same rows."
        )
    empty = [i for i, text in enumerate(texts.texts) if not text.strip()]
    if empty:
        raise ValueError(
            f"{texts.name}: text {empty[0]} is empty, and so are {len(empty) - 1} more. There is "
            "nothing to read in them: leave them out, or see why they are empty."
        )
    found = np.unique(texts.labels)
    wrong = [x for x in found if not 0 <= x < len(texts.classes)]
    if wrong:
        raise ValueError(
            f"{texts.name}: label {wrong[0]} is outside the range 0 to {len(texts.classes) - 1} "
            f"of its {len(texts.classes)} classes. Number the labels from 0 without gaps."
        )
    if len(found) < 2:
        raise ValueError(
            f"{texts.name}: expected texts of at least two classes, found one class only: "
            f"{texts.classes[found[0]]!r}. Check how the labels were read."
        )


@dataclass(frozen=True)
class Tokens:
    """Texts as token ids, one after the other: text i is ids[offsets[i] : offsets[i + 1]].

    `ids` (total,) int32, `offsets` (N + 1,). `pad` is the id that fills up a batch, `vocabulary`
    the number of ids that the tokenizer knows, `cut` how many texts were longer than the cap.
    """

    ids: np.ndarray
    offsets: np.ndarray
    pad: int
    vocabulary: int
    cut: int

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens (N,) of each text."""
        return np.diff(self.offsets)

    @property
    def digest(self) -> str:
        """Name the content."""
        return digest_of(self.ids.tobytes(), self.offsets.tobytes())


def tokenize(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, cap: int = 128) -> Tokens:
    """Return the token ids of every text, at most `cap` of each, special tokens included.

    Done once, so that no text is tokenised again in each epoch.

    Raises:
        ValueError: a text is empty, or there is no room for a token beside the special ones.
    """
    special = tokenizer.num_special_tokens_to_add()
    if cap <= special:
        raise ValueError(
            f"expected a cap above the {special} special tokens that this tokenizer adds to each "
            f"text, found {cap}. 64 suits tweets, 128 to 512 longer texts."
        )
    whole: list[np.ndarray] = []
    cut = 0
    for start in range(0, len(texts), AT_ONCE):  # what a tokenizer returns of a text takes 20 kB
        some = list(texts[start : start + AT_ONCE])
        found = tokenizer(some, truncation=True, max_length=cap, verbose=False)
        whole += [np.array(ids, dtype=np.int32) for ids in found["input_ids"]]
        cut += sum(bool(one.overflowing) for one in found.encodings)
    empty = [i for i, ids in enumerate(whole) if len(ids) <= special]
    if empty:
        raise ValueError(
            f"text {empty[0]} has no tokens, and so have {len(empty) - 1} more: it is empty, or "
            "holds nothing that the tokenizer knows. Leave it out."
        )
    offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in whole])])
    return Tokens(
        ids=np.concatenate(whole),
        offsets=offsets,
        pad=tokenizer.pad_token_id,
        vocabulary=len(tokenizer),
        cut=cut,
    )


def padded_tokens(tokens: Tokens, ids: np.ndarray, device: torch.device) -> Padded:
    """Return the token ids (B, T) of the texts `ids` (B,) on a device, padded to the longest."""
    starts, ends = tokens.offsets[ids], tokens.offsets[ids + 1]
    spans = [np.arange(a, b) for a, b in zip(starts, ends, strict=True)]
    rows = torch.from_numpy(tokens.ids[np.concatenate(spans)].astype(np.int64))
    found = pad(rows, torch.from_numpy(ends - starts), tokens.pad)
    return Padded(found.values.to(device), found.lengths.to(device))


@dataclass(frozen=True)
class TextFetch:
    """A function from example ids to a batch of padded token ids on the device."""

    texts: Texts
    tokens: Tokens
    device: torch.device = field(default_factory=default_device)
    random: bool = False

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.tokens.offsets) - 1:
            raise ValueError(
                f"expected the tokens of {self.texts.name}, {len(self.texts)} texts, found those "
                f"of {len(self.tokens.offsets) - 1}. Tokenise the same texts again."
            )

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return token ids (B, T), padded, and labels (B,) for ids (B,)."""
        ids = np.asarray(ids)
        return Batch(padded_tokens(self.tokens, ids, self.device), self.targets(ids), ids)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the labels (B,) of these examples on the device."""
        return torch.from_numpy(self.texts.labels[ids]).to(self.device)

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of tokens (B,) of these examples."""
        return self.tokens.lengths[ids]

    @property
    def digest(self) -> str:
        """Name the content that this serves: part of a cache's fingerprint."""
        return digest_of(self.texts.digest, self.tokens.digest)
