"""The figures and controls of lesson 06: what they say is what was asked and what came back."""

from __future__ import annotations

import numpy as np
import pytest

from companion.data.prompts import Prompt, with_demonstrations
from companion.teaching import prompt_figures as figures
from companion.teaching.prompt_figures import Asked

PROMPT = with_demonstrations(
    Prompt(("art", "<b>sport"), header="Topics."), ["A goal & a match " + "again " * 20], [1]
)
ASKED = Asked(PROMPT, "A museum", np.log([0.2, 0.6]), np.log([[0.1, 0.8], [0.3, 0.6]]))


def test_shares_are_those_of_the_labels_before_and_after() -> None:
    plain, even = ASKED.shares()
    np.testing.assert_allclose(plain, [0.25, 0.75])
    free = (np.array([1 / 9, 8 / 9]) + [1 / 3, 2 / 3]) / 2
    odds = plain / free
    np.testing.assert_allclose(even, odds / odds.sum())
    assert plain.argmax() == 1 and even.argmax() == 0  # calibration turns this answer


def test_the_prompt_is_shown_short_and_safe() -> None:
    text = figures.short_prompt(ASKED.prompt, ASKED.text)
    assert text.startswith("Topics.\n\nArticle: A goal & a match again again")
    assert text.count("again") == 7 and text.endswith("Article: A museum\nTopic: ...")
    page = figures.asked_page(ASKED)
    assert "&lt;b&gt;sport" in page and "goal &amp; a match" in page and "<b>" not in page
    assert "<td>0.25</td>" in page and "<td><strong>0.75</strong></td>" in page
    assert "0.25" in figures.asked_words(ASKED) and "calibrated" in figures.asked_words(ASKED)


def test_the_explorer_shows_the_chosen_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    bare = Asked(Prompt(("art", "<b>sport")), "A museum", ASKED.scores, ASKED.free)
    figures.prompt_explorer({"with one": ASKED, "without": bare})
    field, page = shown[-1].children
    assert page.value == figures.asked_page(ASKED)
    field.value = "without"
    assert page.value == figures.asked_page(bare) and "goal" not in page.value


def test_every_order_of_every_draw_is_a_point() -> None:
    scores = figures.by_order([np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.6, 0.1])])
    assert scores.shape == (3, 2)
    fig = figures.draw_draws_and_orders({"plain": scores}, "accuracy", {"one answer": 0.2})
    points = [line for line in fig.axes[0].lines if line.get_marker() == figures.MARKERS[0]]
    assert [sorted(line.get_xdata()) for line in points] == [[0.2, 0.4], [0.5, 0.6], [0.1, 0.3]]
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["draw 0", "draw 1", "draw 2"]
