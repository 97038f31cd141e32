"""The sets of texts as they are after cleaning, and what of them may be shown."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pytest

from companion.data import shown
from companion.data.cleaning import masked, plain_reading, without_copies
from companion.data.news import excerpt, load_bbc_news
from companion.data.reviews import load_drug_reviews
from companion.data.text import Texts
from companion.data.tweets import OTHER, TOPICS, clean, load_tweets, reading, topic

LOADERS = {"tweets": load_tweets, "reviews": load_drug_reviews, "news": load_bbc_news}


@lru_cache(maxsize=3)
def loaded(name: str) -> Texts:
    return LOADERS[name]()


@pytest.mark.parametrize(
    ("name", "count", "labels"),
    [
        ("tweets", 34_328, [14_887, 13_115, 6_326]),
        ("reviews", 888, [256, 632]),
        ("news", 2_087, [500, 366, 394, 491, 336]),
    ],
)
def test_sizes_after_cleaning(name: str, count: int, labels: list[int]) -> None:
    texts = loaded(name)
    assert len(texts) == count
    assert np.bincount(texts.labels).tolist() == labels
    assert LOADERS[name]().digest == texts.digest  # the same each time


@pytest.mark.parametrize(("name", "read"), [("tweets", reading), ("reviews", plain_reading)])
def test_no_two_texts_read_alike(name: str, read: object) -> None:
    readings = [read(text) for text in loaded(name).texts]
    assert len(set(readings)) == len(readings) and all(readings)


def test_copies_go_before_any_split_and_conflicting_ones_altogether() -> None:
    texts = ["Good day!", "good  DAY", "bad", "Bad.", "so so", " ", "so, so"]
    labels = ["yes", "yes", "no", "yes", "no", "no", "no"]
    assert without_copies(texts, labels) == ([0, 4], 2, 2)


def test_tweets_are_plain_and_their_confidence_is_recorded_or_nan() -> None:
    tweets = loaded("tweets")
    assert all(text.isascii() for text in tweets.texts)
    known = tweets.confidence[~np.isnan(tweets.confidence)]
    assert known.min() > 0 and known.max() == 1
    # Whole sources lack it: the topics Coachella and Claritin do, nearly all others have it.
    for name, share in (("coachella", 1.0), ("claritin", 1.0), ("airlines", 0.001)):
        missing = np.isnan(tweets.confidence[tweets.kinds == name]).mean()
        assert missing == pytest.approx(share, abs=0.001)


def test_topics_are_those_of_the_rule_and_few_tweets_have_none() -> None:
    tweets = loaded("tweets")
    assert set(tweets.kinds) == {*TOPICS, OTHER}
    assert (tweets.kinds == OTHER).mean() < 0.005
    assert topic("Lost my bag @United!") == "airlines"
    assert topic("a DRIVER-LESS future") == "driverless cars"
    assert topic("hello") == OTHER


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("self driving cars_\x89\xdb\xcf.no &amp; thanks", "self driving cars .no & thanks"),
        ("see https://t.co/Ab1 and www.x.org/y  now", "see http and http now"),
        ("two\n lines\t here", "two lines here"),
        ("under_score stays", "under_score stays"),
    ],
)
def test_cleaning_a_tweet(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_what_is_shown_is_masked_and_from_the_list() -> None:
    for name in ("tweets", "reviews"):
        found = shown.texts_to_show(loaded(name))
        assert len(found) == len(shown.SHOWN[loaded(name).name]) <= 40
        assert not [text for text, _, _ in found if re.search(r"@(?!\[name\])\w|https?:", text)]
    labels = {label for _, label, _ in shown.texts_to_show(loaded("tweets"))}
    kinds = {kind for _, _, kind in shown.texts_to_show(loaded("tweets"))}
    assert labels == {"negative", "neutral", "positive"} and kinds == set(TOPICS)
    assert masked("ask @Ann or a.b@c.org, http://x.y") == "ask @[name] or [e-mail], [link]"


def test_a_text_that_is_gone_from_the_set_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="no texts of 'BBC News' were picked for showing"):
        shown.texts_to_show(loaded("news"))
    monkeypatch.setitem(shown.SHOWN, "drug reviews", ("0123456789",))
    with pytest.raises(LookupError, match="found that 1 are missing, such as 0123456789. Was"):
        shown.texts_to_show(loaded("reviews"))


def test_news_has_one_headline_and_no_more_than_may_be_shown() -> None:
    article = loaded("news").texts[0]
    headline, _, rest = article.partition("\n")
    assert excerpt(article) == f"{headline}: {' '.join(rest.split()[:25])} ..."
    assert not [text for text in loaded("news").texts if "\n\n" in text or "\u00c2" in text]
    assert len(set(loaded("news").groups.tolist())) == 2_060  # two versions of a story are one


def test_reviews_are_without_entities_and_quotes() -> None:
    reviews = loaded("reviews")
    assert not [text for text in reviews.texts if "&#039;" in text or text.startswith('"')]
    assert not [kind for kind in reviews.kinds if "span" in kind]
    assert "Birth Control" in reviews.kinds and np.isnan(reviews.confidence).all()
