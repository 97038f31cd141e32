"""What was recorded of the same arms on different sets: what suggestions are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from companion.evidence.claims import of_arm, values
from companion.experiments import arms, on_domains, on_elpv, on_tweets, which_arm
from companion.experiments.arms import FULL, PROBE, TOP, WORDS
from companion.experiments.rows import current_rows

METRIC = "macro-F1"
_CELLS = 1605  # cells that train where all do: the mean over the splits
# A set: the examples it is made of, its kind, classes and share for testing; the numbers of labels
# as the specifications have them; of each arm, the experiment and the rest of the specification.
_SETS = {
    "solar cells": (
        ("cells", "pictures", 2, on_elpv.TEST_SHARE),
        {50: 50, 200: 200, _CELLS: "all"},
        {
            PROBE: ("what_to_train", {"arm": "linear probe"}),
            TOP: ("what_to_train", {"arm": "last block"}),
            FULL: ("what_to_train", {"arm": "full"}),
        },
    ),
    "tweets": (
        ("tweets", "texts", 3, on_tweets.TEST_SHARE),
        {n: n for n in (100, 500, 2000, 8000)},
        {
            WORDS: ("what_labels_buy", {"arm": "TF-IDF"}),
            PROBE: ("what_labels_buy", {"arm": "linear probe"}),
            TOP: ("parts_of_bert", {"arm": "last two blocks"}),
            FULL: ("what_labels_buy", {"arm": "full"}),
        },
    ),
    "definitions": (
        ("definitions", "texts", 8, on_domains.TEST_SHARE),
        {n: n for n in (50, 200, 1000)},
        {
            WORDS: ("what_domain_text_buys", {"how": "fitted", "arm": "TF-IDF"}),
            PROBE: ("what_domain_text_buys", {"how": "fitted", "arm": "base"}),
            FULL: ("what_domain_text_buys", {"how": "tuned", "arm": "base"}),
        },
    ),
}
_OTHERS = {"digits": 10, "cell types": 2, "news": 5, "reviews": 2, "licences": 5}  # classes
SETS = (*_SETS, *which_arm.SETS)


@dataclass(frozen=True)
class Comparison:
    """The arms on one set with one number of labels, seed by seed.

    `examples` names what the set is made of, which two sets may share; `skill` says how far the
    probe is from guessing, on its validation part: 0 is a guess, 1 is perfect. `scores` (J,) and
    median `seconds` are by arm.
    """

    set: str
    examples: str
    kind: str
    classes: int
    n: int
    test_share: float
    skill: float
    scores: dict[str, np.ndarray] = field(repr=False)
    seconds: dict[str, float] = field(repr=False)


def comparisons(*, profile: str = "cpu") -> list[Comparison]:
    """Return every comparison that is recorded of both the probe and the whole network."""
    names = {experiment for _, _, where in plans().values() for experiment, _ in where.values()}
    rows = {name: current_rows(name, profile=profile) for name in names}
    return [found for name in SETS for found in of_set(name, rows)]


def plans() -> dict[str, tuple]:
    """Return where the trials of each set stand: as in `_SETS`, those of `which_arm` too."""
    found = dict(_SETS)
    for name, classes in _OTHERS.items():
        kind = which_arm.kind_of(name)
        examples = "cells" if name == "cell types" else name
        where = {arm: ("which_arm", {"set": name, "arm": arm}) for arm in arms.ARMS[kind]}
        sizes = {n: n for n in which_arm.SIZES}
        found[name] = ((examples, kind, classes, which_arm.TEST_SHARE), sizes, where)
    return found


def of_set(name: str, rows: dict[str, list[dict]]) -> Iterator[Comparison]:
    """Yield the comparisons of one set among recorded rows by experiment."""
    (examples, kind, classes, share), sizes, where = plans()[name]
    for n, said in sizes.items():
        trials = {
            arm: of_arm(rows[experiment], part | {"n": said})
            for arm, (experiment, part) in where.items()
        }
        trials = {arm: found for arm, found in trials.items() if complete(found)}
        if not {PROBE, FULL} <= set(trials):
            continue
        seeds = range(which_arm.SEEDS)
        chosen = float(np.mean([trials[PROBE][seed]["validation"] for seed in seeds]))
        yield Comparison(
            set=name,
            examples=examples,
            kind=kind,
            classes=classes,
            n=n,
            test_share=share,
            skill=skill_of(chosen, classes),
            scores={arm: values(found, seeds, METRIC) for arm, found in trials.items()},
            seconds={
                arm: float(np.median([found[seed]["seconds"] for seed in seeds]))
                for arm, found in trials.items()
            },
        )


def complete(trials: dict[int, dict]) -> bool:
    """Say whether an arm's trials of the first seeds are all there, and none failed."""
    return all(trials.get(seed, {}).get("status") == "ok" for seed in range(which_arm.SEEDS))


def skill_of(score: float, classes: int) -> float:
    """Return how far a score is from guessing one of the classes: 0 is a guess, 1 is perfect."""
    return max(0.0, (score - 1 / classes) / (1 - 1 / classes))
