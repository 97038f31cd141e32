"""Labels from demonstrations: scores of words, the shared beginning, calibration."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from companion.data.prompts import Prompt, prompt_tokens, with_demonstrations
from companion.experiments import on_news
from companion.models.causal import as_causal_blocks, load_causal
from companion.models.prefix import Prefix, next_token_log_probabilities
from companion.models.text import load_tokenizer
from companion.transfer.incontext import (
    BATCH,
    calibrated,
    content_free_scores,
    label_scores,
    probabilities,
)
from companion.transfer.store import hash_weights
from tests.models.test_causal import toy_llama

PROMPT = Prompt(("good", "very bad", "very poor"), pattern="{text} is", gap=" ")
TEXTS = ["the film", "the plot was fine and it", "a film was not great", "it"]


@pytest.fixture
def llama(tmp_path: Path):
    net, tokenizer = toy_llama(tmp_path)
    return net, as_causal_blocks(net, "toy llama", tokenizer), tokenizer


def slow_scores(net, tokenizer, prompt: Prompt, texts: list[str]) -> np.ndarray:
    """Read the whole prompt anew for each text and label, and add up what each token cost."""
    found = np.zeros((len(texts), len(prompt.words)))
    for i, text in enumerate(texts):
        for label in range(len(prompt.words)):
            before = tokenizer(prompt.whole(text), add_special_tokens=False)["input_ids"]
            word = tokenizer(prompt.answer(label), add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                logits = net(input_ids=torch.tensor([before + word])).logits[0].log_softmax(-1)
            places = range(len(before) - 1, len(before) + len(word) - 1)
            found[i, label] = sum(float(logits[p, t]) for p, t in zip(places, word, strict=True))
    return found


@pytest.mark.parametrize("shots", [0, 2])
def test_scores_equal_those_of_whole_prompts(llama, shots: int) -> None:
    net, model, tokenizer = llama
    prompt = with_demonstrations(PROMPT, ["a plot", "it was bad and it"][:shots], [0, 2][:shots])
    found = label_scores(model, tokenizer, prompt, TEXTS, batch_size=3)
    np.testing.assert_allclose(found, slow_scores(net, tokenizer, prompt, TEXTS), atol=1e-4)
    mean = label_scores(model, tokenizer, prompt, TEXTS, per_token=True)
    np.testing.assert_allclose(mean, found / [1, 2, 2], atol=1e-5)


def test_no_weight_changes_and_demonstrations_that_are_hidden_say_nothing(llama) -> None:
    _, model, tokenizer = llama
    prompt = with_demonstrations(PROMPT, ["a plot", "it was bad and it"], [0, 2])
    before = hash_weights(model, len(model.layers))
    shown = label_scores(model, tokenizer, prompt, TEXTS)
    hidden = label_scores(model, tokenizer, prompt, TEXTS, hide_demonstrations=True)
    assert hash_weights(model, len(model.layers)) == before
    np.testing.assert_allclose(hidden, label_scores(model, tokenizer, PROMPT, TEXTS), atol=1e-5)
    assert not np.allclose(shown, hidden, atol=1e-3)
    free = content_free_scores(model, tokenizer, prompt, hide_demonstrations=True)
    np.testing.assert_allclose(free, content_free_scores(model, tokenizer, PROMPT), atol=1e-5)


def test_calibration_makes_a_question_that_asks_nothing_even() -> None:
    free = np.log([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]])
    scores = np.log([[0.6, 0.3, 0.1], [0.5, 0.2, 0.3]]) - 7  # a constant per text says nothing
    found = probabilities(calibrated(scores, free))
    by_hand = np.array([[0.6, 0.3, 0.1], [0.5, 0.2, 0.3]]) / [0.6, 0.3, 0.1]
    np.testing.assert_allclose(found, by_hand / by_hand.sum(axis=1, keepdims=True), rtol=1e-6)
    even = probabilities(calibrated(np.log([[0.6, 0.3, 0.1]]), free))
    np.testing.assert_allclose(even, 1 / 3)


def test_calibration_with_another_prompts_scores_is_refused(llama) -> None:
    _, model, tokenizer = llama
    free = content_free_scores(model, tokenizer, PROMPT, ["", "it"])
    assert free.shape == (2, 3)
    with pytest.raises(ValueError, match=r"at least one, 2 classes\), found \(2, 3\)"):
        calibrated(np.zeros((4, 2)), free)


@pytest.mark.alone
@pytest.mark.slow
def test_reading_demonstrations_once_is_exact_and_six_times_as_fast(measured) -> None:
    """16 demonstrations, 200 questions; whole prompts are timed on one batch of 8 of them."""
    model, tokenizer = load_causal("smollm2_135m"), load_tokenizer("smollm2_135m")
    articles, labels = on_news.shortened(), on_news.news().labels
    shown = on_news.draw(4, 100)[:16]
    plain = Prompt(on_news.news().classes, header=on_news.HEADER, pattern=on_news.PATTERN)
    prompt = with_demonstrations(plain, articles[shown].tolist(), labels[shown].tolist())
    ids = on_news.split_of(100).validation[:200]
    parts = prompt_tokens(prompt, articles[ids].tolist(), tokenizer)

    start = time.perf_counter()
    found = label_scores(model, tokenizer, prompt, articles[ids].tolist())
    shared = time.perf_counter() - start
    rows = [[*parts.beginning, *question] for question in parts.questions[:BATCH]]
    start = time.perf_counter()
    whole = next_token_log_probabilities(model, Prefix(), rows)[:, -1]
    anew = (time.perf_counter() - start) * len(ids) / BATCH

    words = [label[0] for label in parts.labels]
    assert all(len(label) == 1 for label in parts.labels)
    apart = float(np.abs(whole[:, words].numpy() - found[:BATCH]).max())
    assert apart < 1e-4
    assert (whole[:, words].argmax(dim=1).numpy() == found[:BATCH].argmax(axis=1)).all()
    measured(
        f"{len(parts.beginning)} tokens shared: {shared:.1f} s for {len(ids)} questions, "
        f"{anew:.1f} s anew: {anew / shared:.1f} times; {apart:.1e} apart"
    )
    assert anew / shared > 6
