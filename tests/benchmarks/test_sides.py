"""Every side of every row runs, on a few examples, as it does when it is timed."""

from __future__ import annotations

import importlib.util

import pytest

from companion.experiments import beside_peers
from companion.experiments.beside_peers import OURS, ROWS, Row
from tests.benchmarks import side as sides
from tests.benchmarks import tasks, with_companion

FEW = {
    "seed": 0,
    "size": 64,
    "cells": 24,
    "epochs": 1,
    "texts": 24,
    "cap": 64,
    "tokens": 2500,
    "k": 4,
    "asked": 2,
}
UNJUDGED = (
    "first_pictures",
    "later_pictures",
    "training_from_files",
    "first_answer",
    "importing",
)
NEEDED = ("fastai", "lightning", "lm_eval", "setfit")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(
        bool(missing), reason=f"needs the extra `bench`: found no {', '.join(missing)}"
    ),
    # What other libraries call that is deprecated is theirs to mend.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]
EACH = [(row, side) for row in ROWS for side in (OURS, *row.peers)]


@pytest.mark.parametrize(("row", "side"), EACH, ids=[f"{row.way}-{side}" for row, side in EACH])
def test_a_side_of_a_row_measures_what_the_table_shows(row: Row, side: str) -> None:
    found = sides.measure(side, row.settings | FEW | {"arm": row.name, "way": row.way})
    assert found["seconds"] > 0
    assert found["peak memory"] > 10**8
    assert ("accuracy" in found) is (row.way not in UNJUDGED)
    assert 0 <= found.get("accuracy", 0) <= 1
    assert ("waiting" in found) is (row.way == "training_from_files")
    assert 0 <= found.get("waiting", 0) < 1


def test_the_look_of_the_middle_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(with_companion, "importing", lambda spec: {"seconds": next(times)})
    spec = {"way": "importing", "looks": 3}
    assert sides.measure(OURS, spec | {"short": 10})["seconds"] == 2.0
    times = iter([30.0])
    assert sides.measure(OURS, spec | {"short": 10})["seconds"] == 30.0


def test_timed_batches_are_those_of_the_loader() -> None:
    timed = tasks.Timed(range(1, 5))
    assert list(timed) == [1, 2, 3, 4]
    assert len(timed) == 4
    assert len(timed.waits) == 4
    assert list(timed) == [1, 2, 3, 4]  # a second epoch


def test_a_row_runs_all_its_sides_in_processes_of_their_own() -> None:
    row = next(row for row in ROWS if row.way == "strength_sweep")
    spec = row.settings | FEW | {"arm": row.name, "way": row.way, "peers": list(row.peers)}
    found = beside_peers.run(spec)
    scores = found["scores"]
    ratio = scores["seconds, scikit_learn"] / scores["seconds, companion"]
    assert found["value"] == pytest.approx(ratio, abs=1e-3)
    assert found["best peer"] == "scikit_learn"
    # The same features and the same regressions: what is faster is not worse.
    assert scores["accuracy, companion"] == scores["accuracy, scikit_learn"]


def test_a_side_that_fails_says_why() -> None:
    spec = {"arm": "x", "way": "no_such_way", "peers": [], "seed": 0}
    with pytest.raises(RuntimeError, match="(?s)companion failed at .x.: .*no_such_way"):
        beside_peers.measure(OURS, spec)
