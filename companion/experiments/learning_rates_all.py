"""Which peak learning rate suits each arm with all labels? Chosen on validation cells."""

from __future__ import annotations

from companion.experiments import learning_rates, on_elpv
from companion.experiments.learning_rates import run

__all__ = ["ARMS", "DRAWS", "run", "specs"]

ARMS, EPOCHS = ("full", "scratch", "LP-FT"), 4
DRAWS = 1  # the draw of seed 0: with all labels, draws differ less


def specs(seeds: int = DRAWS, profile: str = "cpu") -> list[dict]:
    """Return the three arms that train every block, at every rate, on `seeds` splits."""
    fixed = {"n": "all", "epochs": EPOCHS, "size": on_elpv.SIZES[profile]}
    return [
        {"arm": arm, "rate": rate, "seed": seed} | fixed
        for arm in ARMS
        for rate in learning_rates.RATES
        for seed in range(seeds)
    ]
