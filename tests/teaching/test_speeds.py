"""The tables on speed say what the recorded trials say."""

import pytest

from companion.evidence.claims import Claim, judge
from companion.teaching import speeds

ARM = "ten epochs of a new head"
CLAIM = Claim(
    "S0", "speed", "heads", "ours", "beside_peers", {"arm": ARM}, None, "times faster", delta=15.0
)


def row(seed: int, ratio: float) -> dict:
    scores = {
        "times faster": ratio,
        "seconds, companion": 1.0,
        "seconds, trainer": ratio,
        "waiting, trainer": 0.25,
        "accuracy, companion": 0.8,
        "accuracy, trainer": 0.8 - 0.01 * seed,
        "accuracy, companion minus best peer": 0.01 * seed,
        "peak memory, companion": 2**30,
    }
    return {
        "spec": {"arm": ARM, "seed": seed},
        "status": "ok",
        "device": "cpu",
        "scores": scores,
        "best peer": "trainer" if seed else "pytorch",
    }


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    found = [row(seed, 20.0 + seed) for seed in range(5)]
    monkeypatch.setattr(speeds, "rows_or_none", lambda name, profile: found)
    return found


def test_the_table_of_speeds_holds_ratio_goal_verdict_and_accuracy(trials: list[dict]) -> None:
    table = speeds.speeds_table([judge(CLAIM, trials)])
    line = table.strip().splitlines()[-1]
    assert line.startswith("| **S0** | heads | 22 [20")
    assert "| 15 | supported | trainer | 0.020 [0.000, 0.040] |" in line


def test_a_row_that_is_not_recorded_says_so() -> None:
    line = speeds.speeds_table([judge(CLAIM, [])]).strip().splitlines()[-1]
    assert "| not recorded | 15 | not recorded |" in line


def test_the_table_of_sides_names_each_side_once() -> None:
    lines = speeds.sides_table().strip().splitlines()
    first = next(line for line in lines if line.startswith(f"| {ARM}"))
    assert first == f"| {ARM} | companion | 1 | 0.8 |  | 1 GiB |  |"
    assert "|  | trainer | 22 | 0.78 | 0.020 [0.000, 0.040] |  | 25 % |" in lines
    assert "|  | fastai |  |  |  |  |  |" in lines


def test_a_row_without_trials_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speeds, "rows_or_none", lambda name, profile: [])
    assert len(speeds.sides_table().strip().splitlines()) == 2


def test_the_table_of_costs_has_a_line_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def trial(n: int, seconds: float) -> dict:
        scores = {"seconds": seconds, "peak memory": 2**30}
        return {"spec": {"arm": "texts", "n": n}, "status": "ok", "scores": scores}

    found = [trial(1000, 0.001), trial(10**6, 6.0), trial(1000, 0.003), trial(10, 12.345)]
    monkeypatch.setattr(speeds, "rows_or_none", lambda name, profile: found)
    lines = speeds.costs_table().strip().splitlines()[2:]
    what = "reading a batch, of so many texts"
    assert lines == [
        f"| {what} | 1,000 | 2 | ▏ | 1 GiB | {12 * '█'} |",
        f"|  | 1,000,000 | 6,000 | {5 * '█'}▉ | 1 GiB | {12 * '█'} |",
        f"|  | 10 | 12,300 | {12 * '█'} | 1 GiB | {12 * '█'} |",
    ]
