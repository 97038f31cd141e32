"""The experiment on batches of one length, run for real on a few licence rules."""

import numpy as np

from companion.experiments import mixed_batches, on_rules


def test_both_arms_train_on_the_same_rules_and_are_judged_on_others() -> None:
    rows = [
        mixed_batches.run({"arm": arm, "seed": 3} | mixed_batches.SETTINGS | {"n": 20, "cap": 32})
        for arm in mixed_batches.ARMS
    ]
    for row in rows:
        assert 0 < row["value"] < 1 and row["n_test"] == on_rules.TESTED
        assert 1 <= row["scores"]["answers given"] <= len(on_rules.KINDS)
    assert rows[0]["scores"] != rows[1]["scores"]


def test_the_length_of_a_rule_tells_what_it_is() -> None:
    rules = on_rules.all_rules()
    words = np.array([len(text.split()) for text in rules.texts])
    medians = {kind: np.median(words[rules.kinds == kind]) for kind in on_rules.KINDS}
    assert medians["text"] > 3 * medians["notice"] > 3 * medians["tag"]
    drawn = on_rules.drawn_rules(50, seed=1)
    assert len(drawn) == 50 + on_rules.TESTED == len(set(drawn.texts))
