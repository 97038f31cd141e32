"""Exercise 05.5: a perplexity per token, by which two vocabularies cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, compare, number

Losses = Sequence[np.ndarray]  # for each text, the losses of its tokens, in nats


def _losses(*rows: str) -> list[np.ndarray]:
    return [np.array(list(map(float, row.split()))) for row in rows]


_CASES = (  # made up; letters are easier to guess than pieces, and more of them are needed
    {
        "losses": _losses("2.5 1 1.5 2 2.5 0.5", "2.5 1.5 1.5 2.5 2 1 1 2 2 0.5"),
        "texts": ["an eye", "no red eye"],
    },
    {
        "losses": _losses("2 6 1.5", "5 5.5 4.5 0.5"),  # an e ##ye, no red e ##ye
        "texts": ["an eye", "no red eye"],
    },
    {
        "losses": _losses("5 2.5", "5 4.5 4 1 1 3 4.5"),  # sk ##in, dry red sk ##in of one arm
        "texts": ["skin", "dry red skin of one arm"],
    },
)


def _nats(losses: Losses) -> float:
    return float(sum(loss.sum() for loss in losses))


def _words(text: str) -> int:
    return len(text.split())


def _per(units: Callable[[list[str]], int]) -> Callable[..., float]:
    """Return the perplexity per whatever `units` counts in the texts."""
    return lambda losses, texts: float(np.exp(_nats(losses) / units(texts)))


def _by_text(losses: Losses, texts: list[str]) -> np.ndarray:
    """Return the nats per word (N,) of each text."""
    return np.array([loss.sum() / _words(t) for loss, t in zip(losses, texts, strict=True)])


_perplexity = _per(lambda texts: sum(map(_words, texts)))
_TOKENS = (
    "You seem to average within each text over its tokens, then over texts. Two mistakes: the "
    "cutting decides, and a short text counts as much as a long one."
)
_LETTERS = (
    "You seem to divide by letters. That is comparable, too: the cutting cannot change them. But "
    "words were asked for."
)
_MISTAKES = (
    Mistake(
        lambda losses, texts: np.exp(np.concatenate(losses).mean()),
        "That is still the bug: it averages over tokens. Who cuts a text finer makes more guesses, "
        "and easier ones. Divide by something that the cutting cannot change.",
    ),
    Mistake(
        lambda losses, texts: np.mean([np.exp(loss.mean()) for loss in losses]),
        _TOKENS,
    ),
    Mistake(lambda losses, texts: np.exp(np.mean([loss.mean() for loss in losses])), _TOKENS),
    Mistake(
        lambda losses, texts: np.exp(_by_text(losses, texts)).mean(),
        "You seem to take a perplexity of each text, then their mean. One odd text outweighs all "
        "others there: add up nats and words first. exp comes last.",
    ),
    Mistake(
        lambda losses, texts: np.exp(_by_text(losses, texts).mean()),
        "You seem to average the texts' nats per word. A word of a short text then counts more "
        "than one of a long text: divide the nats of all texts by the words of all texts.",
    ),
    Mistake(
        lambda losses, texts: (
            np.exp(np.concatenate(losses).mean()) * sum(map(len, losses)) / sum(map(_words, texts))
        ),
        "You seem to multiply the perplexity by tokens per word. Losses add up, so that factor "
        "belongs to the loss, inside exp.",
    ),
    Mistake(
        lambda losses, texts: np.log(_perplexity(losses, texts)),
        "You seem to return nats per word. A perplexity is exp of that.",
    ),
    Mistake(
        lambda losses, texts: 1 / _perplexity(losses, texts),
        "You seem to return a chance, below 1. A loss is minus a logarithm already: no other "
        "minus is needed.",
    ),
    Mistake(
        lambda losses, texts: 2 ** np.log(_perplexity(losses, texts)),
        "You seem to raise 2 to the loss. Nats are natural logarithms: use np.exp.",
    ),
    Mistake(_per(len), "You seem to divide by the number of texts. Divide by that of words."),
    Mistake(
        _per(lambda texts: len(set(" ".join(texts).split()))),
        "You seem to count equal words once. Each time that a word stands there, it is guessed.",
    ),
    Mistake(_per(lambda texts: sum(map(len, texts))), _LETTERS),
    Mistake(_per(lambda texts: len("".join("".join(texts).split()))), _LETTERS),
)


def comparing(function: Any) -> str | None:
    """Judge `function(losses, texts) -> perplexity`."""
    return compare(function, _CASES, _perplexity, _MISTAKES, number)
