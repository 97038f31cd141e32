"""The recipes do what the methods they are named for say: what moves, from where, how fast."""

import copy

import numpy as np
import pytest
import torch

from companion.data.vision import PictureFetch
from companion.models.blocks import Blocks
from companion.transfer import recipes
from companion.transfer.fit import FitConfig
from companion.transfer.freeze import freeze, parameter_groups, train_only, what_trains
from companion.transfer.predict import features, predict
from companion.transfer.probe import linear_probe as fit_probe
from tests.toys import toy_model, toy_pictures

FETCH = PictureFetch(toy_pictures(48), device=torch.device("cpu"))
IDS = np.arange(32)
PLAN = FitConfig(epochs=3, progress=False, warmup=0.0)


def moved(model: Blocks, before: dict[str, torch.Tensor]) -> set[str]:
    """Return the blocks of which a parameter or buffer has changed."""
    state = model.state_dict()
    changed = [name for name in before if not torch.equal(before[name], state[name])]
    return {model.names[int(name.split(".")[1])] for name in changed}


def snapshot(model: Blocks) -> dict[str, torch.Tensor]:
    """Return a copy of all that a model remembers."""
    return copy.deepcopy(model.state_dict())


@pytest.mark.parametrize("classes", [2, 3])
def test_the_probe_in_the_head_gives_the_probe_s_own_probabilities(classes: int) -> None:
    model = toy_model("efficientnet", classes=classes)
    before = snapshot(model)
    labels = FETCH.pictures.labels.copy()
    if classes == 3:
        labels[::5] = 2
    pictures = FETCH.pictures.__class__(**vars(FETCH.pictures) | {"labels": labels,
                                        "classes": ("a", "b", "c")[:classes]})  # fmt: skip
    fetch = PictureFetch(pictures, device=torch.device("cpu"))
    recipes.linear_probe(model, fetch, IDS, strength=0.1)
    seen = features(model, fetch, np.arange(48))
    probe = fit_probe(seen[IDS], labels[IDS], 0.1)
    ours = torch.from_numpy(predict(model, fetch, np.arange(48))).softmax(dim=1).numpy()
    np.testing.assert_allclose(ours, probe.predict_proba(seen), atol=1e-4)
    assert moved(model, before) == {"head"}


def test_a_probe_of_other_classes_is_refused() -> None:
    model = toy_model("resnet", classes=3)
    with pytest.raises(ValueError, match=r"the probe has shape \(2, 512\).*the head of resnet"):
        recipes.linear_probe(model, FETCH, IDS)


def test_fine_tune_moves_all_blocks_or_those_above_the_boundary() -> None:
    model = toy_model("resnet")
    before = snapshot(model)
    recipes.fine_tune(model, FETCH, IDS, PLAN, rate=1e-3, upto="layer2")
    assert moved(model, before) == {"layer3", "layer4", "head"}
    recipes.fine_tune(model, FETCH, IDS, PLAN, rate=1e-3)
    assert {"stem", "layer1", "layer2"} <= moved(model, before)


def test_lp_ft_starts_from_the_probe_s_head() -> None:
    tuned, probed = toy_model("resnet"), toy_model("resnet")
    recipes.linear_probe(probed, FETCH, IDS)
    still = FitConfig(epochs=1, progress=False, warmup=0.0)
    recipes.lp_ft(tuned, FETCH, IDS, still, rate=1e-9)
    for a, b in zip(tuned.layers[-1].parameters(), probed.layers[-1].parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    before = snapshot(tuned)
    recipes.lp_ft(tuned, FETCH, IDS, PLAN, rate=1e-3)
    assert {"stem", "layer1", "layer4", "head"} <= moved(tuned, before)


def test_discriminative_rates_fall_by_the_papers_factor_from_block_to_block() -> None:
    model = toy_model("resnet")
    freeze(model, None)
    groups = parameter_groups(model, 1.0, layer_decay=recipes.FACTOR)
    rate = {group["name"].split()[0]: group["lr"] for group in groups}
    assert rate["head"] == rate["layer4"] == 1.0  # the pool between them has no weights
    ratios = [rate[a] / rate[b] for a, b in [("layer4", "layer3"), ("layer3", "layer2")]]
    assert ratios == pytest.approx([2.6, 2.6])
    before = snapshot(model)
    recipes.discriminative(model, FETCH, IDS, PLAN, rate=1e-3)
    assert {"stem", "head"} <= moved(model, before)


def test_gradual_unfreezing_thaws_from_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model("efficientnet")
    stages = []
    real = recipes.fit

    def watched(net: Blocks, *rest: object, **options: object) -> list[dict]:
        stages.append((net.frozen, rest[3].epochs))
        return real(net, *rest, **options)

    monkeypatch.setattr(recipes, "fit", watched)
    recipes.gradual_unfreeze(model, FETCH, IDS, FitConfig(epochs=5, progress=False), rate=1e-3)
    depth, epochs = zip(*stages, strict=True)
    assert list(depth) == sorted(depth, reverse=True) and depth[-1] == 0
    assert epochs == (1, 1, 3)
    with pytest.raises(ValueError, match="at least 3 epochs, one for each stage, found 2"):
        recipes.gradual_unfreeze(model, FETCH, IDS, FitConfig(epochs=2), rate=1e-3)


@pytest.mark.parametrize("family", ["efficientnet", "resnet", "vit"])
def test_surgical_fine_tuning_moves_the_first_blocks_alone(family: str) -> None:
    model = toy_model(family, dropout=0.5)
    first = tuple(model.names[1:3])
    recipes.linear_probe(model, FETCH, IDS)
    before = snapshot(model)
    recipes.surgical(model, FETCH, IDS, PLAN, rate=1e-2, blocks=first)
    assert moved(model, before) and moved(model, before) <= set(first)  # head: probed to the same
    assert model.layers[0].training is False
    model.train()
    modes = {name: layer.training for name, layer in zip(model.names, model.layers, strict=True)}
    assert {name for name, mode in modes.items() if mode} == set(first)
    assert what_trains(model).count("trains") == len(first)
    freeze(model, None)
    model.train()
    assert all(layer.training for layer in model.layers)


def test_training_no_block_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one block that trains. Choose from"):
        train_only(toy_model("resnet"), [])
    with pytest.raises(ValueError, match="has no block 'layer9'"):
        train_only(toy_model("resnet"), ["layer9"])
