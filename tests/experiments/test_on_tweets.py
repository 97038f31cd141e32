"""The experiments on tweets: what may see what, and what their scores count."""

from __future__ import annotations

import numpy as np
import pytest

from companion.experiments import (
    few_labels_rates,
    new_topic,
    on_tweets,
    text_rates,
    what_labels_buy,
)
from companion.models.bag_of_words import tfidf_model


def readings(ids: np.ndarray) -> set[str]:
    return {on_tweets.tweets().texts[i].lower() for i in ids}


def test_what_chooses_settings_is_in_no_trial() -> None:
    aside, used = on_tweets.parts()
    assert len(aside) == on_tweets.ASIDE and not np.intersect1d(aside, used).size
    for seed in (0, 7):
        tuning, split = on_tweets.tuning_split(seed), on_tweets.split_of(seed)
        assert np.isin(np.concatenate([tuning.train, tuning.validation]), aside).all()
        assert np.isin(np.concatenate([split.train, split.validation, split.test]), used).all()
        assert len(split.test) == on_tweets.TEST and len(split.validation) == on_tweets.VALIDATION
        assert on_tweets.TEST / len(used) == pytest.approx(on_tweets.TEST_SHARE, abs=0.001)


@pytest.mark.parametrize("seed", [0, 3])
def test_no_tweet_stands_on_two_sides(seed: int) -> None:
    split = on_tweets.split_of(seed)
    sides = [readings(ids) for ids in (split.train, split.validation, split.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_splits_keep_topics_and_labels_in_proportion() -> None:
    tweets, split = on_tweets.tweets(), on_tweets.split_of(1)
    for kind in np.unique(tweets.kinds[split.test]):
        shares = [(tweets.kinds[ids] == kind).mean() for ids in (split.train, split.test)]
        assert shares[0] == pytest.approx(shares[1], abs=0.002)


def test_a_guess_by_topic_is_found_out_within_topics() -> None:
    found = what_labels_buy.run({"arm": "topic only", "n": 500, "seed": 0})["scores"]
    blind = what_labels_buy.run({"arm": "majority", "n": 500, "seed": 0})["scores"]
    assert found["macro-F1"] > 0.5 > 0.3 > found["macro-F1 within topic"]
    assert blind["share of one answer"] == 1.0
    assert blind["accuracy"] == blind["majority accuracy"]
    assert found["accuracy"] > blind["accuracy"]


def test_every_score_comes_with_its_scaled_confidence() -> None:
    row = what_labels_buy.run({"arm": "TF-IDF", "n": 500, "seed": 1})
    assert row["strength"] in (3.0, 30.0, 300.0)
    assert row["value"] == row["scores"]["macro-F1 within topic"]
    assert {"ECE", "ECE, scaled", "log-loss", "temperature"} <= row["scores"].keys()
    # One temperature, fitted to 500 other tweets, does not make it much worse anywhere.
    assert row["scores"]["log-loss, scaled"] < row["scores"]["log-loss"] + 0.02
    assert row["n_test"] == on_tweets.TEST


def test_a_new_topic_is_not_among_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, seen = on_tweets.tweets().kinds, []
    fitted = what_labels_buy.fitted_arm

    def watched(arm: str, n: int, ids: np.ndarray, asked: np.ndarray) -> tuple:
        seen.append((set(kinds[ids]), set(kinds[asked])))
        return fitted(arm, n, ids, asked)

    monkeypatch.setattr(what_labels_buy, "fitted_arm", watched)
    row = new_topic.run({"arm": "TF-IDF", "topic": "apple", "n": 500, "seed": 0})
    assert seen[0][1] == {"apple"} and "apple" not in seen[0][0]
    assert row["n_test"] == (kinds[on_tweets.split_of(0).test] == "apple").sum()


def test_all_ways_have_the_same_number_of_settings_to_choose_from() -> None:
    for specs, ways in ((text_rates.specs(), 5), (few_labels_rates.specs(), 4)):
        assert len(specs) == ways * 3 * len(on_tweets.TUNING)
    assert len(what_labels_buy.STRENGTHS) == len(what_labels_buy.PROBE_STRENGTHS) == 3
    rows = [
        {"spec": spec, "value": value}
        for spec, value in zip(
            few_labels_rates.specs()[:6], (0.1, 0.2, 0.5, None, 0.3, 0.3), strict=True
        )
    ]
    asked = {"start": "plain", "epochs": 3}
    assert text_rates.best_rate(rows, asked, text_rates.RATES) == text_rates.RATES[2]
    with pytest.raises(LookupError, match="are recorded 5 times, expected 6. Run `companion rec"):
        text_rates.best_rate(rows[:5], asked, text_rates.RATES)


def test_an_unknown_arm_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no arm 'half' on tweets; see train_arm"):
        on_tweets.train_arm({"arm": "half", "rate": 1e-4, "seed": 0, "epochs": 1}, np.arange(10))


def test_the_baseline_needs_two_classes_and_learns_words() -> None:
    with pytest.raises(ValueError, match=r"at least two classes, found one class only: \[1\]"):
        tfidf_model(["a b", "c d"], np.array([1, 1]))
    model = tfidf_model(["good day", "bad day", "good sun", "bad rain"], np.array([1, 0, 1, 0]))
    assert model.predict(["good", "bad"]).tolist() == [1, 0]
