"""Claims: from recorded rows to an effect and a verdict."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from companion.evidence.claims import Claim, judge, read_claims
from companion.evidence.intervals import (
    corrected_difference,
    paired_difference,
    ratio_interval,
    same,
)

CLAIM = Claim(
    "X1", "99", "a beats b", "nobody", "toy",
    better={"arm": "a", "n": 50}, worse={"arm": "b", "n": 50}, metric="AUROC", seeds=5,
)  # fmt: skip


def row(arm: str, seed: int, value: float, **more: object) -> dict:
    """Return a trial as the recorder writes it, in short."""
    spec = {"arm": arm, "n": 50, "seed": seed}
    return {"spec": spec, "status": "ok", "device": "cpu", "scores": {"AUROC": value}} | more


def rows(gap: float, seeds: int = 5) -> list[dict]:
    """Return trials in which a beats b by about `gap`."""
    noise = [0.01, -0.01, 0.02, -0.02, 0.0, 0.5, 0.5][:seeds]
    return [
        row(arm, seed, 0.7 + 0.03 * seed + (gap + noise[seed] if arm == "a" else 0))
        for seed in range(seeds)
        for arm in "ab"
    ]


@pytest.mark.parametrize(
    ("gap", "word"), [(0.1, "supported"), (-0.1, "contradicted"), (0.02, "undecided")]
)
def test_verdicts_follow_from_rows(gap: float, word: str) -> None:
    finding = judge(CLAIM, rows(gap))
    assert finding.verdict == word
    assert finding.effect.mean == pytest.approx(gap)
    assert (finding.seeds, finding.failed, finding.device) == (5, 0, "cpu")
    assert finding.better - finding.worse == pytest.approx(gap)


def test_more_seeds_than_registered_change_nothing() -> None:
    assert judge(CLAIM, rows(0.02, seeds=7)).effect == judge(CLAIM, rows(0.02)).effect


def test_too_few_seeds_are_no_verdict() -> None:
    finding = judge(CLAIM, rows(0.1)[:-1])
    assert (finding.verdict, finding.effect, finding.seeds) == ("not recorded", None, 4)


def test_failed_runs_are_counted_and_left_out() -> None:
    trials = rows(0.1)
    trials[2] |= {"status": "diverged", "scores": {}}
    finding = judge(CLAIM, trials)
    assert (finding.seeds, finding.failed, finding.verdict) == (4, 1, "supported")
    for trial in trials:
        trial["status"] = "oom"
    assert judge(CLAIM, trials).verdict == "undecided"


def test_overlapping_splits_and_families_widen_the_interval() -> None:
    claims = [
        CLAIM,
        Claim(**vars(CLAIM) | {"test_share": 0.25}),
        Claim(**vars(CLAIM) | {"test_share": 0.25, "family": 4}),
    ]
    plain, corrected, family = (judge(claim, rows(0.1)).effect for claim in claims)
    half = plain.high - plain.mean
    assert corrected.high - corrected.mean == pytest.approx(half * np.sqrt(1 + 5 / 3))
    wider = stats.t.ppf(1 - 0.025 / 4, 4) / stats.t.ppf(0.975, 4)
    assert (family.high - family.mean) / (corrected.high - corrected.mean) == pytest.approx(wider)


def test_no_difference_is_judged_from_both_sides() -> None:
    claim = Claim(**vars(CLAIM) | {"no_difference": True, "delta": 0.05})
    words = [judge(claim, rows(gap)).verdict for gap in (0.0, 0.2, -0.2, 0.05)]
    assert words == ["supported", "contradicted", "contradicted", "undecided"]


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.009, 0.009, "supported"), (-0.01, 0.0, "undecided"), (0.0, 0.01, "undecided"),
        (0.01, 0.02, "undecided"), (0.011, 0.02, "contradicted"), (-0.02, -0.011, "contradicted"),
        (-0.02, 0.02, "undecided"),
    ],
)  # fmt: skip
def test_no_difference_at_its_edges(low: float, high: float, word: str) -> None:
    assert same(low, high, 0.01) == word


def test_what_no_machine_here_can_test_says_so() -> None:
    claim = Claim("X2", "99", "large is better", "somewhere", not_tested="needs 1,000 GPUs")
    assert judge(claim, []).verdict == "not tested here"


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(LookupError, match="hold no metric 'AUROC'; they hold F1"):
        judge(CLAIM, [r | {"scores": {"F1": 0.5}} for r in rows(0.1)])


def test_claims_are_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    entry = '[[claim]]\nid = "A"\nlesson = "1"\ntext = "t"\nsource = "s"\n'
    path.write_text(entry)
    assert read_claims(path)[0].delta == 0.01
    path.write_text(entry + "detla = 0.02\n")
    with pytest.raises(ValueError, match="a claim has the wrong fields .*detla"):
        read_claims(path)
    path.write_text(entry + entry)
    with pytest.raises(ValueError, match=r"every id once, found \['A'\] twice"):
        read_claims(path)


def coverage(covers: list[bool]) -> float:
    """Return the share of studies whose interval held the truth, in percent."""
    return 100 * float(np.mean(covers))


@pytest.mark.parametrize("skewed", [False, True])
def test_five_paired_seeds_cover_the_truth(skewed: bool) -> None:
    """2,000 studies of five seeds, whose split makes both arms better or worse together."""
    rng = np.random.default_rng(7)
    covers = []
    for _ in range(2000):
        split = rng.normal(0.75, 0.04, 5)
        own = rng.gamma(4, 0.01, (2, 5)) - 0.04 if skewed else rng.normal(0, 0.02, (2, 5))
        found = paired_difference(split + 0.03 + own[0], split + own[1])
        covers.append(found.low <= 0.03 <= found.high)
    print(f"\ncoverage over 5 paired seeds, {'skewed' if skewed else 'normal'}: {coverage(covers)}")
    assert 93 <= coverage(covers) <= 97


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_re_drawn_overlapping_splits_cover_the_truth(seeds: int) -> None:
    """2,000 studies, each on 440 examples of its own, a quarter of them drawn to test each seed.

    The truth is the gap between two classifiers over all examples that there could be. The plain
    t-interval, which takes the seeds for independent, misses it far too often.
    """
    rng = np.random.default_rng(3)
    covers: dict[str, list[bool]] = {"corrected": [], "plain": []}
    for _ in range(2000):
        hard = rng.normal(size=440)  # what makes an example hard for both
        right = hard[:, None] < np.array([0.9, 0.6]) + rng.normal(0, 0.7, (440, 2))
        tests = [rng.permutation(440)[:110] for _ in range(seeds)]
        a, b = np.array([right[test].mean(axis=0) for test in tests]).T
        truth = np.subtract(*stats.norm.cdf(np.array([0.9, 0.6]) / np.hypot(1, 0.7)))
        for name, found in (
            ("corrected", corrected_difference(a, b, 0.25)),
            ("plain", paired_difference(a, b)),
        ):
            covers[name].append(found.low <= truth <= found.high)
    print(f"\ncoverage, {seeds} splits: { ({n: coverage(c) for n, c in covers.items()}) }")
    assert 93 <= coverage(covers["corrected"]) <= 97
    assert coverage(covers["plain"]) < 85


RATIO = Claim(
    "X2",
    "99",
    "a is twice as fast",
    "nobody",
    "toy",
    better={"arm": "a"},
    metric="AUROC",
    delta=2.0,
)


@pytest.mark.parametrize(
    ("ratios", "word"),
    [([3, 4, 3, 4, 3.5], "supported"), ([1, 1.2, 1.1, 1, 0.9], "contradicted"),
     ([1, 4, 2, 3, 1.5], "undecided")],
)  # fmt: skip
def test_a_claim_of_one_arm_is_about_a_ratio(ratios: list[float], word: str) -> None:
    finding = judge(RATIO, [row("a", seed, value) for seed, value in enumerate(ratios)])
    assert finding.verdict == word
    assert finding.effect.mean == pytest.approx(stats.gmean(ratios))
    assert (finding.better, finding.worse) == (pytest.approx(np.mean(ratios)), None)
    logs = stats.t.interval(0.95, 4, np.log(ratios).mean(), stats.sem(np.log(ratios)))
    assert (finding.effect.low, finding.effect.high) == pytest.approx(tuple(np.exp(logs)))


def test_a_ratio_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected ratios above 0, found 0.0. Pass how many times"):
        ratio_interval(np.array([1.0, 0.0]))
