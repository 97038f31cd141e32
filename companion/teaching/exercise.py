"""What an exercise is, and how a learner's function is called without stopping the notebook."""

from __future__ import annotations

import copy
import dis
import importlib
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# What an exercise is worth when it is graded.
_POINTS = {"easy": 1, "medium": 2, "hard": 3}
# The whole bytecode of a body that is only a docstring, `...`, `pass` or `return ...`.
_QUIET = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


class NotAttempted(Exception):
    """The answer is still the stub."""


class NotYet(Exception):
    """The answer is wrong; the text says to the learner what was tried and what came out."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: what it asks, how hard it is, its hints and how an answer is judged."""

    id: str  # "00.1": lesson, then number
    title: str
    goal: str
    difficulty: str  # in words
    minutes: int
    answer: str  # the name the stub defines
    shows: str  # what a right answer has shown
    hints: tuple[str, ...]
    verify: Callable[[Any], str | None]  # None for right, else (or by NotYet) a message

    @property
    def lesson(self) -> str:
        """The number of its lesson, "R" for the refreshers."""
        return self.id.split(".")[0]

    @property
    def points(self) -> int:
        """What a right answer is worth when it is graded: 1 if easy, 2 medium, 3 hard."""
        return _POINTS[self.difficulty]


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong rule: what it would return, and how to say so to whoever wrote it."""

    rule: Callable[..., Any]
    cause: str


def later(module: str, name: str) -> Callable[[Any], str | None]:
    """Return the check `name` of a module of exercises, imported when an answer is judged.

    For checks that need torch or scikit-learn, which take seconds to import.
    """

    def verify(answer: Any) -> str | None:
        found = importlib.import_module(f"companion.teaching.exercises.{module}")
        return getattr(found, name)(answer)

    return verify


def untouched(answer: object) -> bool:
    """Tell whether `answer` is still the stub (or a variable still None or `...`)."""
    if answer is None or answer is Ellipsis:
        return True
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    steps = list(dis.get_instructions(code))
    return all(step.opname in _QUIET for step in steps) and all(
        step.argval is None or step.argval is Ellipsis
        for step in steps
        if step.opname in {"LOAD_CONST", "RETURN_CONST"}
    )


def call(function: Any, *arguments: Any) -> Any:
    """Call the learner's function on copies of `arguments` and return what it returns.

    Raises: NotAttempted if the stub's `...` or NotImplementedError is still in the way; NotYet,
    in the learner's language, if it is no function, stops with an error or returns nothing.
    """
    value = act(function, *copy.deepcopy(arguments))
    if value is None:
        raise NotYet(
            f"called with ({listed(arguments)}), your function returned None. Does every path "
            "end in `return`? Printing a value does not return it."
        )
    return value


def act(function: Any, *arguments: Any) -> Any:
    """Call the learner's function on these very arguments, which it may change; None is fine.

    Raises: as `call` does, except that a function may return nothing.
    """
    if not callable(function):
        raise NotYet(
            f"expected your function, found {short(function)} ({kind(function)}). Hand over the "
            "function itself, without brackets after its name."
        )
    try:
        value = function(*arguments)
    except NotImplementedError:
        raise NotAttempted from None
    except (Exception, SystemExit) as error:
        raise NotYet(_told(function, error, arguments)) from error
    if value is Ellipsis:
        raise NotAttempted
    return value


def _told(function: Any, error: Exception, arguments: Sequence[Any]) -> str:
    """Say which error stopped the learner's function, where, and what it was called with."""
    name = getattr(function, "__name__", "your function")
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == home]
    if frames:
        line = f" (`{frames[-1].line}`)" if frames[-1].line else ""
        where = f"at line {frames[-1].lineno} of its cell{line}"
    else:
        where = "as it was called: keep the parameters of the stub, in their order"
    return (
        f"{name} stopped with {type(error).__name__}: {error} {where}. "
        f"It was called with ({listed(arguments)})."
    )


def compare(
    function: Any,
    cases: Sequence[Mapping[str, Any]],
    right: Callable[..., Any],
    mistakes: Sequence[Mistake],
    read: Callable[[Any], Any],
) -> str | None:
    """Return None if `function` equals `right` on all cases, else a message with a likely cause.

    Each case maps the function's parameter names, in order, to values; `read` turns what came
    back into a number, a tuple of numbers or a string, raising NotYet where it cannot. A cause is
    named only if its rule gives the learner's result on every case.
    """
    got = [read(call(function, *case.values())) for case in cases]
    wanted = [right(*case.values()) for case in cases]
    wrong = [i for i in range(len(cases)) if not same(got[i], wanted[i])]
    if not wrong:
        return None
    cause = "Work this case out by hand, then print the steps of your function for it."
    for mistake in mistakes:
        if all(same(g, mistake.rule(*c.values())) for g, c in zip(got, cases, strict=True)):
            cause = mistake.cause
            break
    first = wrong[0]
    tried = ", ".join(f"{name} = {short(value)}" for name, value in cases[first].items())
    return (
        f"for {tried} your function returned {short(got[first])}; expected "
        f"{short(wanted[first])}. {cause}"
    )


def same(left: Any, right: Any) -> bool:
    """Tell whether two results agree: words exactly, numbers within 0.0001."""
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    return np.shape(left) == np.shape(right) and np.allclose(left, right, rtol=0, atol=1e-4)


def number(value: Any) -> float:
    """Read one number out of what a learner's function returned.

    Raises: NotYet if it is a bool, text, several numbers or not a finite number.
    """
    if isinstance(value, (bool, np.bool_, str)) or np.size(value) != 1:
        raise NotYet(f"expected one number, found {short(value)} ({kind(value)}).")
    try:
        found = float(np.asarray(value).item())
    except (TypeError, ValueError):
        raise NotYet(f"expected one number, found {short(value)} ({kind(value)}).") from None
    if not math.isfinite(found):
        raise NotYet(f"expected a finite number, found {found}. Was something divided by zero?")
    return found


def ends(value: Any) -> tuple[float, float]:
    """Read (low, high) out of what a learner's function returned.

    Raises: NotYet if it is anything but two finite numbers.
    """
    if isinstance(value, (str, dict, set)) or np.shape(value) != (2,):
        raise NotYet(f"expected two numbers, (low, high), found {short(value)}.")
    return number(value[0]), number(value[1])


def numbers(value: Any) -> Any:
    """Read an array, a tensor or a list of finite numbers, as a number or nested tuples.

    Raises: NotYet if it is anything else.
    """
    if hasattr(value, "detach"):  # a tensor that may remember how it was computed
        value = value.detach().cpu().numpy()
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        found = None
    if found is None or isinstance(value, (bool, np.bool_, str, bytes)):
        raise NotYet(f"expected an array of numbers, found {short(value)} ({kind(value)}).")
    if not np.isfinite(found).all():
        raise NotYet(f"expected finite numbers, found {short(value)}. Was something divided by 0?")
    return _nested(found.tolist())


def _nested(values: Any) -> Any:
    return tuple(map(_nested, values)) if isinstance(values, list) else values


def kind(value: Any) -> str:
    """Name the type of `value`, with its shape for an array."""
    shape = f" of shape {value.shape}" if hasattr(value, "shape") else ""
    return type(value).__name__ + shape


def short(value: Any) -> str:
    """Write `value` in at most about 80 characters."""
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.4g}"
    if isinstance(value, np.ndarray):
        if value.ndim > 2 or value.size > 24:
            return f"an array of shape {value.shape}"
        value = value.tolist()
    if isinstance(value, (list, tuple)) and len(value) <= 24:
        ends = "[]" if isinstance(value, list) else "()"
        return ends[0] + ", ".join(short(item) for item in value) + ends[1]
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def listed(arguments: Sequence[Any]) -> str:
    """Write the arguments of a call."""
    return ", ".join(short(argument) for argument in arguments)
