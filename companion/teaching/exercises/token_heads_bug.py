"""Exercise 04.5: windows chosen by the answer, windows for questions, and one right answer only."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from companion.evidence.answers import normalised
from companion.teaching.exercise import Mistake, compare, number

Window = tuple[int, str, float, bool]  # question, best answer in it, its score, holds a right one

_CASES = (
    {
        "windows": [
            (0, "The Codehaus", 7.0, True),
            (0, "the Codehaus", 3.0, True),
            (0, "Version 2", 2.0, False),
            (1, "Red Hat, Inc.", 4.0, True),
            (1, "Raleigh", 6.0, False),  # the surest window is wrong
            (2, "Doug Lea", 5.0, True),
            (2, "friends", 1.0, True),  # it holds the answer, and another one is found
            (3, "Sun", 1.0, False),  # its answer is in no window
            (4, "Ann Lee", 8.0, True),
        ],
        "truths": {
            0: ["Codehaus", "The Codehaus Foundation"],
            1: ["Red Hat, Inc."],
            2: ["D. Lea", "Doug Lea"],  # the second one is as right
            3: ["Oracle"],
            4: ["Ann Lee"],
        },
    },
    {
        "windows": [
            (0, "a", 1.0, False),
            (0, "the W3C", 9.0, True),
            (1, "Bob", 2.0, True),
            (1, "bob.", 1.0, True),
            (1, "Carol", 5.0, False),
            (2, "x.org", 3.0, True),
            (2, "x.org", 2.0, True),
            (3, "X", 1.0, False),
        ],
        "truths": {0: ["MIT", "W3C"], 1: ["Carol Ann", "Bob"], 2: ["X.Org"], 3: ["Y"]},
    },
)


def matches(
    windows: list[Window],
    truths: dict[int, list[str]],
    *,
    holding: str = "",
    each_window: bool = False,
    first: bool = False,
) -> float:
    """Return the exact match that an evaluation would report, with the mistakes given.

    `holding` keeps only windows that hold a right answer; questions without one are then left
    out ("skip") or count as wrong ("zero").
    """
    rows = [w for w in windows if w[3] or not holding]
    if each_window:
        return _mean(_equal(w, truths[w[0]], first) for w in rows)
    found = []
    for question, right in truths.items():
        mine = [w for w in rows if w[0] == question]
        if mine:
            found.append(_equal(max(mine, key=lambda w: w[2]), right, first))
        elif holding != "skip":
            found.append(False)
    return _mean(found)


def _equal(window: Window, truths: list[str], first: bool) -> bool:
    return any(normalised(window[1]) == normalised(t) for t in truths[: 1 if first else None])


def _mean(values: Iterable[bool]) -> float:
    return float(np.mean(list(values)))


_HOLDING = (
    "Only windows that hold the answer are asked. Tomorrow nobody knows which these are: of all "
    "windows of a question take the one with the highest score, and count every question."
)
_EACH = "You seem to score windows. Score questions, each once: a long text has many windows."
_FIRST = "Only the first right answer counts. Compare with all of them."


def _rule(wrong: dict[str, Any]) -> Any:
    return lambda *case: matches(*case, **wrong)


def _mistakes() -> list[Mistake]:
    """Return a cause for every mixture of the three mistakes."""
    found = []
    for holding, each, first in product(("zero", "skip", ""), (True, False), (True, False)):
        made = ((_HOLDING, holding), (_EACH, each), (_FIRST, first))
        causes = [cause for cause, there in made if there]
        if causes:
            words = {
                1: causes[0],
                2: f"Two are left. {' '.join(causes)}",
                3: "That is still the bug, with all three mistakes in it.",
            }
            wrong = {"holding": holding, "each_window": each, "first": first}
            found.append(Mistake(_rule(wrong), words[len(causes)]))
    return found


def evaluating(function: Any) -> str | None:
    """Judge `function(windows, truths) -> exact match`."""
    return compare(function, _CASES, matches, _mistakes(), number)
