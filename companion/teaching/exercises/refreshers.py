"""The exercises of the refreshers: one for each ten-minute part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from companion.teaching.exercise import Exercise, Mistake, compare, ends

_MEANS = np.random.default_rng(0).normal(0.7, 0.05, 1000)
_CASES = (
    {"means": np.arange(1001.0)},
    {"means": np.arange(1001.0)[::-1] ** 2},
    {"means": _MEANS},
)


def _middle(share: float) -> Callable[[np.ndarray], tuple[float, float]]:
    """Return the rule that takes the middle `share` percent."""
    return lambda means: tuple(np.percentile(means, [50 - share / 2, 50 + share / 2]))


_MISTAKES = (
    Mistake(
        _middle(90),
        "You seem to cut 5 % off on each side, which leaves 90 %. Cut 2.5 % off on each side.",
    ),
    Mistake(
        lambda means: (means.min(), means.max()),
        "You seem to return the smallest and the largest mean. They depend on how often you "
        "resampled: more resamples, wider ends. Take the middle 95 %.",
    ),
    Mistake(
        lambda means: tuple(np.percentile(means, [0.025, 0.975])),
        "You seem to ask np.percentile for 0.025 and 0.975. It counts from 0 to 100.",
    ),
    Mistake(
        lambda means: tuple(np.percentile(means, [97.5, 2.5])),
        "You seem to return (high, low). The low end comes first.",
    ),
    Mistake(
        lambda means: (
            means.mean() - 1.96 * means.std() / len(means) ** 0.5,
            means.mean() + 1.96 * means.std() / len(means) ** 0.5,
        ),
        "You seem to divide by the square root of the number of resamples. The resampled means "
        "are spread as the mean itself is; dividing again makes the interval far too narrow.",
    ),
)

EXERCISES = (
    Exercise(
        id="R.1",
        title="The middle 95 %",
        goal="From the means of many resamples, give the ends of the 95 % interval.",
        difficulty="easy",
        minutes=4,
        answer="middle_95",
        shows="an interval by resampling is the middle part of what the resampled means did.",
        hints=(
            "The interval holds 95 % of the resampled means. How much is left over on each side?",
            "np.percentile(means, p) gives the value below which p percent of the means lie.",
            "np.percentile(means, [2.5, 97.5]) gives both ends at once.",
        ),
        verify=lambda answer: compare(answer, _CASES, _middle(95), _MISTAKES, ends),
    ),
)
