"""A plan for a learner's own set: it keeps the time, compares fairly, and is followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.splits import Split
from companion.experiments.arms import ARMS, FULL, PROBE, TOP, WORDS, epochs_for
from companion.experiments.own_plan import (
    FEWEST,
    SEEDS,
    SHARE,
    Costs,
    Plan,
    Room,
    label_counts,
    load_plan,
    make_plan,
    room_in,
    save_plan,
)
from companion.experiments.suggest import Advantage, Suggestion

COSTS = {
    WORDS: Costs(0.0, 0.001, 0.0, 0.001),
    PROBE: Costs(1.0, 0.03, 0.0, 0.03),
    TOP: Costs(1.0, 0.03, 0.1, 0.03),
    FULL: Costs(1.0, 0.0, 0.6, 0.03),
}
ORDER = (TOP, FULL, PROBE, WORDS)
SUGGESTED = Suggestion(tuple(Advantage(arm, 0.0, 0.0, 0.0) for arm in ORDER), (TOP, FULL), 0.5)


def planned(seconds: float, labels: list[int], costs: dict[str, Costs] = COSTS) -> Plan:
    return make_plan("mine", 0.5, labels, Room(costs, 100, seconds), SUGGESTED, 600)


def test_much_time_runs_every_arm_and_a_curve() -> None:
    plan = planned(10_000, [400, 200, 100, 50])
    assert plan.seeds == SEEDS[0] and plan.labels == 400 and plan.not_planned == {}
    assert plan.arms == (WORDS, PROBE, TOP, FULL)
    runs = {(t["arm"], t["n"]) for t in plan.trials}
    assert {(PROBE, 100), (PROBE, 200), (TOP, 100), (TOP, 200)} == {r for r in runs if r[1] < 400}
    assert len(plan.trials) == 5 * len(runs)
    assert [t["seed"] for t in plan.trials] == sorted(t["seed"] for t in plan.trials)
    assert {t["epochs"] for t in plan.trials if t["arm"] == TOP} == {
        epochs_for(n) for n in (400, 200, 100)
    }


def test_little_time_leaves_arms_out_and_says_what_they_would_take() -> None:
    plan = planned(300, [400, 200, 100, 50])
    assert plan.arms == (WORDS, PROBE, TOP) and plan.labels == 400
    assert plan.not_planned == {FULL: "would take about 10 more minutes"}
    assert plan.seconds <= 300


def test_less_time_means_fewer_draws_then_another_arm_then_fewer_labels() -> None:
    fewer = planned(160, [400, 200, 100, 50])
    assert fewer.seeds == SEEDS[1] and fewer.arms == (WORDS, PROBE, TOP)
    cheap = planned(90, [400, 200, 100, 50])
    assert cheap.labels == 400 and cheap.arms == (WORDS, PROBE)
    few = planned(45, [400, 200, 100, 50])
    assert few.labels == 200 and few.seeds == SEEDS[1]


def test_no_time_at_all_is_refused_with_what_it_takes() -> None:
    with pytest.raises(
        ValueError, match=r"3 runs of the cheapest arms on 50 labels, about \d+ sec"
    ):
        planned(5, [400, 200, 100, 50])


@settings(deadline=None, max_examples=60)
@given(st.floats(20, 5000), st.integers(40, 20_000), st.sampled_from([0.2, 1.0, 5.0]))
def test_a_plan_fits_its_room_and_compares_on_all_its_labels(
    seconds: float, n: int, slow: float
) -> None:
    costs = {a: Costs(c.load, slow * c.example, slow * c.step, c.asked) for a, c in COSTS.items()}
    labels = label_counts(Split(np.arange(n), np.arange(9), np.arange(9)), 2)
    try:
        plan = planned(seconds, labels, costs)
    except ValueError:
        return
    room = Room(costs, 100, seconds)
    runs = list(dict.fromkeys((t["arm"], t["n"]) for t in plan.trials))
    assert room.taken(runs, plan.seeds) <= seconds
    assert {WORDS, PROBE} <= {arm for arm, size in runs if size == plan.labels}
    assert plan == planned(seconds, labels, costs)
    assert plan.labels in labels and all(size >= min(labels) for _, size in runs)


def test_labels_are_halved_as_long_as_they_mean_something() -> None:
    empty = np.arange(0)
    assert label_counts(Split(np.arange(400), empty, empty), 2) == [400, 200, 100, 50]
    assert label_counts(Split(np.arange(400), empty, empty), 50) == [400, 200, 100]
    assert label_counts(Split(np.arange(30), empty, empty), 2) == [30] and FEWEST == 40


def test_room_keeps_a_tenth_and_the_report_back() -> None:
    split = Split(np.arange(100), np.arange(10_000), np.arange(10_000))
    room = room_in(1000, COSTS, split)
    left = 1000 - 15 - 2 * 1000 * 0.03
    assert room.asked == 1400 and room.seconds == pytest.approx(SHARE * left)


def test_a_plan_is_read_as_it_was_written_and_only_for_its_own_set(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert load_plan(file, "mine") is None
    plan = planned(300, [400, 200, 100, 50])
    save_plan(plan, file)
    assert load_plan(file, "mine") == plan and list(tmp_path.iterdir()) == [file]
    with pytest.raises(
        ValueError, match="the plan of this set, backbone and size, found that of o"
    ):
        load_plan(file, "yours")


def test_arms_stand_cheapest_first() -> None:
    assert ARMS["texts"] == (WORDS, PROBE, TOP, FULL) and ARMS["pictures"] == (PROBE, TOP, FULL)
