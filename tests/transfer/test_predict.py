"""Scores that cannot be wrong by accident: mode, batches, and who may look at the test part."""

import numpy as np
import pytest
import torch

from companion.data.splits import Split
from companion.data.vision import PictureFetch
from companion.evidence.metrics import accuracy, auroc
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import parameter_groups
from companion.transfer.order import shuffled
from companion.transfer.predict import predict, scorer, test_score
from tests.toys import toy_model, toy_pictures

FETCH = PictureFetch(toy_pictures(45), device=torch.device("cpu"))
SPLIT = Split(np.arange(16), np.arange(16, 31), np.arange(31, 45))


def test_a_model_in_train_mode_answers_as_in_eval_mode_and_stays_in_train_mode() -> None:
    model = toy_model("efficientnet", dropout=0.5)
    quiet = predict(model.eval(), FETCH, SPLIT.test)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert np.array_equal(predict(model, FETCH, SPLIT.test), quiet)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("metric", [accuracy, auroc])
def test_the_size_of_the_last_batch_changes_no_score(metric) -> None:
    model = toy_model("resnet")
    labels = FETCH.targets(SPLIT.test).numpy()
    sizes = (1, 3, 4, 13, 64)
    found = [metric(labels, predict(model, FETCH, SPLIT.test, size)) for size in sizes]
    assert np.ptp(found) == 0


def test_only_the_validation_part_can_choose() -> None:
    model = toy_model("resnet")
    chosen = scorer(FETCH, SPLIT, accuracy)(model)
    labels = FETCH.targets(SPLIT.validation).numpy()
    assert chosen == accuracy(labels, predict(model, FETCH, SPLIT.validation))
    with pytest.raises(TypeError, match="only the validation part may do that. Pass the split"):
        scorer(FETCH, SPLIT.test, accuracy)


def test_a_model_whose_test_score_is_known_trains_no_further() -> None:
    model = toy_model("resnet")
    first = test_score(model, FETCH, SPLIT, accuracy)
    assert test_score(model, FETCH, SPLIT, accuracy) == first
    with pytest.raises(ValueError, match="scored on the test part of split .* Train a new model"):
        fit(
            model, FETCH, shuffled(SPLIT.train, 8), parameter_groups(model, 1e-3),
            FitConfig(epochs=1, progress=False),
        )  # fmt: skip
