"""The figures and controls of lesson 05: what they say is what was hidden and measured."""

from __future__ import annotations

import numpy as np
import pytest

from companion.data.corpus import cut_documents
from companion.data.masking import MaskedFetch, masked_fetch
from companion.data.tags import IGNORED
from companion.models.language_heads import add_masked_head
from companion.models.text import load_text_backbone, load_tokenizer
from companion.teaching import domain_figures as figures
from companion.transfer.answers import guess_hidden


@pytest.fixture
def fetch() -> MaskedFetch:
    tokenizer = load_tokenizer("minilm_l6")
    texts = ["Reduced transparency of the cornea.", "An abnormal curvature of the <spine>."]
    return masked_fetch(cut_documents(texts, tokenizer, length=16), tokenizer, seed=1)


def test_rows_say_what_is_hidden_and_asked_for(fetch: MaskedFetch) -> None:
    tokenizer = load_tokenizer("minilm_l6")
    for epoch in range(4):
        rows = figures.hidden_rows(fetch, tokenizer, 1, epoch)
        _, wanted = fetch.hide(1, epoch)
        assert [bool(asked) for _, _, asked in rows] == (wanted != IGNORED).tolist()
        assert all(seen == token for token, seen, asked in rows if not asked)
        assert all(asked == token for token, _, asked in rows if asked)
        assert figures.hidden_words(rows).count("\n") == len(rows)
        page = figures.hidden_page(rows)
        assert page.count("<strong>") == 3 * sum(bool(row[2]) for row in rows)
        assert "<td>&lt;</td>" in page or "<strong>&lt;</strong>" in page


def test_the_explorer_follows_the_epoch(
    fetch: MaskedFetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    figures.hiding_explorer(fetch, load_tokenizer("minilm_l6"), 0, epochs=3)
    field, page = shown[-1].children
    rows = figures.hidden_rows(fetch, load_tokenizer("minilm_l6"), 0, 2)
    field.value = "epoch 2"
    assert page.value == figures.hidden_page(rows)


def test_overlaps_are_symmetric_for_samples_of_equal_size() -> None:
    shares = figures.overlaps({"one": ["a b c d"], "other": ["c d e f"]})
    assert shares.tolist() == [[1, 0.5], [0.5, 1]]
    fig = figures.draw_overlaps(["one", "other"], shares)
    assert [text.get_text() for text in fig.axes[0].texts] == ["1.00", "0.50", "0.50", "1.00"]


def test_losses_are_drawn_where_they_are() -> None:
    fig = figures.draw_live_losses([5.0, 4.0, 3.5], before=5.5, after=3.75)
    steps, held = fig.axes[0].lines
    assert steps.get_ydata().tolist() == [5.0, 4.0, 3.5]
    assert held.get_ydata().tolist() == [5.5, 3.75] and held.get_xdata().tolist() == [0, 2]
    arms = {
        name: {"medical": np.array([x, x + 1]), "news": np.array([x])}
        for name, x in (("before", 5.0), ("after", 4.0))
    }
    fig = figures.draw_losses_by_domain(arms)
    means = [line.get_xdata() for line in fig.axes[0].lines if np.size(line.get_xdata()) == 1]
    assert sorted({float(np.ravel(m)[0]) for m in means}) == [4.0, 4.5, 5.0, 5.5]
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["medical", "news"]


def test_guesses_are_the_highest_scores() -> None:
    model, tokenizer = add_masked_head(load_text_backbone("minilm_l6")), load_tokenizer("minilm_l6")
    found = guess_hidden(model, tokenizer, "The [MASK] sat on the [MASK].", best=4)
    assert len(found) == 2 and all(len(set(row)) == 4 for row in found)
    assert (
        guess_hidden(model, tokenizer, "The [MASK] sat on the [MASK].", best=1)[0] == found[0][:1]
    )
    with pytest.raises(ValueError) as error:
        guess_hidden(model, tokenizer, "Nothing here.")
    assert str(error.value) == (
        "expected [MASK] in the text, found none: put it where a word is to be guessed."
    )
