"""Exercise R.1: gradient descent written out, and the ways to step wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from companion.teaching.exercise import Mistake, NotYet, compare, numbers

Loss = Callable[[torch.Tensor], torch.Tensor]


def bowl(w: torch.Tensor) -> torch.Tensor:
    """Return a loss that is smallest, 0, where both weights are 0; the lesson defines it too."""
    return w[0] ** 2 + 3 * w[1] ** 2


def tilted_bowl(w: torch.Tensor) -> torch.Tensor:
    """Return another loss, whose slope at the start differs."""
    return bowl(w) + w[0] - 2 * w[0] * w[1]


def gradient(w: torch.Tensor, loss_of: Loss) -> torch.Tensor:
    """Return the gradient of loss_of at w; w itself is left as it is."""
    at = w.detach().clone().requires_grad_(True)
    return torch.autograd.grad(loss_of(at), at)[0]


def descend(
    w: torch.Tensor,
    loss_of: Loss,
    rate: float,
    steps: int,
    *,
    adds_up: bool = False,
    once: bool = False,
) -> Any:
    """Return w after descent; `adds_up` never clears the gradient, `once` never renews it."""
    w = w.detach().clone()
    first, total = gradient(w, loss_of), torch.zeros_like(w)
    for _ in range(steps):
        new = first if once else gradient(w, loss_of)
        total = total + new if adds_up else new
        w = w - rate * total
    return numbers(w)


_MISTAKES = (
    Mistake(
        lambda w, loss_of, rate, steps: descend(w, loss_of, -rate, steps),
        "You seem to add the gradient. It points to where the loss grows: subtract it.",
    ),
    Mistake(
        lambda *case: descend(*case, adds_up=True),
        "You seem never to clear the gradient. backward() adds to w.grad, so the second step also "
        "takes the first gradient: set w.grad = None after each step.",
    ),
    Mistake(
        lambda *case: descend(*case, once=True),
        "You seem to compute the gradient once and use it for every step. The slope is another "
        "one after each step: call backward() inside the loop.",
    ),
    Mistake(
        lambda w, loss_of, rate, steps: descend(w, loss_of, 1 / rate, steps),
        "You seem to divide by the rate. A small rate means a small step: multiply.",
    ),
    Mistake(
        lambda w, loss_of, rate, steps: descend(w, loss_of, 1.0, steps),
        "You seem to leave out the rate. The step is rate times the gradient.",
    ),
    Mistake(
        lambda w, loss_of, rate, steps: descend(w, loss_of, rate, 1),
        "You seem to stop after one step. Is `return` inside the loop?",
    ),
    Mistake(
        lambda w, loss_of, rate, steps: numbers(w),
        "That is w as it was given. backward() computes the gradient; the step is yours to take.",
    ),
)
# What PyTorch says to those who step outside torch.no_grad(), or make w anew.
_ERRORS = {
    "a leaf Variable that requires grad": "A step is not part of the loss: take it inside "
    "`with torch.no_grad():`, so that autograd does not record it.",
    "does not require grad": "`w = w - ...` under no_grad makes a new tensor, which remembers "
    "nothing. Change w in place: w -= ...",
    "'NoneType'": "Is backward() called first? And `w = w - ...` makes a new tensor, whose .grad "
    "stays None: change w in place, w -= ..., inside `with torch.no_grad():`.",
}


def _cases() -> tuple[dict[str, Any], ...]:
    plans = (([2.0, 1.0], bowl, 0.1, 2), ([2.0, 1.0], bowl, 0.1, 1), ([-1.0, 0.5], bowl, 0.05, 4))
    tilted = ([0.5, -1.0], tilted_bowl, 0.02, 3)
    return tuple(
        {"w": torch.tensor(w, requires_grad=True), "loss_of": f, "rate": rate, "steps": steps}
        for w, f, rate, steps in (*plans, tilted)
    )


def verify(function: Any) -> str | None:
    """Judge `function(w, loss_of, rate, steps) -> tensor`."""
    try:
        return compare(function, _cases(), descend, _MISTAKES, numbers)
    except NotYet as message:
        causes = [cause for said, cause in _ERRORS.items() if said in str(message)]
        if not causes:
            raise
        raise NotYet(f"{message} {causes[0]}") from message
