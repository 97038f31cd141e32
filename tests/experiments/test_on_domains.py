"""The trials on domains: no leaks, equal sizes, one tuning for all arms, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from companion.data.masking import MaskedFetch
from companion.data.overlap import copies_of_test
from companion.evidence.trials import spec_key
from companion.experiments import (
    domain_rates,
    fitted_domains,
    kept,
    on_domains,
    task_text,
    tweets_to_reviews,
    what_domain_text_buys,
)
from companion.models.text import load_text_backbone, load_tokenizer


def test_no_near_duplicate_is_on_two_sides_and_half_the_definitions_are_text_only() -> None:
    texts, split = on_domains.texts("definitions"), on_domains.split_of("definitions", 0)
    sides = [set(texts.groups[ids]) for ids in (split.train, split.validation, split.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    used = np.concatenate([split.train, split.validation, split.test])
    assert sorted(used) == sorted(on_domains.pool("definitions"))
    assert 0.45 < len(used) / len(texts) < 0.55


def test_nothing_that_is_read_holds_a_text_of_the_task_or_one_held_out() -> None:
    asked = [on_domains.texts("definitions").texts[i] for i in on_domains.pool("definitions")]
    parts = on_domains.parts("medical", 3)
    for part in parts.values():
        assert not copies_of_test(part, asked)
    assert not copies_of_test(parts["read"], parts["held"])
    assert len(parts["held"]) == on_domains.HELD
    assert not set(parts["warm"]) & set(parts["read"])
    assert on_domains.parts("medical", 4)["warm"] == parts["warm"]  # one head for all seeds


def test_what_is_read_has_the_size_that_was_asked_for() -> None:
    tokens = on_domains.tokens_of(np.array(on_domains.reading("medical", 0), dtype=object))
    assert 0 <= tokens.sum() - on_domains.TOKENS < 512


@pytest.mark.parametrize("task", ["definitions", "licences"])
def test_arms_that_are_fitted_in_seconds(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitted_domains, "strength_of", lambda task, arm, n: 30.0)
    scores = {}
    for arm in ("majority", "length", "TF-IDF", "TF-IDF, full text"):
        spec = {"task": task, "arm": arm, "n": 200, "seed": 200}
        scores[arm] = fitted_domains.judged(spec)["value"]
    assert scores["majority"] < scores["length"] + 0.1 < scores["TF-IDF"] + 0.1 < 0.9
    words = fitted_domains.inputs("licences", "TF-IDF", 0)
    assert max(len(row.split()) for row in words) <= on_domains.CAPS["licences"]


def test_the_rate_is_chosen_on_validation_and_the_same_way_for_every_encoder() -> None:
    made = [
        {"spec": spec, "value": 0.5 + 0.1 * (spec["rate"] == 1e-4)} for spec in domain_rates.specs()
    ]
    assert {domain_rates.best_rate(made, arm) for arm in domain_rates.ARMS} == {1e-4}
    assert not set(on_domains.TUNING) & {s["seed"] for s in what_domain_text_buys.specs()}
    with pytest.raises(LookupError) as error:
        domain_rates.best_rate(made[:3], "medical")
    assert str(error.value) == (
        "the rates of medical are recorded 0 times, expected 6. Run `companion record "
        "domain_rates` first."
    )


def test_every_arm_of_a_seed_learns_from_the_same_labels() -> None:
    specs = what_domain_text_buys.specs()
    assert len({spec_key(spec) for spec in specs}) == len(specs)
    sizes = {s["n"] for s in specs if s["how"] == "tuned"}
    assert sizes in ({50, 200, 1000}, set())


def test_reading_the_task_takes_its_training_texts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[MaskedFetch] = []
    monkeypatch.setattr(
        task_text, "adapt", lambda model, source, *rest, **named: seen.append(source)
    )
    warmed = kept.kept_network()
    monkeypatch.setattr(on_domains, "warmed", lambda: warmed)
    backbone = task_text.encoder_of("task", 0)
    assert len(seen[0].sequences.lengths) >= len(on_domains.split_of("definitions", 0).train)
    split = on_domains.split_of("definitions", 0)
    texts = on_domains.texts("definitions").texts
    assert set(task_text.task_texts(0)) == {texts[i] for i in split.train}
    whole = load_text_backbone(on_domains.BACKBONE)
    for name, value in whole.state_dict().items():
        assert torch.equal(backbone.state_dict()[name], value)  # nothing was read in this test


def test_tweets_and_reviews_are_put_together() -> None:
    split = tweets_to_reviews.split_of(0)
    spec = {"arm": "TF-IDF", "taught by": "both", "n": 50, "seed": 0}
    inputs, labels = tweets_to_reviews.examples(spec, split)
    assert len(inputs) == len(labels) == tweets_to_reviews.TWEETS + 50
    assert set(labels) == {0, 1} and 0.25 < labels[:2000].mean() < 0.75
    found = tweets_to_reviews.run(spec | {"seed": 100})
    assert 0.5 < found["value"] < 1 and found["n_test"] == 444


def test_the_kept_head_has_left_the_step_of_guessing_at_random() -> None:
    model = kept.kept_network()
    held = on_domains.hidden(on_domains.parts("medical", 0)["held"][:20])
    loss = kept_loss(model, held)
    assert 4 < loss < np.log(len(load_tokenizer(on_domains.BACKBONE))) - 3


def kept_loss(model, held) -> float:
    from companion.transfer.adapt import held_out_loss

    return held_out_loss(model, held, on_domains.everything(held))


def test_kept_features_are_of_the_texts_they_claim(tmp_path: Path) -> None:
    ids, features = kept.kept_features()
    split = on_domains.split_of("definitions", kept.SEED)
    assert features.shape == (len(ids), 384) and np.isfinite(features).all()
    assert ids[: kept.TRAIN].tolist() == sorted(ids[: kept.TRAIN])
    assert set(ids[: kept.TRAIN]) <= set(split.train)
    rest = ids[kept.TRAIN :].tolist()
    assert rest == [*split.validation, *split.test]
    file = tmp_path / "features.safetensors"
    save_file({"features": torch.zeros(1)}, file, metadata={"fits": "other"})
    with pytest.raises(ValueError) as error:
        kept.read(file, "a" * 16)
    assert str(error.value) == (
        "expected features.safetensors to fit aaaaaaaaaaaa, found other: the texts or settings "
        "changed since. Run `python -m companion.experiments.kept` (an hour)."
    )
