"""What the experiments on solar cells share: the cells, their splits, the arms and the scores."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from companion.data.elpv import load_elpv
from companion.data.splits import Split, draw, split_by_example, split_by_group
from companion.data.vision import PictureFetch, Pictures
from companion.evidence import metrics
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.transfer import recipes
from companion.transfer.fit import FitConfig
from companion.transfer.predict import features, predict

BACKBONE = "efficientnet_lite0"
SIZES = {"cpu": 128, "gpu": 224}  # side of the pictures in pixels, by profile
TEST_SHARE = 0.25


@lru_cache(maxsize=1)
def cells() -> Pictures:
    """Return the 2,624 cells."""
    return load_elpv()


def fetch() -> PictureFetch:
    """Return the fetch that serves them, never augmented."""
    return PictureFetch(cells())


@lru_cache(maxsize=8)
def by_module(seed: int) -> Split:
    """Return the split in which no module stands on two sides."""
    return split_by_group(cells().groups, cells().kinds, test=TEST_SHARE, seed=seed)


@lru_cache(maxsize=8)
def by_cell(seed: int) -> Split:
    """Return the split of Deitsch et al. 2019: 656 cells test, stratified by label and type."""
    strata = np.char.add(cells().labels.astype(str), cells().kinds)
    return split_by_example(strata, test=TEST_SHARE, seed=seed)


def training_cells(split: Split, n: int | str, seed: int) -> np.ndarray:
    """Return `n` ids of the training part, or all of it for "all"."""
    return split.train if n == "all" else draw(cells().labels, split.train, n, seed=seed)


@lru_cache(maxsize=2)
def features_of_all(size: int, seed: int | None = None) -> np.ndarray:
    """Return the features (2624, F) of every cell; of the untrained twin of `seed`, if given."""
    backbone = load_backbone(BACKBONE, size=size, pretrained=seed is None, seed=seed or 0)
    return features(backbone, fetch(), np.arange(len(cells())))


def new_network(size: int, seed: int, *, pretrained: bool = True) -> Blocks:
    """Return the backbone with a new head for the two classes, drawn from `seed`."""
    backbone = load_backbone(BACKBONE, size=size, pretrained=pretrained, seed=seed)
    return add_label_head(backbone, classes=2, seed=seed)


def train_arm(spec: dict, ids: np.ndarray) -> Blocks:
    """Return the network that the arm of `spec` makes of the training cells `ids`.

    Raises:
        ValueError: there is no such arm.
    """
    arm, rate = spec["arm"], spec["rate"]
    model = new_network(spec["size"], spec["seed"], pretrained=arm != "scratch")
    plan = FitConfig(epochs=spec["epochs"], seed=spec["seed"], progress=False)
    match arm:
        case "linear probe":
            recipes.linear_probe(model, fetch(), ids)
        case "last block":
            recipes.fine_tune(model, fetch(), ids, plan, rate=rate, upto="block5")
        case "full" | "scratch":
            recipes.fine_tune(model, fetch(), ids, plan, rate=rate)
        case "LP-FT":
            recipes.lp_ft(model, fetch(), ids, plan, rate=rate)
        case "discriminative":
            recipes.discriminative(model, fetch(), ids, plan, rate=rate)
        case "gradual":
            recipes.gradual_unfreeze(model, fetch(), ids, plan, rate=rate)
        case "surgical":
            recipes.surgical(model, fetch(), ids, plan, rate=rate)
        case _:
            raise ValueError(f"there is no arm {arm!r} on solar cells; see train_arm.")
    return model


def scores(logits: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    """Return every score of `logits` (N, 2) on the cells `ids` (N,), and accuracy by cell type."""
    labels, kinds = cells().labels[ids], cells().kinds[ids]
    found = {
        "balanced accuracy": metrics.balanced_accuracy(labels, logits),
        "AUROC": metrics.auroc(labels, logits),
        "accuracy": metrics.accuracy(labels, logits),
        "macro-F1": metrics.macro_f1(labels, logits),
        "majority accuracy": float(max(labels.mean(), 1 - labels.mean())),
    }
    for kind in np.unique(kinds):
        found[f"accuracy, {kind}"] = metrics.accuracy(labels[kinds == kind], logits[kinds == kind])
    return {name: round(float(value), 5) for name, value in found.items()}


def judged(model: Blocks, split: Split, metric: str = "balanced accuracy") -> dict:
    """Return the trial's result: the test cells are scored here, once, the validation beside it."""
    test = scores(predict(model, fetch(), split.test), split.test)
    chosen = scores(predict(model, fetch(), split.validation), split.validation)
    return result(metric, test, split) | {"validation": chosen[metric]}


def result(metric: str, test: dict[str, float], split: Split) -> dict:
    """Return the part of a row that says what was measured, and on what."""
    return {
        "metric": metric,
        "value": test[metric],
        "scores": test,
        "n_test": len(split.test),
        "split": split.digest,
    }
