"""What should train, with how much data? Untrained, probe, last block, everything, LP-FT, more."""

from __future__ import annotations

from companion.experiments import learning_rates, learning_rates_all, on_elpv
from companion.experiments.rows import current_rows

EPOCHS = {50: 20, 200: 8, "all": 4}  # the same for every arm, so that all see as many cells
CORE = ("linear probe", "last block", "full", "LP-FT", "scratch")
FURTHER = ("discriminative", "gradual", "surgical")
SEEDS = 5


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials: the core arms at 50, 200 and all labels, the further ones at 200.

    The rates chosen at 200 labels serve at 50 as well, for every arm.

    Raises:
        LookupError: the learning rates are not recorded yet.
    """
    plan = [(arm, n) for n in EPOCHS for arm in CORE if not (n == "all" and arm == "last block")]
    plan += [(arm, 200) for arm in FURTHER]
    rates = chosen_rates(profile)
    return [
        {
            "arm": arm,
            "n": n,
            "seed": seed,
            "rate": rates.get((arm, n)),
            "epochs": EPOCHS[n],
            "size": on_elpv.SIZES[profile],
        }
        for arm, n in plan
        for seed in range(seeds)
    ]


def chosen_rates(profile: str) -> dict[tuple[str, int | str], float]:
    """Return the peak rate of every arm that has one, at every number of labels."""
    few = current_rows("learning_rates", profile=profile)
    many = current_rows("learning_rates_all", profile=profile)
    rates = {
        (arm, n): learning_rates.best_rate(few, arm)
        for arm in learning_rates.ARMS
        for n in (50, 200)
    }
    draws = learning_rates_all.DRAWS
    return rates | {
        (arm, "all"): learning_rates.best_rate(many, arm, draws) for arm in learning_rates_all.ARMS
    }


def run(spec: dict) -> dict:
    """Train one arm on one draw of modules and cells; judge it on modules it has not seen."""
    split = on_elpv.by_module(spec["seed"])
    model = on_elpv.train_arm(spec, on_elpv.training_cells(split, spec["n"], spec["seed"]))
    return on_elpv.judged(model, split)
