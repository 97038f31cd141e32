"""Suggestions from recorded comparisons: the nearest decide, ties are called ties."""

from __future__ import annotations

import numpy as np
import pytest

from companion.experiments.arms import ARMS, FULL, PROBE, TOP, WORDS, epochs_for
from companion.experiments.comparisons import METRIC, SETS, Comparison, comparisons, skill_of
from companion.experiments.suggest import FAR, NEAREST, advantage, distance, suggest
from companion.experiments.suggested_arm import RULES, pick, specs


def made_up(
    name: str, n: int, gains: dict[str, float], skill: float = 0.5, kind: str = "texts"
) -> Comparison:
    rng = np.random.default_rng(len(name) + n)
    scores = {arm: 0.6 + gain + 0.01 * rng.normal(size=5) for arm, gain in gains.items()}
    scores[PROBE] = 0.6 + 0.01 * rng.normal(size=5)
    return Comparison(name, name, kind, 2, n, 0.0, skill, scores, dict.fromkeys(scores, 1.0))


NEAR = made_up("near", 100, {WORDS: -0.2, TOP: 0.10, FULL: 0.09})
ALSO = made_up("also", 200, {WORDS: -0.2, TOP: 0.12, FULL: 0.10})
THIRD = made_up("third", 400, {WORDS: -0.2, TOP: 0.08, FULL: -0.10})
AWAY = made_up("away", 50_000, {WORDS: 0.3, TOP: -0.3, FULL: 0.5})
OTHER = made_up("other", 100, {TOP: -0.3, FULL: -0.3}, kind="pictures")


def test_the_nearest_comparisons_of_the_kind_decide() -> None:
    found = suggest("texts", 100, 2, 0.5, [AWAY, THIRD, OTHER, ALSO, NEAR])
    assert found.arm == TOP and found.distance == 0 and found.enough
    first = found.order[0]
    assert [(name, n) for name, n, _ in first.found] == [
        ("near", 100),
        ("also", 200),
        ("third", 400),
    ]
    assert len(first.found) == NEAREST and first.mean == pytest.approx(0.10, abs=0.02)
    assert [a.arm for a in found.order] == [TOP, FULL, PROBE, WORDS]
    assert found.tied == (TOP, FULL)  # on "also" they are not told apart


def test_what_is_not_told_apart_is_tied_and_far_is_not_enough() -> None:
    level = [made_up(f"s{i}", 100 * 2**i, {WORDS: 0.0, TOP: 0.002, FULL: 0.001}) for i in range(3)]
    found = suggest("texts", 100, 2, 0.5, level)
    assert set(found.tied) == set(ARMS["texts"]) and not found.enough
    assert found.tied[0] == WORDS  # cheapest first
    far = suggest("texts", 100, 2, 0.5, [AWAY])
    assert far.distance >= FAR and not far.enough


def test_an_arm_that_was_never_compared_is_not_suggested() -> None:
    few = [made_up("a", 100, {FULL: 0.05}), made_up("b", 200, {FULL: 0.04})]
    assert [a.arm for a in suggest("texts", 100, 2, 0.5, few).order] == [FULL, PROBE]
    with pytest.raises(LookupError, match="expected recorded comparisons on pictures, found none"):
        suggest("pictures", 100, 2, 0.5, few)


def test_distance_counts_in_doublings_of_the_labels() -> None:
    assert distance(NEAR, 100, 2, 0.5) == 0
    assert distance(NEAR, 400, 2, 0.5) == distance(NEAR, 25, 2, 0.5) == 2
    assert distance(NEAR, 100, 8, 0.5) == 1
    assert distance(NEAR, 100, 2, 0.3) == pytest.approx(1)


def test_the_ends_are_the_outermost_of_the_intervals() -> None:
    found = advantage(TOP, PROBE, [NEAR, ALSO, THIRD])
    intervals = [interval for _, _, interval in found.found]
    assert found.low == min(i.low for i in intervals) < found.mean
    assert found.high == max(i.high for i in intervals) > found.mean


def test_skill_is_zero_at_a_guess_and_one_when_perfect() -> None:
    assert skill_of(0.5, 2) == 0 and skill_of(1, 2) == 1 and skill_of(0.1, 2) == 0
    assert skill_of(0.6, 5) == pytest.approx(0.5)


def test_epochs_fall_with_the_square_root_of_the_labels() -> None:
    assert [epochs_for(n) for n in (10, 50, 200, 500, 2000, 8000, 10**6)] == [
        20,
        20,
        10,
        6,
        3,
        2,
        2,
    ]


def test_every_set_of_the_course_is_compared() -> None:
    known = comparisons()
    assert {c.set for c in known} == set(SETS) and len(SETS) == 8
    for c in known:
        assert {PROBE, FULL} <= set(c.scores) and 0 <= c.skill <= 1
        assert all(len(scores) == 5 for scores in c.scores.values()), (c.set, METRIC)
        assert c.classes in (2, 3, 5, 8, 10) and c.n >= 50
    assert {c.set for c in known if c.examples == "cells"} == {"solar cells", "cell types"}


def test_a_set_is_never_suggested_by_itself_or_by_the_same_pictures() -> None:
    known = comparisons()
    cells = next(c for c in known if c.set == "solar cells")
    others = [c for c in known if c.examples != cells.examples]
    assert {c.set for c in others if c.kind == "pictures"} == {"digits"}
    picked = {rule: pick(rule, cells, others) for rule in RULES}
    assert picked["always probe"] == PROBE and picked["always full"] == FULL
    assert picked["best afterwards"] == max(cells.scores, key=lambda a: cells.scores[a].mean())
    assert len(specs(100)) == len(SETS) * len(RULES)
