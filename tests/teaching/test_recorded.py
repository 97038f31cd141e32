"""What lessons show of recorded trials is what the rows hold."""

from types import SimpleNamespace

import numpy as np
import pytest

from companion.evidence.intervals import corrected_interval, prediction_interval
from companion.experiments import module_leak
from companion.experiments.rows import current_rows
from companion.teaching.recorded import curve, live, recorded, say_claim


def test_values_are_those_of_the_rows_by_seed() -> None:
    arm = {"arm": "BatchNorm fixed", "n": 200}
    rows = [r for r in current_rows("batchnorm_left_on") if r["spec"]["arm"] == arm["arm"]]
    wanted = {row["spec"]["seed"]: row["scores"]["AUROC"] for row in rows}
    found = recorded("batchnorm_left_on", "AUROC", **arm)
    assert found.tolist() == [wanted[seed] for seed in sorted(wanted)]
    with pytest.raises(LookupError, match="no trial of shift is recorded for {'arm': 'none'}"):
        recorded("shift", "AUROC", arm="none")


def test_a_curve_holds_means_and_corrected_intervals() -> None:
    points = curve("what_to_train", "AUROC", ["linear probe"])["linear probe"]
    assert sorted(n for n, *_ in points)[:2] == [50, 200] and points[0][0] == 50
    found = corrected_interval(recorded("what_to_train", "AUROC", arm="linear probe", n=50), 0.25)
    assert points[0] == (50, found.mean, found.low, found.high)


def test_a_claim_is_said_in_lines_that_fit(capsys: pytest.CaptureFixture) -> None:
    say_claim("C2d")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("C2d: A frozen network") and max(map(len, lines)) <= 80
    assert lines[-1].rpartition(": ")[2] in ("supported", "contradicted", "undecided")


@pytest.mark.parametrize(("shift", "word"), [(0.0, "inside"), (0.5, "outside (as 1 in 20")])
def test_a_live_trial_says_where_it_falls_and_never_raises(
    shift: float, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A real trial of the probe, and one that comes out half a point too high."""
    arm = {"arm": "split by module", "n": 1500}
    past = recorded("module_leak", "balanced accuracy", **arm)
    real, asked = module_leak.run, []

    def run(spec: dict) -> dict:
        asked.append(spec)
        row = real(spec) if not shift else {"value": float(np.mean(past)) + shift}
        return row

    toy = SimpleNamespace(run=run)
    monkeypatch.setattr("companion.teaching.recorded.load_experiment", lambda name: toy)
    seed = 3 if not shift else 999
    live("module_leak", seed=seed, **arm)
    assert asked[0]["seed"] == seed
    out = capsys.readouterr().out
    assert word in out
    expected = prediction_interval(past)
    assert f"{expected.low:.3f} to {expected.high:.3f}" in out
