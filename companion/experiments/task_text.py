"""Does reading the task's own texts, without their labels, add to reading the domain?

Every arm reads from the warmed network on. The control reads as much more of the domain, so that
the same computing is spent.
"""

from __future__ import annotations

import numpy as np

from companion.data.corpus import Corpus, of_equal_size
from companion.experiments import domain_rates, on_domains
from companion.experiments.rows import current_rows
from companion.models.adapted import load_adapted
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head
from companion.models.text import load_text_backbone
from companion.transfer.adapt import adapt
from companion.transfer.fit import FitConfig

ARMS = ("task", "medical, then task", "medical, then more medical")
PASSES = 4  # over the task's training texts; the other reading has as many tokens
N = 200
SEEDS = 5
TEST_SHARE = on_domains.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return three ways of reading, tuned at the rate that was chosen for the medical encoder.

    Raises:
        LookupError: that rate is not recorded yet.
    """
    rate = domain_rates.best_rate(current_rows("domain_rates", profile=profile), "medical")
    return [
        {"arm": arm, "n": N, "rate": rate, "seed": seed} for seed in range(seeds) for arm in ARMS
    ]


def run(spec: dict) -> dict:
    """Read, tune on one draw of labels, and judge on definitions that were not seen."""
    seed, task = spec["seed"], domain_rates.TASK
    split = on_domains.split_of(task, seed)
    model = domain_rates.tuned(spec, encoder_of(spec["arm"], seed))
    value = domain_rates.score(model, split.test)
    return {
        "metric": "macro-F1",
        "value": value,
        "validation": domain_rates.score(model, split.validation),
        "scores": {"macro-F1": value},
        "n_test": len(split.test),
        "split": split.digest,
    }


def encoder_of(arm: str, seed: int) -> Blocks:
    """Return the encoder that an arm's reading makes; not kept, since one trial uses it."""
    backbone = load_text_backbone(on_domains.BACKBONE)
    model = add_masked_head(backbone)  # the blocks are shared: what it learns, the backbone has
    if arm == "task":
        model.load_state_dict(on_domains.warmed().state_dict())
    else:
        load_adapted(model, on_domains.adapted("medical", seed))
    own = task_texts(seed)
    size = PASSES * int(on_domains.tokens_of(own).sum())
    if arm == "medical, then more medical":
        documents, passes = more_medical(size, seed), 1
    else:
        documents, passes = tuple(own), PASSES
    source = on_domains.hidden(documents, seed + 1000)  # other masks than in the first reading
    plan = FitConfig(epochs=passes, schedule="linear", seed=seed, progress=False)
    adapt(model, source, on_domains.everything(source), plan, rate=on_domains.RATE)
    return backbone


def task_texts(seed: int) -> np.ndarray:
    """Return the texts of the task's training part, without their labels."""
    task = domain_rates.TASK
    texts = np.array(on_domains.texts(task).texts, dtype=object)
    return texts[on_domains.split_of(task, seed).train]


def more_medical(size: int, seed: int) -> tuple[str, ...]:
    """Return medical documents of `size` tokens, drawn anew from those that may be read."""
    read = Corpus("medical", on_domains.parts("medical", seed)["read"])
    counts = on_domains.tokens_of(np.array(read.texts, dtype=object))
    sizes = dict(zip(read.texts, counts, strict=True))
    return of_equal_size(read, size, sizes.__getitem__, seed + 1000).texts
