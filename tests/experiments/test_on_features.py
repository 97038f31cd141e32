"""The experiments of lesson 01, run for real on small pictures and few steps."""

import numpy as np
import pytest
import torch

from companion.experiments import (
    block_by_block,
    half_of_the_digits,
    on_elpv,
    on_features,
    pretrained_or_not,
    what_it_saves,
)
from companion.models.vision import load_backbone
from companion.transfer.predict import features, features_by_block
from companion.transfer.probe import STRENGTHS


def test_one_pass_gives_what_each_block_gives() -> None:
    backbone = load_backbone("efficientnet_lite0", size=32, frozen_dtype=torch.float32)
    ids = np.array([3, 1, 2, 700])
    found = features_by_block(backbone, on_elpv.fetch(), ids, batch_size=3)
    assert list(found) == backbone.names
    for block in ("stem", "block3", "pool"):
        one = features(backbone, on_elpv.fetch(), ids, upto=block, batch_size=3)
        np.testing.assert_array_equal(found[block], one)


def test_stripes_lie_in_their_direction_and_are_faint() -> None:
    for direction, name in enumerate(on_features.DIRECTIONS):
        laid = on_features.stripes(5, 60, direction)
        assert 1.9 < np.abs(laid).max() <= on_features.STRIPE_HEIGHT
        down, right = np.abs(np.diff(laid, axis=0)).mean(), np.abs(np.diff(laid, axis=1)).mean()
        if name == "horizontal":
            assert right < 1e-3 < down
        elif name == "vertical":
            assert down < 1e-3 < right
        else:  # along a falling line a step down and one to the right cancel
            step = (
                laid[1:, 1:] - laid[:-1, :-1]
                if name == "falling"
                else laid[1:, :-1] - laid[:-1, 1:]
            )
            assert np.abs(step).max() < 1e-3
    assert not np.allclose(on_features.stripes(5, 60, 0), on_features.stripes(6, 60, 0))


def test_striped_cells_differ_by_no_more_than_the_stripes() -> None:
    ids = np.array([0, 10, 2000])
    plain, striped = on_elpv.fetch()(ids), on_features.fetch_of("stripes")(ids)
    difference = striped.inputs.cpu() - plain.inputs.cpu().float()
    assert 1 < difference.abs().max() <= on_features.STRIPE_HEIGHT
    assert striped.targets.tolist() == on_features.labels_of("stripes")[ids].tolist()


def test_strength_is_chosen_on_draws_that_no_trial_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = on_elpv.by_module

    def watched(seed: int):
        asked.append(seed)
        return real(seed)

    monkeypatch.setattr(on_elpv, "by_module", watched)
    labels = on_elpv.cells().labels
    noise = np.random.default_rng(0).normal(size=(len(labels), 30))
    found = on_features.choose_strength(lambda seed: noise + 3 * labels[:, None], labels, 50)
    assert asked == list(on_features.TUNING_SEEDS) and found in STRENGTHS
    # Features that say nothing get the strongest penalty there is.
    assert on_features.choose_strength(lambda seed: noise, labels, 50) == STRENGTHS[0]
    for module in (pretrained_or_not, block_by_block):
        assert not {s["seed"] for s in module.specs()} & set(on_features.TUNING_SEEDS)


@pytest.mark.parametrize("arm", pretrained_or_not.ARMS)
def test_every_kind_of_features_is_judged_on_unseen_modules(arm: str) -> None:
    row = pretrained_or_not.run({"arm": arm, "n": 50, "seed": 3, "size": 32})
    split = on_elpv.by_module(3)
    assert row["split"] == split.digest and row["n_test"] == len(split.test)
    assert 0.4 < row["value"] < 0.9 and row["value"] == row["scores"]["balanced accuracy"]


@pytest.mark.parametrize("arm", block_by_block.ARMS)
def test_a_block_is_probed_for_the_task_of_its_arm(arm: str) -> None:
    row = block_by_block.run({"arm": arm, "block": "block2", "seed": 3, "n": 100, "size": 32})
    assert ("AUROC" in row["scores"]) == (arm != "stripes")
    assert (0.2 if arm == "stripes" else 0.4) < row["value"] <= 1


def test_scratch_is_watched_after_every_epoch_and_judged_once() -> None:
    spec = {"arm": "scratch", "n": 50, "rate": 1e-3, "epochs": 2, "seed": 3, "size": 32}
    row = what_it_saves.run(spec)
    assert {"validation, epoch 1", "validation, epoch 2", "seconds"} < set(row["scores"])
    assert row["labels"] == 50
    probe = what_it_saves.run({"arm": "linear probe", "n": 50, "seed": 3, "size": 32})
    assert probe["scores"]["seconds"] < row["scores"]["seconds"]


def test_kept_blocks_come_from_the_network_that_the_arm_names() -> None:
    source, target = (half_of_the_digits.new_network(seed=s) for s in (0, 1))
    half_of_the_digits.copy_blocks(source, target, upto="block1")
    same = [
        all(torch.equal(a, b) for a, b in zip(x.parameters(), y.parameters(), strict=True))
        for x, y in zip(source.layers, target.layers, strict=True)
    ]
    named = dict(zip(target.names, same, strict=True))
    assert named["stem"] and named["block0"] and named["block1"]
    assert not named["block2"] and not named["block3"] and not named["head"]


@pytest.mark.slow
def test_the_digits_transfer_from_one_half_to_the_other() -> None:
    halves = half_of_the_digits.digits()
    assert np.unique(halves.labels[halves.kinds == "A"]).tolist() == [0, 1, 2, 3, 4]
    row = half_of_the_digits.run({"arm": "AnB", "kept": "block0", "seed": 3})
    assert row["value"] > 0.9 and 200 < row["n_test"] < 250
