"""Exercise 05.1: what tokens hidden as BERT does must look like, within chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from companion.teaching.exercise import NotYet, call, numbers, short

_RATE, _MASK, _VOCABULARY, _IGNORED = 0.15, 3, 5_000, -100
_EVERY = 50  # tokens from one special token to the next
_SIZE = 10_000


def hiding(function: Any) -> str | None:
    """Judge `function(tokens, special, mask, vocabulary, rng) -> (shown, wanted)`."""
    tokens = np.random.default_rng(7).integers(10, _VOCABULARY, size=_SIZE)
    special = np.arange(_SIZE) % _EVERY == 0
    tokens[special] = 1
    first, again, other = (_asked(function, tokens, special, seed) for seed in (0, 0, 1))
    return (
        _shape_fault(tokens, *first)
        or _choice_fault(tokens, special, *first)
        or _kind_fault(tokens, *first)
        or _seed_fault(first, again, other)
    )


def _asked(function: Any, tokens: np.ndarray, special: np.ndarray, seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    found = call(function, tokens, special, _MASK, _VOCABULARY, rng)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise NotYet(f"expected two arrays, shown and wanted, found {short(found)}.")
    return tuple(np.asarray(numbers(part)) for part in found)


def _shape_fault(tokens: np.ndarray, shown: np.ndarray, wanted: np.ndarray) -> str | None:
    if shown.shape == tokens.shape == wanted.shape:
        return None
    return (
        f"of {len(tokens):,} tokens came {shown.shape} shown and {wanted.shape} wanted. Return "
        "one number per token in both; wanted is -100 where no guess is due."
    )


def _choice_fault(
    tokens: np.ndarray, special: np.ndarray, shown: np.ndarray, wanted: np.ndarray
) -> str | None:
    """Check which tokens are to be guessed, and that the others are left alone."""
    chosen = wanted != _IGNORED
    if chosen.mean() > 0.9:
        return (
            "wanted holds an answer for every token. The loss would mostly ask to copy what is "
            "seen: put -100 wherever nothing is to be guessed."
        )
    if (chosen & special).any() or (shown[special] != tokens[special]).any():
        return (
            "special tokens were hidden. They stand at every text's ends, and to guess them "
            "teaches nothing: leave out where special is True."
        )
    if (wanted[chosen] != tokens[chosen]).any():
        return (
            "wanted does not hold what stood there. Was tokens changed before it was read? Hide "
            "in a copy: shown = tokens.copy()."
        )
    if (shown != tokens)[~chosen].any():
        return "tokens were changed that nobody asks for. Change only where wanted is not -100."
    return _share_fault(chosen[~special].mean(), len(tokens) - special.sum())


def _share_fault(share: float, n: int) -> str | None:
    if _within(share, _RATE, n):
        return None
    if _within(share, _RATE * 0.8, n) or _within(share, _RATE * 0.9, n):
        return (
            f"{share:.3f} of the tokens are to be guessed; expected 0.15. It seems that those that "
            "were swapped or left alone are missing in wanted: they are guessed too."
        )
    return f"{share:.3f} of the tokens are to be guessed; expected about 0.15."


def _kind_fault(tokens: np.ndarray, shown: np.ndarray, wanted: np.ndarray) -> str | None:
    """Check what became of the chosen tokens: 80 % masked, 10 % swapped, 10 % left."""
    chosen = wanted != _IGNORED
    n = int(chosen.sum())
    masked = float((shown[chosen] == _MASK).mean())
    left = float((shown[chosen] == tokens[chosen]).mean())
    swapped = 1 - masked - left
    if _within(masked, 0.8, n) and _within(left, 0.1, n) and _within(swapped, 0.1, n):
        return _swap_fault(shown[chosen & (shown != _MASK) & (shown != tokens)])
    said = f"of the chosen tokens {masked:.2f} are masked, {swapped:.2f} swapped, {left:.2f} left"
    if masked > 0.99:
        cause = "No later text holds mask tokens: some have to be swapped or left alone."
    elif _within(masked, 0.8, n) and _within(swapped, 0.02, n):
        cause = "10 % of what the mask left over is 2 % of all: both 10 % are of all chosen ones."
    elif _within(left, 0.2, n):
        cause = "None is swapped for another token."
    elif _within(swapped, 0.2, n):
        cause = "None is left as it was, so the network learns never to trust a word that it sees."
    else:
        cause = "Use one second draw for all three: below 0.8, from 0.8 to 0.9, above."
    return f"{said}; expected 0.80, 0.10 and 0.10. {cause}"


def _swap_fault(swapped: np.ndarray) -> str | None:
    if len(np.unique(swapped)) > 0.7 * len(swapped):
        return None
    return (
        f"{len(swapped)} tokens were swapped for {len(np.unique(swapped))} different ones. Draw "
        "each from the whole vocabulary: rng.integers(vocabulary, size=how_many)."
    )


def _seed_fault(first: tuple, again: tuple, other: tuple) -> str | None:
    """Check that `rng` alone decides."""
    if not all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        return "the same rng gave two results: draw from rng, not from np.random."
    if np.array_equal(first[1], other[1]):
        return (
            "another rng chose the same tokens. In every epoch others should be hidden: draw from "
            "rng."
        )
    return None


def _within(share: float, expected: float, n: int) -> bool:
    """Tell whether a share of `n` draws is within four standard deviations of what is expected."""
    return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
