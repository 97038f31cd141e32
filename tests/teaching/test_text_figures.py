"""Figures and the control of the lessons on text."""

from __future__ import annotations

import numpy as np
import pytest

from companion.models.text import load_tokenizer
from companion.teaching.text_figures import (
    draw_pretraining,
    draw_reliability,
    reliability_diagram,
    token_explorer,
    tokens_page,
    tokens_words,
)


def test_tokens_in_words() -> None:
    said = tokens_words(load_tokenizer("minilm_l6"), "unbelievably late")
    assert said.startswith("un ##bel ##ie ##va ##bly late\n2 words, 6 tokens, of which 4 go on")


def test_an_empty_text_and_a_text_of_tags_are_told_and_harmless() -> None:
    tokenizer = load_tokenizer("minilm_l6")
    assert tokens_words(tokenizer, "  ") == "There is nothing to cut: type a few words."
    assert "<b>" not in tokens_page(tokenizer, "<b>bold")


def test_the_control_follows_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    token_explorer(load_tokenizer("minilm_l6"), "a train")
    field, page = shown[-1].children
    assert "a train" in page.value
    field.value = "a delayed train"
    assert "a delayed train" in page.value


def test_the_hidden_word_stands_over_its_place() -> None:
    texts = {t.get_text(): t.get_position()[0] for t in draw_pretraining().axes[0].texts}
    assert texts["late"] == texts["[MASK]"] == texts["the hidden word"]


def test_the_reliability_diagram_shows_each_model_and_its_numbers(
    capsys: pytest.CaptureFixture,
) -> None:
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 3, 200), 2 * rng.normal(size=(200, 3))
    models = {"as it is": logits, "scaled": logits / 2}
    reliability_diagram(labels, models, "Two lines, both far below the broken line.")
    out = capsys.readouterr().out
    assert "as it is" in out and "scaled" in out and "confidence" in out
    lines = draw_reliability({"m": [(0.5, 0.4, 10), (0.9, 0.7, 20)]}).axes[0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), [0.4, 0.7])
