"""What should train, with how much data? Untrained, probe, last block, everything, LP-FT, more."""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import learning_rates, learning_rates_all, on_elpv
from companion.experiments.rows import current_rows

EPOCHS = {50: 20, 200: 8, "all": 4}  # the same for every arm, so that all see as many cells
CORE = ("linear probe", "full", "scratch", "LP-FT", "last block")
FURTHER = ("discriminative", "gradual", "surgical")
SEEDS = 5


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials: the core arms at 50, all and 200 labels, the further ones at 200.

    The rates chosen at 200 labels serve at 50 as well, for every arm. An arm whose rates are not
    recorded yet is left out until they are.
    """
    plan = [(arm, n) for n in (50, "all", 200) for arm in CORE]
    plan.remove(("last block", "all"))
    rates = chosen_rates(profile) | {("linear probe", n): None for n in EPOCHS}
    return [
        {
            "arm": arm,
            "n": n,
            "seed": seed,
            "rate": rates[arm, n],
            "epochs": EPOCHS[n],
            "size": on_elpv.SIZES[profile],
        }
        for arm, n in plan + [(arm, 200) for arm in FURTHER]
        for seed in range(seeds)
        if (arm, n) in rates
    ]


def chosen_rates(profile: str) -> dict[tuple[str, int | str], float]:
    """Return the peak rate of every arm at every number of labels, where it is recorded."""
    rates: dict[tuple[str, int | str], float] = {}
    for source, sizes in ((learning_rates, (50, 200)), (learning_rates_all, ("all",))):
        rows = current_rows(source.__name__.rpartition(".")[2], profile=profile)
        for arm in source.ARMS:
            with suppress(LookupError):
                rate = learning_rates.best_rate(rows, arm, source.DRAWS)
                rates |= {(arm, n): rate for n in sizes}
    return rates


def run(spec: dict) -> dict:
    """Train one arm on one draw of modules and cells; judge it on modules it has not seen."""
    split = on_elpv.by_module(spec["seed"])
    model = on_elpv.train_arm(spec, on_elpv.training_cells(split, spec["n"], spec["seed"]))
    return on_elpv.judged(model, split)
