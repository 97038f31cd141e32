"""An experiment that takes a moment: it stands in for one of an hour in the recorder's tests."""

import time

SEEDS, PAUSE = 12, 0.15


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return the trials."""
    return [{"arm": "a", "seed": seed} for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Return the seed as the score; seed 3 diverges and seed 4 needs too much memory."""
    time.sleep(PAUSE)
    if spec["seed"] == 3:
        raise FloatingPointError("the loss is no number")
    if spec["seed"] == 4:
        raise MemoryError("too large")
    return {"metric": "score", "value": value(spec), "scores": {"score": value(spec)}}


def value(spec: dict) -> float:
    """Return the score of a trial."""
    return float(spec["seed"])
