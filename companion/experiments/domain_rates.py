"""Which peak rate suits each encoder on definitions? Chosen on validation, before any test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from companion.data.splits import draw
from companion.experiments import on_domains
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.transfer import recipes_text
from companion.transfer.fit import FitConfig
from companion.transfer.predict import predict

RATES = (3e-5, 1e-4, 3e-4)
ARMS = ("base", "medical", "licences")
TASK = "definitions"
EPOCHS = {50: 20, 200: 10, 1000: 4}
N = 200
DROPOUT = 0.1  # before the head


def specs(seeds: int = len(on_domains.TUNING), profile: str = "cpu") -> list[dict]:
    """Return every encoder at each of three rates on 200 labels, on `seeds` splits."""
    return [
        {"arm": arm, "n": N, "rate": rate, "seed": seed}
        for arm in ARMS
        for rate in RATES
        for seed in on_domains.TUNING[:seeds]
    ]


def run(spec: dict) -> dict:
    """Tune an encoder on one draw and score it on validation texts: no test."""
    split = on_domains.split_of(TASK, spec["seed"])
    backbone = on_domains.encoder(spec["arm"], on_domains.TUNING.index(spec["seed"]))
    model = tuned(spec, backbone)
    value = score(model, split.validation)
    return {
        "metric": "validation macro-F1",
        "value": value,
        "validation": value,
        "scores": {"macro-F1": value},
        "n_test": 0,
        "split": split.digest,
    }


def tuned(spec: dict, backbone: Blocks) -> Blocks:
    """Return the network that fine-tuning all of a backbone on one draw of labels makes."""
    labels, seed, n = on_domains.texts(TASK).labels, spec["seed"], spec["n"]
    classes = len(on_domains.texts(TASK).classes)
    model = add_label_head(backbone, classes=classes, dropout=DROPOUT, seed=seed)
    ids = draw(labels, on_domains.split_of(TASK, seed).train, n, seed=seed)
    plan = FitConfig(epochs=EPOCHS[n], schedule="linear", seed=seed, progress=False)
    recipes_text.fine_tune(model, on_domains.fetch(TASK), ids, plan, rate=spec["rate"])
    return model


def score(model: Blocks, ids: np.ndarray) -> float:
    """Return the macro-F1 of a tuned network on the definitions `ids`."""
    answers = predict(model, on_domains.fetch(TASK), ids).argmax(axis=1)
    return on_domains.macro_f1(on_domains.texts(TASK).labels[ids], answers)


def best_rate(rows: Sequence[dict], arm: str) -> float:
    """Return the rate with the highest mean validation score; a run that failed counts 0.

    Raises:
        LookupError: not every rate of this arm is recorded yet.
    """
    mine = [row for row in rows if row["spec"]["arm"] == arm]
    wanted = len(RATES) * len(on_domains.TUNING)
    if len(mine) < wanted:
        raise LookupError(
            f"the rates of {arm} are recorded {len(mine)} times, expected {wanted}. Run "
            "`companion record domain_rates` first."
        )
    means = [
        np.mean([row["value"] or 0.0 for row in mine if row["spec"]["rate"] == rate])
        for rate in RATES
    ]
    return RATES[int(np.argmax(means))]
