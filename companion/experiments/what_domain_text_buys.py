"""What does reading the domain first buy in labels? Four encoders' worth of arms on definitions."""

from __future__ import annotations

from contextlib import suppress

from companion.experiments import domain_rates, fitted_domains, on_domains
from companion.experiments.rows import current_rows

SIZES = (50, 200, 1000)
FITTED = ("majority", "length", *fitted_domains.WORDS, *fitted_domains.ENCODERS)
SEEDS = 5
TEST_SHARE = on_domains.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return probes and baselines at all sizes, and each encoder fine-tuned at its own rate."""
    fitted = [
        {"how": "fitted", "task": domain_rates.TASK, "arm": arm, "n": n, "seed": seed}
        for seed in range(seeds)
        for arm in FITTED
        for n in SIZES
    ]
    rows = current_rows("domain_rates", profile=profile)
    tuned = []
    for arm in domain_rates.ARMS:
        with suppress(LookupError):
            rate = domain_rates.best_rate(rows, arm)
            tuned += [
                {"how": "tuned", "arm": arm, "n": n, "rate": rate, "seed": seed}
                for seed in range(seeds)
                for n in SIZES
            ]
    return fitted + tuned


def run(spec: dict) -> dict:
    """Make one arm of one draw of labels; judge it on definitions that it has not seen."""
    if spec["how"] == "fitted":
        return fitted_domains.judged(spec)
    split = on_domains.split_of(domain_rates.TASK, spec["seed"])
    model = domain_rates.tuned(spec, on_domains.encoder(spec["arm"], spec["seed"]))
    value = domain_rates.score(model, split.test)
    return {
        "metric": "macro-F1",
        "value": value,
        "validation": domain_rates.score(model, split.validation),
        "scores": {"macro-F1": value},
        "n_test": len(split.test),
        "split": split.digest,
    }
