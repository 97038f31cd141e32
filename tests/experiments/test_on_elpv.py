"""The experiments on solar cells, run for real on small pictures: what they judge and how."""

import numpy as np
import pytest

from companion.experiments import batchnorm_left_on, learning_rates, on_elpv, shift, what_to_train
from companion.experiments.learning_rates import ARMS, RATES, best_rate

SMALL = {"n": 50, "seed": 3, "rate": 5e-4, "epochs": 3, "size": 32}


@pytest.mark.parametrize("arm", ["linear probe", *ARMS])
def test_every_arm_is_judged_on_modules_it_has_not_seen(arm: str) -> None:
    row = what_to_train.run(SMALL | {"arm": arm})
    split = on_elpv.by_module(3)
    groups = on_elpv.cells().groups
    assert not set(groups[split.train]) & set(groups[split.test])
    assert row["n_test"] == len(split.test) and row["split"] == split.digest
    assert row["value"] == row["scores"]["balanced accuracy"]
    assert {"AUROC", "accuracy", "macro-F1", "accuracy, mono", "accuracy, poly"} < set(
        row["scores"]
    )
    assert 0.3 < row["value"] < 0.95 and 0.3 < row["validation"] < 0.95


def test_a_trial_is_a_function_of_its_specification() -> None:
    spec = SMALL | {"arm": "LP-FT", "epochs": 1}
    assert what_to_train.run(spec) == what_to_train.run(spec)


def test_the_search_for_a_rate_does_not_open_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    real = learning_rates.predict

    def watched(model, fetch, ids):
        asked.append(ids)
        return real(model, fetch, ids)

    monkeypatch.setattr(learning_rates, "predict", watched)
    row = learning_rates.run(SMALL | {"arm": "last block"})
    split = on_elpv.by_module(3)
    assert [ids.tolist() for ids in asked] == [split.validation.tolist()]
    assert row["n_test"] == 0


def test_the_best_rate_has_the_highest_mean_and_a_failed_run_counts_as_nothing() -> None:
    def row(rate: float, value: float | None) -> dict:
        return {"spec": {"arm": "full", "rate": rate}, "value": value}

    low, middle, high = RATES
    rows = [row(low, 0.6), row(low, 0.6), row(middle, 0.5), row(middle, 0.65),
            row(high, 0.9), row(high, None)]  # fmt: skip
    assert best_rate(rows, "full") == low
    with pytest.raises(LookupError, match="'full' are recorded 5 times, expected 6. Run `comp"):
        best_rate(rows[1:], "full")


def test_the_mistake_moves_the_frozen_network_and_freeze_does_not() -> None:
    spec = {"n": 50, "seed": 3, "epochs": 1, "size": 32}
    moved = {
        arm: batchnorm_left_on.run(spec | {"arm": arm})["buffers_moved"]
        for arm in ("BatchNorm fixed", "BatchNorm left on")
    }
    assert moved["BatchNorm fixed"] == 0 and moved["BatchNorm left on"] > 0.05


def test_shift_trains_on_mono_and_judges_on_poly() -> None:
    row = shift.run({"arm": "linear probe", "n": "all mono", "seed": 3, "rate": None,
                     "epochs": 0, "size": 32})  # fmt: skip
    split, kinds = on_elpv.by_module(3), on_elpv.cells().kinds
    assert row["n_test"] == (kinds[split.test] == "poly").sum()
    assert {"AUROC, mono", "balanced accuracy, standardised"} < set(row["scores"])


def test_standardising_gives_the_training_mean_and_spread_and_uses_no_label() -> None:
    rng = np.random.default_rng(0)
    here, there = rng.normal(2, 3, (500, 4)), rng.normal(-5, 0.5, (80, 4))
    found = shift.align(there, here)
    np.testing.assert_allclose(found.mean(axis=0), here.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), here.std(axis=0), rtol=1e-4)
    order = np.argsort(there[:, 0])
    assert np.array_equal(order, np.argsort(found[:, 0]))  # each feature keeps its order
