"""The checks of the exercises: `check` answers at once, `hint` helps, `progress` sums up.

A lesson writes `check("00.1", majority_baseline)`. Whatever the learner's function does, `check`
answers in words and never raises, so that "Run all" always reaches the end of a lesson.
"""

from __future__ import annotations

import contextlib
import html
import io
from dataclasses import dataclass
from typing import Any

from companion.teaching.exercise import Exercise, NotAttempted, NotYet, untouched
from companion.teaching.exercises import (
    domain_text,
    few_examples,
    fine_tuning,
    fine_tuning_bert,
    own_data,
    refreshers,
    start_here,
    token_heads,
    what_it_knows,
)
from companion.teaching.page import put

PASSED, NOT_YET, NOT_ATTEMPTED = "passed", "not yet", "not attempted yet"
# The word says the state; the colour of the bar only repeats it (Okabe-Ito).
_BARS = {PASSED: "#009E73", NOT_YET: "#D55E00", NOT_ATTEMPTED: "#0072B2"}

_LESSONS = (
    refreshers,
    start_here,
    what_it_knows,
    fine_tuning,
    fine_tuning_bert,
    token_heads,
    domain_text,
    few_examples,
    own_data,
)
EXERCISES: dict[str, Exercise] = {e.id: e for lesson in _LESSONS for e in lesson.EXERCISES}


@dataclass(frozen=True)
class Result:
    """How one answer was judged: the exercise, its state and the text shown to the learner."""

    exercise: str
    state: str  # PASSED, NOT_YET or NOT_ATTEMPTED
    text: str


# What this Python session has seen; a notebook that is started again starts again.
_results: dict[str, Result] = {}
_hints_shown: dict[str, int] = {}


def check(exercise_id: str, answer: Any, *, strict: bool = False) -> float | None:
    """Say whether `answer` solves the exercise, and if not, what it got wrong.

    With `strict`, the form for graders, the points earned are returned: all of the exercise's or
    none. As the last line of a cell they are its result, which is where graders look. No hint is
    offered then. A wrong answer never raises, so that "Run all" reaches the end of a graded
    lesson too.

    Raises: ValueError for an unknown exercise.
    """
    exercise = _find(exercise_id)
    result = judge(exercise, answer, hints=not strict)
    _results[exercise_id] = result
    points = float(exercise.points if result.state == PASSED else 0)
    worth = f"\n{points:g} of {exercise.points} points" if strict else ""
    _say(result.text + worth, _BARS[result.state])
    return points if strict else None


def judge(exercise: Exercise, answer: Any, hints: bool = True) -> Result:
    """Judge `answer` without showing or remembering anything; `hints` says that there are some."""
    help_there = f'; hint("{exercise.id}") helps.' if hints else "."
    if untouched(answer):
        return _result(exercise, NOT_ATTEMPTED, help_there)
    printed = io.StringIO()
    try:
        # Checks call a function many times: what it prints is shown once, with the message. A
        # warning on stderr would cost all points with nbgrader.
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            fault = exercise.verify(answer)
    except NotAttempted:
        return _result(exercise, NOT_ATTEMPTED, help_there)
    except NotYet as message:
        fault = str(message)
    except Exception as error:  # an answer of a kind no check foresaw must not stop the lesson
        fault = (
            f"your answer could not be read ({type(error).__name__}: {error}). Compare what "
            "your function returns with what the stub's docstring asks for."
        )
    if fault is None:
        return _result(exercise, PASSED)
    return _result(exercise, NOT_YET, fault + _last_lines(printed.getvalue()))


def hint(exercise_id: str) -> None:
    """Show the next hint of the exercise; the last one says where the solution is.

    Raises: ValueError for an unknown exercise.
    """
    exercise = _find(exercise_id)
    count = len(exercise.hints)
    shown = min(_hints_shown.get(exercise_id, 0) + 1, count)
    _hints_shown[exercise_id] = shown
    text = f"{exercise_id} hint {shown} of {count}: {exercise.hints[shown - 1]}"
    if shown == count:
        text += "\nThis was the last hint. The solution is folded away below the check."
    _say(text, _BARS[NOT_ATTEMPTED])


def progress(lesson: str = "") -> None:
    """List which exercises this session has passed; `lesson`, such as "00", keeps to one."""
    listed = [e for e in EXERCISES.values() if e.id.startswith(lesson)]
    states = {e.id: _results[e.id].state if e.id in _results else NOT_ATTEMPTED for e in listed}
    passed = sum(state == PASSED for state in states.values())
    lines = [f"{passed} of {len(listed)} exercises passed"]
    lines += [f"{e.id} {e.title}: {states[e.id]}" for e in listed]
    _say("\n".join(lines), _BARS[PASSED if passed == len(listed) else NOT_ATTEMPTED])


def _find(exercise_id: str) -> Exercise:
    if exercise_id not in EXERCISES:
        known = ", ".join(EXERCISES)
        raise ValueError(
            f"Expected the number of an exercise ({known}), found {exercise_id!r}. "
            "Write it as it stands above the stub."
        )
    return EXERCISES[exercise_id]


def _result(exercise: Exercise, state: str, more: str = "") -> Result:
    words = {
        PASSED: f": {exercise.shows}",
        NOT_YET: f": {more}",
        NOT_ATTEMPTED: f". {exercise.goal} Put your code in place of the three dots in "
        f"{exercise.answer} and run both cells again{more}",
    }
    return Result(exercise.id, state, f"{exercise.id} {state}{words[state]}")


def _last_lines(printed: str, keep: int = 5) -> str:
    lines = [line[:200] for line in printed.strip().splitlines()[-keep:]]
    return "\nWhile it was checked, your code printed:\n" + "\n".join(lines) if lines else ""


def _say(text: str, bar: str) -> None:
    style = f"border-left:0.4em solid {bar};padding:0.2em 0.8em;white-space:pre-wrap"
    put(text, f'<div role="status" style="{style}">{html.escape(text)}</div>')
