"""Few-shot learning with pictures: a defect told from 1, 5 or 20 cells of each kind.

The features of a frozen network, and three ways of using them. What teaches and what is asked for
come from different modules.
"""

from __future__ import annotations

import numpy as np

from companion.experiments import on_elpv, on_features
from companion.transfer.fewshot import Episode, draw_episode, nearest_neighbour, nearest_prototype
from companion.transfer.probe import linear_probe

SHOTS = (1, 5, 20)
ARMS = ("prototypes", "nearest neighbour", "linear probe")
QUERIES = 15  # of each class, in an episode
EPISODES = 60  # of a trial
STRENGTH = 0.01
SIZE = on_elpv.SIZES["cpu"]
SEEDS = 10
TEST_SHARE = on_elpv.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return each way at each number of shots; a seed draws the modules and the episodes."""
    return [
        {"arm": arm, "k": k, "seed": seed} for seed in range(seeds) for arm in ARMS for k in SHOTS
    ]


def run(spec: dict) -> dict:
    """Answer the queries of all episodes of a seed; the score is their mean accuracy."""
    split, labels = on_elpv.by_module(spec["seed"]), on_elpv.cells().labels
    seen = on_features.by_block("defects", SIZE)["pool"]
    found = []
    for i in range(EPISODES):
        episode = draw_episode(
            labels,
            split.train,
            ways=2,
            shots=spec["k"],
            queries=QUERIES,
            seed=1000 * spec["seed"] + i,
            ask_from=split.test,
        )
        found.append(score(spec["arm"], episode, seen, labels))
    value = round(float(np.mean(found)), 5)
    return {
        "metric": "accuracy",
        "value": value,
        "scores": {"accuracy": value, "lowest episode": round(min(found), 5)},
        "n_test": len(split.test),
        "split": split.digest,
    }


def score(arm: str, episode: Episode, seen: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of an episode's queries that an arm answers rightly."""
    taught, asked = seen[episode.support], seen[episode.queries]
    known = labels[episode.support]
    if arm == "linear probe":
        answers = linear_probe(taught, known, STRENGTH).predict(asked)
    else:
        way = nearest_prototype if arm == "prototypes" else nearest_neighbour
        answers = way(taught, known, asked)
    return float((answers == labels[episode.queries]).mean())
