"""The trials on tags and spans: splits without leaks, one training set for all arms, the rules."""

from __future__ import annotations

import numpy as np
import pytest

from companion.evidence.bio import entities_of
from companion.experiments import on_tokens, share_lost, token_rates, without_a_network
from companion.models.patterns import (
    PATTERNS,
    NameRule,
    best_pattern,
    best_rule,
    first_match,
    known_names,
    tags_by_rule,
)


@pytest.mark.parametrize("task", on_tokens.TASKS)
def test_no_group_is_on_two_sides_and_no_label_is_lost(task: str) -> None:
    fetch = on_tokens.tag_fetch() if task == "tags" else on_tokens.span_fetch()
    groups = fetch.texts.groups if task == "tags" else fetch.asked.groups
    split = on_tokens.split_of(task, 0)
    sides = [set(groups[ids]) for ids in (split.train, split.validation, split.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert len(fetch.tagged.lost if task == "tags" else fetch.windows.lost) == 0
    ids = on_tokens.training_ids(task, token_rates.N[task], 0)
    assert len(set(ids)) == token_rates.N[task] and not set(ids) - set(split.train)


def test_what_a_perfect_and_an_empty_answer_score() -> None:
    ids = on_tokens.split_of("tags", 0).test
    truth = [list(on_tokens.tag_fetch().texts.tags[i]) for i in ids]
    assert on_tokens.tag_scores(truth, ids)["entity F1"] == 1
    nothing = on_tokens.tag_scores([["O"] * len(row) for row in truth], ids)
    assert nothing["entity F1"] == 0 and nothing["word accuracy"] > 0.9
    asked = on_tokens.split_of("spans", 0).test
    truths = [right[0] for right in on_tokens.span_fetch().asked.truths(asked)]
    perfect = on_tokens.span_scores(truths, asked)
    assert perfect["token F1"] == perfect["exact match, holders"] == 1


def test_every_arm_trains_on_few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_tokens, "training_ids", lambda task, n, seed: ids_of(task)[:16])
    for task in on_tokens.TASKS:
        for arm in token_rates.RATES:
            spec = {"task": task, "arm": arm, "n": 16, "epochs": 1, "rate": 1e-3, "seed": 0}
            found = on_tokens.scores(task, on_tokens.train_arm(spec), ids_of(task)[:4])
            assert 0 <= found[on_tokens.METRICS[task]] <= 1


def ids_of(task: str) -> np.ndarray:
    return on_tokens.split_of(task, 0).train


def test_rules_know_names_and_capitals() -> None:
    words = ["Then", "Ann", "Lee", "saw", "new", "york", "."]
    known = frozenset({("new", "york"), ("york",)})
    plain = NameRule(True, False, known)
    assert [tuple(e)[1:] for e in entities_of(tags_by_rule(plain, words))] == [(1, 3), (4, 6)]
    everything = NameRule(True, True, frozenset())
    assert [tuple(e)[1:] for e in entities_of(tags_by_rule(everything, words))] == [(0, 3)]
    tags = [["O", "B-entity", "I-entity"]] * 4
    assert known_names([["a", "B", "C"]], tags[:1]) == {("b", "c")}
    rows = [["then", "Bo", "Ly"], ["then", "Cy", "Ny"], ["then", "Dy", "Oy"], ["then", "Ey", "Py"]]
    chosen = best_rule(rows, tags, lambda truth, found: float(truth == found))
    assert chosen.capitals and not chosen.known


def test_patterns_find_what_they_are_for() -> None:
    text = "Copyright (c) 1999-2003 by The Codehaus. Written by Ann Lee <ann@x.org>."
    found = {kind: {first_match(p, text) for p in tried} for kind, tried in PATTERNS.items()}
    assert "The Codehaus" in found["holders"] and "Ann Lee" in found["authors"]
    assert found["emails"] == {"ann@x.org"}
    score = shared
    assert best_pattern(["(x)", "(y)"], ["ay", "by"], [["y"], ["y"]], score) == "(y)"


def test_the_share_lost_is_that_of_the_way_up() -> None:
    spec = {"task": "labels", "seed": 0, "pretrained": 0.6, "untrained": 0.4, "lowest": 0.2}
    assert share_lost.run(spec)["value"] == 0.5
    labels = [spec for spec in share_lost.specs() if spec["task"] == "labels"]
    assert [spec["seed"] for spec in labels] == [0, 1, 2, 3, 4]


def test_rules_are_chosen_without_the_test_part() -> None:
    found = without_a_network.run({"task": "spans", "arm": "rules", "n": 200, "seed": 100})
    assert found["scores"]["exact match, emails"] > 0.9
    assert found["n_test"] == len(on_tokens.split_of("spans", 100).test)
    assert np.mean(found["each"]["token F1"]) == pytest.approx(found["value"], abs=1e-4)


def shared(answers: list[str], truths: list[list[str]]) -> float:
    return sum(a in t for a, t in zip(answers, truths, strict=True))
