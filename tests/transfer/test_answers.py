"""Decoding of spans against a slow search, and networks that learn tags and spans."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.spans import Questions, SpanFetch, cut_windows
from companion.data.tags import TagFetch, TaggedTexts, align
from companion.evidence.answers import exact_match, mean_score
from companion.evidence.bio import classes_of
from companion.evidence.entities import entity_score
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.token_heads import SPAN_ENDS, add_token_head, span_loss, tag_loss
from companion.transfer.answers import (
    Candidate,
    Ranked,
    best_spans,
    choose_margin,
    predict_answers,
    predict_tags,
    predict_tokens,
)
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_length

NAMES = ["Ann Lee", "Bob", "Cy Dee Fox", "Eve", "Gil Hart", "Ida"]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6), st.integers(1, 8))
def test_the_best_spans_are_those_of_a_slow_search(
    seed: int, tokens: int, longest: int, n_best: int
) -> None:
    generator = np.random.default_rng(seed)
    logits, legal = generator.normal(size=(tokens, 2)), generator.random(tokens) < 0.7
    spans = [
        (logits[a, 0] + logits[b, 1], a, b)
        for a in range(tokens)
        for b in range(a, min(tokens, a + longest))
        if legal[a] and legal[b]
    ]
    assert best_spans(logits, legal, longest, n_best) == sorted(spans, reverse=True)[:n_best]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["a", "b", ""])), min_size=1))
def test_the_margin_is_the_best_of_all(rows: list[tuple[int, str]]) -> None:
    found = [Ranked((Candidate("a", 0, 1, 0.0),), none=float(lead)) for lead, _ in rows]
    truths = [[right] if right else [] for _, right in rows]

    def score(answers: list[str], truths: list[list[str]]) -> float:
        return mean_score(exact_match, answers, truths)

    margin = choose_margin(found, truths, score)
    reached = score([one.text(margin) for one in found], truths)
    tried = [score([one.text(m) for one in found], truths) for m in np.arange(-6.5, 7)]
    assert reached == max(tried)


def test_a_margin_needs_questions_to_choose_by() -> None:
    with pytest.raises(ValueError) as caught:
        choose_margin([], [], lambda answers, truths: 0.0)
    assert str(caught.value) == (
        "expected validation questions to choose the margin by, found none. Answer some with "
        "predict_answers first; never choose it on the test part."
    )


@pytest.fixture(scope="module")
def tagged() -> TagFetch:
    words = [("then", *name.split(), "went", "to", f"place{i}") for i, name in enumerate(NAMES * 4)]
    tags = [("O", "B-person", *["I-person"] * (len(row) - 5), "O", "O", "O") for row in words]
    texts = TaggedTexts("toy", tuple(words), tuple(tags), classes_of(["person"]), np.zeros(24))
    return TagFetch(texts, align(texts, load_tokenizer("minilm_l6")), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def asked() -> SpanFetch:
    contexts = [
        f"this was made a long time ago, in the year {1970 + i}, by {name} of Kent."
        for i, name in enumerate(NAMES * 4)
    ]
    answers = [((c.index("by") + 3, c.index(" of")),) for c in contexts]
    kinds = np.zeros(24)
    toy = Questions("toy", ("who?",) * 24, tuple(contexts), tuple(answers), kinds, kinds)
    windows = cut_windows(toy, load_tokenizer("minilm_l6"), cap=20, stride=8)
    return SpanFetch(toy, windows, device=torch.device("cpu"))


def test_a_network_learns_tags_whole_and_above_a_boundary(tagged: TagFetch) -> None:
    ids = np.arange(24)
    for upto in (None, "block3"):
        backbone = load_text_backbone("minilm_l6", device="cpu")
        model = add_token_head(backbone, len(tagged.texts.classes))
        freeze(model, upto)
        source = cached(tagged, model, ids) if upto else tagged
        order = by_length(ids, tagged.lengths(ids), 8)
        plan = FitConfig(epochs=12, progress=False)
        fit(model, source, order, parameter_groups(model, 1e-3), plan, loss=tag_loss)
        found = predict_tags(model, tagged, ids)
        assert entity_score(tagged.texts.tags, found).f1 > 0.9


def test_a_network_learns_spans_over_windows(asked: SpanFetch) -> None:
    assert len(asked.windows.question) > 24  # some contexts take two windows
    model = add_token_head(load_text_backbone("minilm_l6", device="cpu"), SPAN_ENDS)
    freeze(model, None)
    windows = np.arange(len(asked.windows.question))
    order = by_length(windows, asked.lengths(windows), 8)
    plan = FitConfig(epochs=10, progress=False)
    fit(model, asked, order, parameter_groups(model, 3e-4), plan, loss=span_loss)
    found = predict_answers(model, asked, np.arange(24))
    texts = [answer.text() for answer in found]
    assert mean_score(exact_match, texts, asked.asked.truths(np.arange(24))) > 0.9
    assert all(len(answer.candidates) == 5 for answer in found)
    assert found[0].text(margin=-1e9) == ""


def test_the_loss_of_tags_is_the_mean_over_first_tokens_whatever_the_batch(
    tagged: TagFetch,
) -> None:
    model = add_token_head(load_text_backbone("minilm_l6", device="cpu"), 3).eval()
    with torch.no_grad():
        whole, n = tag_loss(model, tagged(np.arange(24)))
        single = [tag_loss(model, tagged(np.array([i]))) for i in range(24)]
    assert n == sum(count for _, count in single) == sum(map(len, tagged.texts.words))
    torch.testing.assert_close(sum(loss for loss, _ in single), whole, atol=1e-4, rtol=0)
    alone = predict_tokens(model, tagged, np.array([3]))[0]
    np.testing.assert_allclose(predict_tokens(model, tagged, np.arange(24))[3], alone, atol=1e-6)


def test_padding_is_no_answer(asked: SpanFetch) -> None:
    model = add_token_head(load_text_backbone("minilm_l6", device="cpu"), SPAN_ENDS).eval()
    lengths = asked.windows.tokens.lengths
    two = np.array([lengths.argmin(), lengths.argmax()])
    with torch.no_grad():
        together = span_loss(model, asked(two))[0]
        alone = sum(span_loss(model, asked(two[i : i + 1]))[0] for i in range(2))
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_a_token_head_needs_a_text_backbone() -> None:
    backbone = load_text_backbone("minilm_l6", device="cpu")
    with pytest.raises(ValueError, match="at least 2 outputs, found 1"):
        add_token_head(backbone, 1)
    with pytest.raises(ValueError, match="expected a text backbone that ends with its pooling"):
        add_token_head(add_token_head(backbone, 3), 3)
