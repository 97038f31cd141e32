"""Of which kind is a name? Tags for persons, places, companies and the rest; no claim was made.

The splits, draws and rate are those of the tags of any kind; the epochs are doubled, since six left
most kinds unnamed on the validation part of split 200.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from companion.data.tags import TagFetch, align
from companion.data.wnut import KINDS, load_wnut
from companion.evidence.entities import entity_score
from companion.experiments import on_tokens, token_rates
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.token_heads import add_token_head, tag_loss
from companion.transfer import recipes_tokens
from companion.transfer.answers import predict_tags
from companion.transfer.fit import FitConfig

SEEDS = 5
TEST_SHARE = on_tokens.TEST_SHARE
RATE, EPOCHS = 3e-4, 12


@lru_cache(maxsize=1)
def typed_fetch() -> TagFetch:
    """Return the tweets of WNUT with names of four kinds, as MiniLM's tokens."""
    texts = load_wnut("four kinds")
    aligned = align(texts, load_tokenizer(on_tokens.BACKBONE), cap=on_tokens.TAG_CAP)
    return TagFetch(texts, aligned)


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return one network for each seed, tuned as a whole."""
    shared = {"arm": "tuned", "n": token_rates.N["tags"], "rate": RATE, "epochs": EPOCHS}
    return [shared | {"seed": seed} for seed in range(seeds)]


def run(spec: dict) -> dict:
    """Train a network on one split; score it on its test part, over all kinds and by kind."""
    fetch, split, seed = typed_fetch(), on_tokens.split_of("tags", spec["seed"]), spec["seed"]
    backbone = load_text_backbone(on_tokens.BACKBONE)
    classes = len(fetch.texts.classes)
    model = add_token_head(backbone, classes, dropout=on_tokens.DROPOUT, seed=seed)
    ids = on_tokens.training_ids("tags", spec["n"], seed)
    plan = FitConfig(
        epochs=spec["epochs"], schedule="linear", warmup=0.1, seed=seed, progress=False
    )
    recipes_tokens.fine_tune_tokens(model, fetch, ids, plan, loss=tag_loss, rate=spec["rate"])
    chosen = scores(predict_tags(model, fetch, split.validation), split.validation)
    found = scores(predict_tags(model, fetch, split.test), split.test)
    return {
        "metric": "entity F1",
        "value": found["entity F1"],
        "validation": chosen["entity F1"],
        "scores": found,
        "n_test": len(split.test),
        "split": split.digest,
    }


def scores(found: list[list[str]], ids: np.ndarray) -> dict[str, float]:
    """Return F1 over all kinds, of each kind with its names, and of names whatever their kind."""
    truth = [typed_fetch().texts.tags[i] for i in ids]
    scored = {"entity F1": entity_score(truth, found).f1}
    for kind in KINDS["four kinds"]:
        score = entity_score(truth, found, kind)
        scored |= {f"F1, {kind}": score.f1, f"names, {kind}": score.true}
    scored["F1, any kind"] = entity_score(without_kinds(truth), without_kinds(found)).f1
    return on_tokens.rounded(scored)


def without_kinds(rows: list) -> list[list[str]]:
    """Return tags that say what is a name, and not of which kind."""
    return [[t if t == "O" else f"{t[0]}-name" for t in row] for row in rows]
