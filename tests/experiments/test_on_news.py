"""Lesson 06's trials: who is asked, who teaches, and what the arms change and leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from companion.experiments import contrast_rates, few_examples, on_news, order_alone, prompted


def test_what_is_asked_taught_nothing() -> None:
    for seed in range(5):
        split = on_news.split_of(seed)
        groups = on_news.news().groups
        asked, taught = on_news.queries(seed), on_news.draw(16, seed)
        assert len(asked) == on_news.QUERIES and set(asked) <= set(split.test)
        assert not set(groups[asked]) & set(groups[taught])
        assert set(on_news.queries(seed, "validation")) <= set(split.validation)
    assert set(on_news.queries(0)) != set(on_news.queries(1))


def test_draws_are_balanced_and_nested() -> None:
    labels = on_news.news().labels
    previous: set[int] = set()
    for k in (0, 1, 2, 4, 8, 16):
        found = on_news.draw(k, 3)
        assert np.bincount(labels[found], minlength=5).tolist() == [k] * 5
        assert previous <= set(found)
        previous = set(found)


def test_every_arm_reads_the_headline_and_forty_five_words() -> None:
    short, whole = on_news.shortened(), on_news.news().texts
    assert "\n" not in "".join(short)
    for i in (0, 700, 1500):
        headline, _, rest = whole[i].partition("\n")
        assert short[i] == f"{headline}. {' '.join(rest.split()[:45])}"
        assert few_examples.fetch().texts.texts[i] == short[i]


def test_orders_are_of_the_same_demonstrations() -> None:
    spec = {"arm": "demonstrations", "k": 4, "seed": 2}
    prompts = [on_news.prompt_of(spec, order).demonstrations for order in range(on_news.ORDERS)]
    assert len(set(prompts)) == on_news.ORDERS
    assert len({frozenset(shown) for shown in prompts}) == 1
    truth = dict(zip(on_news.shortened(), on_news.news().labels.tolist(), strict=True))
    assert all(truth[text] == label for text, label in prompts[0])


@pytest.mark.parametrize(("arm", "right"), [("random labels", (0, 10)), ("flipped labels", (0, 0))])
def test_controls_change_labels_and_nothing_else(arm: str, right: tuple[int, int]) -> None:
    spec = {"arm": "demonstrations", "k": 4, "seed": 7}
    plain = on_news.prompt_of(spec, 0).demonstrations
    other = on_news.prompt_of(spec | {"arm": arm}, 0).demonstrations
    assert [text for text, _ in plain] == [text for text, _ in other]
    same = sum(a == b for (_, a), (_, b) in zip(plain, other, strict=True))
    assert right[0] <= same <= right[1]
    hidden = on_news.prompt_of(spec | {"arm": "hidden demonstrations"}, 0).demonstrations
    assert hidden == plain


def test_no_trial_uses_the_draws_that_choose() -> None:
    for module in (prompted, order_alone, few_examples):
        assert not {spec["seed"] for spec in module.specs()} & set(contrast_rates.TUNING)
    prompts = [s for s in few_examples.specs() if s["arm"] == few_examples.PROMPT["arm"]]
    assert len(prompts) == few_examples.SEEDS and {s["k"] for s in prompts} == {4}
