"""What do batches of texts of one length cost, where length tells the class?"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from companion.device import stopwatch
from companion.experiments import on_rules
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.transfer import recipes_text
from companion.transfer.fit import FitConfig
from companion.transfer.predict import predict

BACKBONE = "minilm_l6"
ARMS = ("of one length", "mixed")
SETTINGS = {"n": 96, "cap": 256, "epochs": 3, "rate": 3e-4}  # of the row in `beside_peers`


def specs(seeds: int = 10, profile: str = "cpu") -> list[dict]:
    """Return both kinds of batches, `seeds` times, each time on rules drawn anew."""
    return [{"arm": arm, "seed": seed} | SETTINGS for seed in range(seeds) for arm in ARMS]


def run(spec: dict) -> dict:
    """Train on some licence rules, and return the balanced accuracy on others and the seconds."""
    rules = on_rules.drawn_rules(spec["n"], spec["seed"])
    train, test = np.split(np.arange(len(rules)), [spec["n"]])
    backbone = load_text_backbone(BACKBONE)
    model = add_label_head(backbone, len(on_rules.KINDS), dropout=0.1, seed=spec["seed"])
    fetch = text_fetch(rules, backbone, load_tokenizer(BACKBONE), cap=spec["cap"])
    plan = FitConfig(epochs=spec["epochs"], schedule="linear", seed=spec["seed"], progress=False)
    mixed = spec["arm"] == "mixed"
    tune = recipes_text.fine_tune_mixed if mixed else recipes_text.fine_tune
    with stopwatch() as seconds:
        tune(model, fetch, train, plan, rate=spec["rate"])
    found = predict(model, fetch, test).argmax(axis=1)
    value = round(float(balanced_accuracy_score(rules.labels[test], found)), 5)
    return {
        "metric": "balanced accuracy",
        "value": value,
        "scores": {"balanced accuracy": value, "answers given": len(np.unique(found))},
        "learning seconds": round(seconds(), 2),
        "n_test": len(test),
    }
