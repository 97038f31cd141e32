"""Speed beside other libraries: what is compared, and what is said where it cannot be run."""

import pytest

from companion.evidence.claims import read_claims
from companion.experiments import beside_peers, contrast_epochs, contrast_rates, ledger, rows
from companion.experiments.beside_peers import ROWS, check_peers, compared, specs


def side(seconds: float, **more: float) -> dict:
    return {"seconds": seconds, "peak memory": 10**9} | more


def test_the_fastest_peer_is_the_one_to_beat() -> None:
    found = compared(
        {
            "companion": side(2.0, accuracy=0.9),
            "a": side(30.0, accuracy=0.95),
            "b": side(10.0, accuracy=0.8),
        }
    )
    assert (found["value"], found["best peer"]) == (5.0, "b")
    assert found["scores"]["accuracy, companion minus best peer"] == pytest.approx(0.1)
    assert found["scores"]["seconds, a"] == 30.0


def test_a_row_without_accuracy_has_no_gain() -> None:
    found = compared({"companion": side(1.0), "a": side(3.0)})
    assert "accuracy, companion minus best peer" not in found["scores"]


def test_each_side_comes_first_in_some_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(beside_peers, "check_peers", lambda: None)
    monkeypatch.setattr(beside_peers, "measure", lambda name, spec: asked.append(name) or side(1.0))
    for spec in specs(5):
        if spec["way"] == "head_only":
            beside_peers.run(spec)
    firsts = asked[::5]
    assert sorted(firsts) == ["companion", "fastai", "lightning", "pytorch", "trainer"]


def test_every_claim_on_speed_names_a_row() -> None:
    claims = [c for c in read_claims(ledger.CLAIMS) if c.experiment == "beside_peers"]
    assert {claim.better["arm"] for claim in claims} <= {row.name for row in ROWS}
    assert all(claim.delta >= 1 and claim.seeds >= 5 and claim.worse is None for claim in claims)


def test_contrast_trains_as_little_as_validation_allowed() -> None:
    by_setfit = [r for r in rows.current_rows("contrast_rates") if r["spec"]["arm"] == "setfit"]
    rate = contrast_rates.best_rate(by_setfit, "setfit")
    theirs = [r["validation"] for r in by_setfit if r["spec"]["rate"] == rate]
    epochs, ours = contrast_epochs.chosen(
        rows.current_rows("contrast_epochs"), setfit=sum(theirs) / len(theirs)
    )
    row = next(row for row in ROWS if row.way == "contrast")
    shots = contrast_rates.SHOTS
    assert row.settings == {"k": shots, "epochs": epochs, "rate": ours}


def test_what_is_missing_is_named_with_the_cure(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_peers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="found no fastai, .*`make bench`"):
        check_peers()
    monkeypatch.setattr(beside_peers, "CHECKOUT", tmp_path)
    with pytest.raises(ModuleNotFoundError, match="expected the folder tests/benchmarks .* Clone"):
        check_peers()
