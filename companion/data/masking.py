"""What a language model learns from: hidden tokens to guess, or the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from companion.data.corpus import OUTSIDE, Sequences
from companion.data.examples import Batch, Padded, pad
from companion.data.tags import IGNORED
from companion.data.text import padded_tokens
from companion.data.vision import digest_of
from companion.device import default_device

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FIXED = 2**31  # stands for an epoch: the masks under which a held-out loss is measured


@dataclass(frozen=True)
class Masking:
    """How tokens are hidden (Devlin et al. 2019).

    A share `rate` of them is to be guessed. Of those `masked` become the mask token, `random`
    another token, and the rest stay as they are. With `whole_words` all tokens of a word are hidden
    together.

    Raises:
        ValueError: a share is out of range.
    """

    rate: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    whole_words: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(
                f"expected a masking rate above 0 and below 1, found {self.rate}: with 0 there is "
                "nothing to guess, with 1 nothing to guess from. 0.15 is usual."
            )
        if min(self.masked, self.random) < 0 or self.masked + self.random > 1:
            raise ValueError(
                f"expected shares of masked and random tokens that add up to at most 1, found "
                f"{self.masked} and {self.random}."
            )


@dataclass(frozen=True)
class MaskedFetch:
    """A function from sequence ids to hidden tokens and what stood there.

    What is hidden depends on the seed, the epoch and the sequence alone. Without an epoch it is
    always the same, so that two networks can be compared.
    """

    sequences: Sequences
    mask: int  # the id that hides a token
    special: np.ndarray  # ids that never replace one
    masking: Masking = field(default_factory=Masking)
    seed: int = 0
    device: torch.device = field(default_factory=default_device)
    random: bool = True

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return token ids (B, T), some hidden, and what stood there (B, T), else IGNORED."""
        ids = np.asarray(ids)
        shown, wanted = zip(*(self.hide(int(i), epoch) for i in ids), strict=True)
        lengths = torch.from_numpy(self.lengths(ids))
        inputs = pad(torch.from_numpy(np.concatenate(shown)), lengths, self.sequences.pad)
        targets = pad(torch.from_numpy(np.concatenate(wanted)), lengths, IGNORED).values
        on_device = Padded(inputs.values.to(self.device), inputs.lengths.to(self.device))
        return Batch(on_device, targets.to(self.device), ids)

    def hide(self, i: int, epoch: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens (T,) of a sequence with some of them hidden, and those, else IGNORED.

        At least one is hidden, as in BERT's own code.
        """
        place = slice(self.sequences.offsets[i], self.sequences.offsets[i + 1])
        tokens = self.sequences.ids[place].astype(np.int64)
        words = self.sequences.words[place]
        rng = np.random.default_rng((self.seed, FIXED if epoch is None else epoch, i))
        unit = words if self.masking.whole_words else np.arange(len(words))
        luck = rng.random(len(words))[unit]
        luck[words == OUTSIDE] = 1.0
        chosen = luck < max(self.masking.rate, luck.min() + 1e-12)
        wanted = np.where(chosen, tokens, IGNORED)
        kind = rng.random(len(tokens))
        other = self.ordinary[rng.integers(len(self.ordinary), size=len(tokens))]
        tokens[chosen & (kind < self.masking.masked)] = self.mask
        swapped = (kind >= self.masking.masked) & (kind < self.masking.masked + self.masking.random)
        return np.where(chosen & swapped, other, tokens), wanted

    def one_by_one(self, i: int) -> Batch:
        """Return a sequence as often as it has tokens that may be hidden, each hidden once."""
        place = slice(self.sequences.offsets[i], self.sequences.offsets[i + 1])
        tokens = torch.from_numpy(self.sequences.ids[place].astype(np.int64))
        places = torch.from_numpy(np.flatnonzero(self.sequences.words[place] != OUTSIDE))
        rows, times = torch.arange(len(places)), len(places)
        inputs, wanted = tokens.repeat(times, 1), torch.full((times, len(tokens)), IGNORED)
        inputs[rows, places] = self.mask
        wanted[rows, places] = tokens[places]
        lengths = torch.full((times,), len(tokens))
        shown = Padded(inputs.to(self.device), lengths.to(self.device))
        return Batch(shown, wanted.to(self.device), np.full(times, i))

    @cached_property
    def ordinary(self) -> np.ndarray:
        """The ids of all tokens that are not special."""
        return np.setdiff1d(np.arange(self.sequences.vocabulary), self.special)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return what the fixed masks hide (B, T), else IGNORED."""
        return self(ids).targets

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of tokens (B,) of these sequences."""
        return self.sequences.lengths[ids]

    @property
    def digest(self) -> str:
        """Name the content that this serves."""
        return digest_of(self.sequences.digest, f"{self.mask} {self.masking} {self.seed}")


@dataclass(frozen=True)
class NextTokenFetch:
    """A function from sequence ids to their tokens and, as targets, the token after each."""

    sequences: Sequences
    device: torch.device = field(default_factory=default_device)
    random: bool = False

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        """Return token ids (B, T) and the next ones (B, T), IGNORED at each sequence's end."""
        ids = np.asarray(ids)
        inputs = padded_tokens(self.sequences, ids, self.device)
        following = torch.roll(inputs.values, -1, dims=1)
        places = torch.arange(following.shape[1], device=self.device)
        following[places >= inputs.lengths[:, None] - 1] = IGNORED
        return Batch(inputs, following, ids)

    def targets(self, ids: np.ndarray) -> torch.Tensor:
        """Return the next tokens (B, T)."""
        return self(ids).targets

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of tokens (B,) of these sequences."""
        return self.sequences.lengths[ids]

    @property
    def digest(self) -> str:
        """Name the content that this serves."""
        return self.sequences.digest


def masked_fetch(
    sequences: Sequences,
    tokenizer: PreTrainedTokenizerBase,
    *,
    masking: Masking | None = None,
    seed: int = 0,
    device: torch.device | None = None,
) -> MaskedFetch:
    """Return a fetch that hides tokens of `sequences`, which come from `tokenizer`.

    Raises:
        ValueError: the tokenizer has no mask token.
    """
    if tokenizer.mask_token_id is None:
        raise ValueError(
            "expected a tokenizer with a mask token, found none: its network guesses the next "
            "token instead. Use NextTokenFetch, or a network such as BERT."
        )
    return MaskedFetch(
        sequences,
        tokenizer.mask_token_id,
        np.array(sorted(tokenizer.all_special_ids)),
        masking or Masking(),
        seed,
        device or default_device(),
    )
