"""Exercises 04.3 and 04.4: decoding a span, and the network against a pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, NotYet, compare, ends, kind, numbers, short

# 04.3 --------------------------------------------------------------------------------------------


def _scores(seed: int, context: str, longest: int, *peaks: tuple[str, int, float]) -> dict:
    """Return a case: a context as a row of . and x (x is its text), and peaks in the scores."""
    rng = np.random.default_rng(seed)
    scores = {side: np.round(rng.normal(0, 0.5, len(context)), 2) for side in ("starts", "ends")}
    for side, place, height in peaks:
        scores[side][place] = height
    return scores | {"context": [mark == "x" for mark in context], "longest": longest}


_SPAN_CASES = (
    # The best end stands before the best start.
    _scores(0, "....xxxxxx.", 4, ("starts", 7, 4.0), ("ends", 5, 4.0), ("ends", 8, 3.0)),
    # A token of the question scores highest.
    _scores(1, "....xxxxxx.", 4, ("starts", 1, 6.0), ("ends", 2, 6.0), ("starts", 4, 3.0)),
    # The best two are legal, but too far apart; one more token would be too long as well.
    _scores(2, "...xxxxxxxx.", 3, ("starts", 3, 4.0), ("ends", 9, 4.0), ("ends", 6, 3.5)),
    # The best start has no good end after it.
    _scores(3, "...xxxxxxx.", 4, ("starts", 8, 3.0), ("starts", 4, 2.5), ("ends", 5, 4.0)),
    # An answer of one token.
    _scores(4, "...xxxxx.", 1, ("starts", 5, 5.0), ("ends", 5, 2.0), ("ends", 6, 4.0)),
    # Both scores are below zero everywhere: a product would turn them round.
    {
        "starts": np.array([-1.0, -2.0, -6.0, -3.0, -9.0]),
        "ends": np.array([-1.0, -5.0, -2.5, -8.0, -7.0]),
        "context": [False, True, True, True, True],
        "longest": 3,
    },
)

Rule = Callable[..., tuple[float, float]]


def _decoded(
    starts: np.ndarray,
    last: np.ndarray,
    context: list[bool],
    longest: int,
    *,
    anywhere: bool = False,
    score: Callable[[float, float], float] = lambda a, b: a + b,
) -> tuple[float, float]:
    """Return the best legal pair, or with the mistakes given."""
    places = range(len(starts))
    legal = [
        (a, b)
        for a in places
        for b in places
        if 0 <= b - a < longest and (anywhere or (context[a] and context[b]))
    ]
    best = max(legal, key=lambda pair: score(starts[pair[0]], last[pair[1]]))
    return float(best[0]), float(best[1])


def _apart(starts: Any, last: Any, context: Any, longest: int) -> tuple[float, float]:
    """Take the best start and the best end of the context, each for itself."""
    inside = np.where(context, 0.0, -np.inf)
    return float(np.argmax(starts + inside)), float(np.argmax(last + inside))


def _greedy(starts: Any, last: Any, context: Any, longest: int) -> tuple[float, float]:
    """Take the best start, then the best end that may follow it."""
    first, _ = _apart(starts, last, context, longest)
    ok = [b for b in range(int(first), len(last)) if context[b] and b - first < longest]
    return first, float(max(ok, key=lambda b: last[b]))


_SPAN_MISTAKES = (
    Mistake(
        lambda s, e, c, n: (float(np.argmax(s)), float(np.argmax(e))),
        "You seem to take the best start and the best end, each for itself, and in the question "
        "too. Score pairs, and only pairs that may be given.",
    ),
    Mistake(
        _apart,
        "You seem to choose start and end apart from each other: the end may then stand before "
        "the start. Score pairs.",
    ),
    Mistake(
        _greedy,
        "You seem to fix the best start first, then an end for it. A second-best start with a good "
        "end can score higher: try all pairs.",
    ),
    Mistake(
        lambda s, e, c, n: _decoded(s, e, c, n, anywhere=True),
        "Your answer may stand in the question, or be a special token. Only tokens of the context "
        "may answer.",
    ),
    Mistake(
        lambda s, e, c, n: _decoded(s, e, c, len(s)),
        "Your answer is longer than longest allows.",
    ),
    Mistake(
        lambda s, e, c, n: _decoded(s, e, c, n + 1),
        "Your answer may have one token too many: from first to last it counts both ends.",
    ),
    Mistake(
        lambda s, e, c, n: _decoded(s, e, c, n, score=lambda a, b: a * b),
        "You seem to multiply the scores. They are logits, some below zero: add them.",
    ),
    Mistake(
        lambda s, e, c, n: (
            _decoded(s, e, c, n)[0],
            _decoded(s, e, c, n)[1] + 1,
        ),
        "Your second number is one past the answer. Return the last token itself.",
    ),
)


def decoding(function: Any) -> str | None:
    """Judge `function(starts, ends, context, longest) -> (first, last)`."""
    return compare(function, _SPAN_CASES, _decoded, _SPAN_MISTAKES, ends)


# 04.4 --------------------------------------------------------------------------------------------


def _questions(seed: int, patterns: tuple[float, ...], best_on_test: int) -> dict:
    """Return a case of 24 test and 30 training questions; one pattern is luckier on the test."""
    rng = np.random.default_rng(seed)
    train = np.stack([rng.random(30) < p for p in patterns]).astype(float)
    test = np.stack([rng.random(24) < p for p in patterns]).astype(float)
    test[best_on_test] = np.maximum(test[best_on_test], test.max(axis=0))
    hard = rng.random(24) < 0.3  # what is hard for one is hard for all
    test[:, hard] *= rng.random((len(patterns), hard.sum())) < 0.3
    exact = np.where(hard, rng.random(24) < 0.2, rng.random(24) < 0.9).astype(float)
    return {
        "network": {"exact match": exact, "token F1": np.maximum(exact, rng.random(24).round(2))},
        "on_train": train,
        "on_test": test,
        "draws": rng.integers(0, 24, (300, 24)),
    }


_PAIR_CASES = (_questions(1, (0.5, 0.9, 0.6), 2), _questions(2, (0.95, 0.4), 1))


def _compared(
    network: dict,
    on_train: np.ndarray,
    on_test: np.ndarray,
    draws: np.ndarray,
    *,
    score: str = "exact match",
    by_test: bool = False,
    unpaired: bool = False,
    sign: int = 1,
    tails: float = 2.5,
) -> tuple[float, float, float]:
    """Return the difference and its ends, or with the mistakes given."""
    chosen = on_test[np.argmax((on_test if by_test else on_train).mean(axis=1))]
    mine = np.asarray(network[score])
    theirs = draws[::-1] if unpaired else draws
    means = sign * (mine[draws].mean(axis=1) - chosen[theirs].mean(axis=1))
    low, high = np.percentile(means, [tails, 100 - tails])
    return float(sign * (mine.mean() - chosen.mean())), float(low), float(high)


def _rule(**wrong: Any) -> Rule:
    return lambda *case: _compared(*case, **wrong)


_PAIR_MISTAKES = (
    Mistake(
        _rule(by_test=True),
        "The pattern seems to be chosen on the test questions. It would win by luck: choose it on "
        "the training questions.",
    ),
    Mistake(
        _rule(score="token F1"),
        "You seem to compare the network's token F1 with the pattern's exact match. Use one score "
        "for both.",
    ),
    Mistake(
        _rule(sign=-1),
        "That is the pattern minus the network. The name says it the other way round.",
    ),
    Mistake(
        _rule(tails=5.0),
        "Your interval leaves out 5 % at each end, which is a 90 % interval. For 95 % it is 2.5 %.",
    ),
)
_UNPAIRED = (
    "The interval is not that of pairs: you seem to draw questions for the network and others for "
    "the pattern. Take the difference of each question first, then draw."
)


def comparing(function: Any) -> str | None:
    """Judge `function(network, on_train, on_test, draws) -> (difference, low, high)`."""
    mistakes = [*_PAIR_MISTAKES, Mistake(_rule(unpaired=True), _UNPAIRED)]
    return compare(function, _PAIR_CASES, _compared, mistakes, _three)


def _three(value: Any) -> Any:
    if isinstance(value, (str, dict, set)) or np.shape(value) != (3,):
        raise NotYet(
            f"expected three numbers, (difference, low, high), found {short(value)} "
            f"({kind(value)})."
        )
    return numbers(value)
