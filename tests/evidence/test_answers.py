"""Exact match and token F1 against the official SQuAD functions, as torchmetrics keeps them."""

from __future__ import annotations

import random
import re

import pytest
from torchmetrics.functional.text.squad import (
    _compute_exact_match_score,
    _compute_f1_score,
    squad,
)

from companion.evidence.answers import best_over, exact_match, mean_score, normalised, token_f1

CASES = [
    ("Denver Broncos", "the Denver Broncos!"),
    ("1976", "1976."),
    ("a, an; the", "The"),
    ("", ""),
    ("", "none"),
    ("the", ""),
    ("the cat the cat", "cat cat dog"),
    ("U.S.", "us"),
    ("it's an apple-pie", "its applepie"),
    ("A\u00a0tab\tand\nline", "tab and line"),
    ("Äpfel – «Öl»", "äpfel öl"),
]
WORDS = ["the", "a", "an", "The", "cat", "Cat.", "dogs", "U.S.", "-", "", "1,000", "e\u0301", "😀"]


def test_the_official_cases() -> None:
    for answer, truth in CASES:
        assert exact_match(answer, truth) == _compute_exact_match_score(answer, truth).item()
        assert token_f1(answer, truth) == pytest.approx(_compute_f1_score(answer, truth).item())


def test_a_thousand_drawn_cases() -> None:
    draw = random.Random(0)
    answers, truths = [], []
    for i in range(1000):
        answers.append(" ".join(draw.choices(WORDS, k=draw.randint(0, 5))))
        several = range(draw.randint(1, 3))
        truths.append([" ".join(draw.choices(WORDS, k=draw.randint(0, 5))) for _ in several])
        preds = {"prediction_text": answers[i], "id": str(i)}
        target = {"answers": {"answer_start": [0], "text": truths[i]}, "id": str(i)}
        official = squad(preds, target)
        assert 100 * best_over(exact_match, answers[i], truths[i]) == official["exact_match"]
        mine = 100 * best_over(token_f1, answers[i], truths[i])
        assert mine == pytest.approx(official["f1"].item(), abs=1e-4)
    preds = [{"prediction_text": a, "id": str(i)} for i, a in enumerate(answers)]
    targets = [
        {"answers": {"answer_start": [0], "text": t}, "id": str(i)} for i, t in enumerate(truths)
    ]
    official = squad(preds, targets)
    for score, name in ((exact_match, "exact_match"), (token_f1, "f1")):
        mine = 100 * mean_score(score, answers, truths)
        assert mine == pytest.approx(official[name].item(), abs=1e-4)


def test_no_true_answer_asks_for_none() -> None:
    assert best_over(exact_match, "", []) == 1 and best_over(token_f1, "x", []) == 0
    assert normalised(" The  Answer, is: an A. ") == "answer is"


def test_every_question_is_answered() -> None:
    said = "expected an answer to each of 2 questions, found 1. Answer all of them;"
    with pytest.raises(ValueError, match=re.escape(said)):
        mean_score(exact_match, ["x"], [["x"], ["y"]])
