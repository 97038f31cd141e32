"""Ways to reuse a network on any set: the same for sets of the course and for a learner's own.

Settings are those that the course's experiments chose: rates on validation parts, epochs that fall
with the square root of the number of labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from companion.data.examples import Fetch
from companion.data.text import Texts
from companion.data.vision import PictureFetch, Pictures
from companion.evidence import metrics
from companion.models.bag_of_words import tfidf_model
from companion.models.blocks import Blocks
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
from companion.models.vision import load_backbone
from companion.transfer import recipes, recipes_text
from companion.transfer.fit import FitConfig
from companion.transfer.freeze import freeze
from companion.transfer.predict import features, predict
from companion.transfer.probe import choose_probe, copy_to_head

WORDS, PROBE, TOP, FULL = "TF-IDF", "linear probe", "top blocks", "full"  # cheapest first
ARMS = {"pictures": (PROBE, TOP, FULL), "texts": (WORDS, PROBE, TOP, FULL)}
BACKBONES = {"pictures": "efficientnet_lite0", "texts": "minilm_l6"}
RATES = {
    ("pictures", TOP): 2.5e-3,
    ("pictures", FULL): 1e-4,
    ("texts", TOP): 3e-4,
    ("texts", FULL): 1e-4,
}
TRAINED = {"pictures": 1, "texts": 2}  # blocks that "top blocks" trains
SCHEDULES = {"pictures": "cosine", "texts": "linear"}
CAP = 128  # tokens of a text
SIZE = 128  # side of a picture in pixels
DROPOUT = 0.1  # before the head of a text network


@dataclass(frozen=True)
class Task:
    """A set, the backbone that is to serve it, and the fetch that hands one to the other."""

    data: Pictures | Texts
    backbone: str
    fetch: Fetch
    size: int = SIZE

    @property
    def kind(self) -> str:
        """Return "pictures" or "texts"."""
        return "pictures" if isinstance(self.data, Pictures) else "texts"


def task_of(data: Pictures | Texts, backbone: str | None = None, *, size: int = SIZE) -> Task:
    """Return a set with the backbone of its kind, or another one, and texts as its tokens.

    Raises:
        ValueError, AssetError, HubError: as the loaders of backbones do.
    """
    if isinstance(data, Pictures):
        return Task(data, backbone or BACKBONES["pictures"], PictureFetch(data), size)
    name = backbone or BACKBONES["texts"]
    source = text_fetch(data, load_text_backbone(name), load_tokenizer(name), cap=CAP)
    return Task(data, name, source)


def new_network(task: Task, seed: int) -> Blocks:
    """Return the task's backbone with a new head for its classes, drawn from `seed`."""
    classes = len(task.data.classes)
    if task.kind == "pictures":
        return add_label_head(load_backbone(task.backbone, size=task.size), classes, seed=seed)
    backbone = load_text_backbone(task.backbone)
    return add_label_head(backbone, classes, dropout=DROPOUT, seed=seed)


def below_top(task: Task, model: Blocks) -> str | None:
    """Return the last block that "top blocks" keeps frozen; None where there are too few."""
    numbered = [name for name in model.names if name.startswith("block")]
    trained = TRAINED[task.kind]
    return numbered[-trained - 1] if len(numbered) > trained else None


def epochs_for(n: int) -> int:
    """Return how many epochs `n` labels get: 20 for 50, 10 for 200, 3 for 2,000, never below 2."""
    return int(np.clip(round(20 * (50 / n) ** 0.5), 2, 20))


def plan_for(task: Task, n: int, seed: int, *, progress: bool = False) -> FitConfig:
    """Return how a network is trained on `n` labels."""
    schedule = SCHEDULES[task.kind]
    return FitConfig(epochs=epochs_for(n), schedule=schedule, seed=seed, progress=progress)


def train_arm(
    task: Task, arm: str, ids: np.ndarray, choose: np.ndarray, seed: int, rate: float | None = None
) -> Blocks | Pipeline:
    """Return what an arm makes of the examples `ids`; the probe's strength is chosen on `choose`.

    Raises:
        ValueError: there is no such arm for this kind of set.
    """
    if arm == WORDS and task.kind == "texts":
        return tfidf_model([task.data.texts[i] for i in ids], task.data.labels[ids])
    model = new_network(task, seed)
    if arm == PROBE:
        return probed(task, model, ids, choose)
    if (task.kind, arm) not in RATES:
        raise ValueError(f"there is no arm {arm!r} for {task.kind}. Expected one of {ARMS}.")
    tune = recipes.fine_tune if task.kind == "pictures" else recipes_text.fine_tune
    upto = below_top(task, model) if arm == TOP else None
    plan = plan_for(task, len(ids), seed)
    tune(model, task.fetch, ids, plan, rate=rate or RATES[task.kind, arm], upto=upto)
    return model


def probed(task: Task, model: Blocks, ids: np.ndarray, choose: np.ndarray) -> Blocks:
    """Return the network with the probe in its head whose strength did best on `choose`."""
    below_head = model.names[-2]
    freeze(model, upto=below_head)
    both = np.concatenate([ids, choose])
    seen = features(model, task.fetch, both, upto=below_head)  # (N, F)
    labels = task.data.labels[both]
    n = len(ids)
    copy_to_head(choose_probe(seen[:n], labels[:n], (seen[n:], labels[n:])), model)
    return model


def logits_of(task: Task, model: Blocks | Pipeline, ids: np.ndarray) -> np.ndarray:
    """Return the logits (N, classes), or the logarithms of chances, for the examples `ids`."""
    if isinstance(model, Blocks):
        return predict(model, task.fetch, ids)
    return model.predict_log_proba([task.data.texts[i] for i in ids])


def scores(labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Return macro-F1, balanced accuracy and accuracy of logits (N, classes)."""
    found = {
        "macro-F1": metrics.macro_f1(labels, logits),
        "balanced accuracy": metrics.balanced_accuracy(labels, logits),
        "accuracy": metrics.accuracy(labels, logits),
    }
    return {name: round(value, 5) for name, value in found.items()}
