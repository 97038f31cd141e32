"""What does reading a domain do to the guesses? The warmed network before and after, by domain."""

from __future__ import annotations

from companion.experiments import on_domains
from companion.models.adapted import load_adapted
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head
from companion.models.text import load_text_backbone
from companion.transfer.adapt import held_out_loss

ARMS = ("warmed base", "medical", "licences")
KINDS = ("medical", "licences", "news")
SEEDS = 5
TEST_SHARE = 0.03  # of the documents of a kind


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return every arm of every seed; a seed draws what is read, its masks and what is held out."""
    return [{"arm": arm, "seed": seed} for seed in range(seeds) for arm in ARMS]


def run(spec: dict) -> dict:
    """Measure a network on documents of each kind that it has not read, under the same masks."""
    model = network(spec["arm"], spec["seed"])
    found = {}
    for kind in KINDS:
        held = on_domains.hidden(on_domains.parts(kind, spec["seed"])["held"])
        loss = held_out_loss(model, held, on_domains.everything(held))
        found[f"log-probability, {kind}"] = round(-loss, 5)
    return {
        "metric": "log-probability, medical",
        "value": found["log-probability, medical"],
        "scores": found,
        "n_test": on_domains.HELD,
        "split": f"held out {spec['seed']}",
    }


def network(arm: str, seed: int) -> Blocks:
    """Return the network of an arm with the head that guesses tokens."""
    if arm == "warmed base":
        return on_domains.warmed()
    model = add_masked_head(load_text_backbone(on_domains.BACKBONE))
    return load_adapted(model, on_domains.adapted(arm, seed))
