"""The figures and controls of lesson 04: what they say is what the tokens and scores are."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

from companion.data.shown import questions_to_show, tweets_to_show
from companion.experiments import on_tokens
from companion.models.text import load_tokenizer
from companion.teaching import token_figures as figures
from companion.transfer.answers import Candidate, Ranked


def inside(page: str, tag: str) -> list[str]:
    """Return the text of all elements of a page with this tag."""
    return [html.unescape(text) for text in re.findall(f"<{tag}>(.*?)</{tag}>", page)]


def test_labels_stand_under_the_first_token_of_each_word() -> None:
    fetch, tokenizer = on_tokens.tag_fetch(), load_tokenizer("minilm_l6")
    for i in tweets_to_show(fetch.texts):
        rows = figures.label_rows(fetch, tokenizer, i)
        assert len(rows) == fetch.lengths(np.array([i]))[0]
        assert rows[0][0] == "[CLS]" and rows[0][1:] == ("", "-100")
        said = [fetch.texts.classes[int(label)] for _, _, label in rows if label != "-100"]
        assert said == list(fetch.texts.tags[i])  # each word once
        assert figures.label_words(rows).count("\n") == len(rows)
        assert inside(figures.label_page(rows), "td")[: len(rows)] == [r[0] for r in rows]


def test_no_name_of_a_user_is_shown() -> None:
    fetch, tokenizer = on_tokens.tag_fetch(), load_tokenizer("minilm_l6")
    i = next(i for i, row in enumerate(fetch.texts.words) if row[0].startswith("@"))
    rows = figures.label_rows(fetch, tokenizer, i)
    assert rows[1][0] == "[name]"
    assert fetch.texts.words[i][0] not in figures.named(fetch.texts.words[i], fetch.texts.tags[i])


def test_names_are_put_in_brackets() -> None:
    words = ["Ann", "Lee", "in", "Rome", "!"]
    tags = ["B-person", "I-person", "O", "B-place", "O"]
    assert figures.named(words, tags) == "[Ann Lee] person in [Rome] place !"
    assert figures.named(words[2:], ["O", "B-entity", "O"]) == "in [Rome] !"


def test_answers_are_marked_where_they_stand() -> None:
    asked = on_tokens.span_fetch().asked
    i = questions_to_show(asked)[0]
    a, b = asked.answers[i][0]
    found = Ranked((Candidate(asked.contexts[i][a:b], a, b, 3.5),), none=1.0)
    page = figures.answers_page(asked, i, found)
    assert inside(page, "mark") == [asked.contexts[i][a:b]]
    assert [line.split(maxsplit=1)[0] for line in inside(page, "code")] == ["3.50", "1.00"]
    words = figures.answers_words(asked, i, found).split("\n")
    assert words[0] == asked.questions[i] and words[1] == f"right: {asked.contexts[i][a:b]}"
    nothing = figures.answers_page(asked, i, Ranked((), none=0.0))
    assert "<mark>" not in nothing and "(none)" in nothing


@pytest.mark.parametrize("task", on_tokens.TASKS)
def test_the_explorers_follow_the_list(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    if task == "tags":
        fetch = on_tokens.tag_fetch()
        ids = tweets_to_show(fetch.texts)[:3]
        figures.label_explorer(fetch, load_tokenizer("minilm_l6"), ids)
    else:
        asked = on_tokens.span_fetch().asked
        ids = questions_to_show(asked)[:3]
        found = [Ranked((Candidate(str(i), 0, 1, 1.0),), none=0.0) for i in ids]
        figures.answer_explorer(asked, ids, found)
    field, page = shown[-1].children
    assert len(field.options) == 3 and page.value in shown[0].page
    before = page.value
    field.value = field.options[2]
    assert page.value != before


def test_the_best_pair_that_may_be_given_is_framed() -> None:
    logits = np.array([[9.0, 9.0], [1.0, 0.0], [3.0, 1.0], [0.0, 2.0]])
    legal = np.array([False, True, True, True])
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "draw_span_scores", lambda *given: drawn.append(given))
        patch.setattr(figures, "show", lambda *given: drawn.append(given))
        figures.span_scores(["q", "a", "b", "c"], logits, legal, 2, "alt")
    (_, scores, allowed, best), (_, alt, _, table) = drawn
    assert best == (2, 3) and scores[2, 3] == 5 and allowed.sum() == 5 and alt == "alt"
    assert table[1] == ["q", "9.0", "9.0", "no"] and table[3] == ["b", "3.0", "1.0", "yes"]
    fig = figures.draw_span_scores(["q", "a", "b", "c"], scores, allowed, best)
    frame = fig.axes[0].patches[0]
    assert (frame.get_x(), frame.get_y()) == (2.5, 1.5)
    picture = fig.axes[0].images[0].get_array()
    assert np.isnan(np.ma.filled(picture, np.nan)[0]).all()
