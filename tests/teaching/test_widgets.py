"""The interval control: a pure function behind it, a still figure beside it."""

import numpy as np
import pytest
from scipy import stats

from companion.evidence.intervals import t_interval
from companion.teaching import figures, widgets
from companion.teaching.widgets import interval_story


def test_interval_equals_the_one_from_the_numbers():
    values = np.array([0.02, 0.05, 0.01, 0.06, 0.03])
    story = interval_story(values.mean(), values.std(ddof=1), 5, 0.01)
    wanted = t_interval(values)
    assert (story.low, story.high) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize(
    ("mean", "delta", "word"),
    [
        (0.10, 0.01, "supported"),
        (-0.10, 0.01, "contradicted"),
        (0.03, 0.01, "undecided"),
        (0.06, 0.05, "undecided"),
    ],
)
def test_verdict_and_its_sentence(mean, delta, word):
    story = interval_story(mean, 0.04, 5, delta)
    assert story.verdict == word
    assert f'"A beats B by {delta:.3f}" is {word}.' in story.sentence
    assert f"{story.low:+.3f} to {story.high:+.3f}" in story.sentence
    assert ("would settle it" in story.sentence) == (word == "undecided")


def test_no_spread_leaves_a_point():
    story = interval_story(0.02, 0.0, 3, 0.01)
    assert (story.low, story.high, story.verdict) == (0.02, 0.02, "supported")


def test_seeds_to_settle_is_the_least_number():
    enough = interval_story(0.03, 0.04, 5, 0.01).seeds_to_settle
    assert interval_story(0.03, 0.04, enough, 0.01).verdict == "supported"
    assert interval_story(0.03, 0.04, enough - 1, 0.01).verdict == "undecided"
    half = stats.t.ppf(0.975, enough - 1) * 0.04 / np.sqrt(enough)
    assert half < 0.02


def test_a_mean_at_delta_is_never_settled():
    story = interval_story(0.01, 0.04, 30, 0.01)
    assert story.seeds_to_settle is None
    assert "not even 200 seeds" in story.sentence


@pytest.mark.parametrize(("sd", "seeds"), [(0.1, 1), (-0.1, 5)])
def test_impossible_settings_are_refused(sd, seeds):
    with pytest.raises(ValueError, match="at least 2 seeds and a spread of 0 or more"):
        interval_story(0.0, sd, seeds, 0.01)


def test_figure_says_the_verdict_in_words():
    fig = widgets.draw_interval(interval_story(0.03, 0.04, 5, 0.01))
    ax = fig.axes[0]
    assert ax.get_title(loc="left") == "5 seeds: undecided"
    low, high = ax.get_xlim()
    story = interval_story(0.1, 0.1, 3, 0.05)
    wide = widgets.draw_interval(story).axes[0].get_xlim()
    assert low < -0.1 and high > 0.1
    assert wide[0] < story.low and wide[1] > story.high


def test_sliders_rewrite_the_page():
    box = widgets.interval_control(0.03, 0.04, 5, 0.01)
    *sliders, page = box.children
    assert [s.description for s in sliders] == [
        "mean difference",
        "spread over seeds (SD)",
        "number of seeds",
        "delta",
    ]
    before = page.value
    assert "is undecided" in before
    sliders[2].value = 20
    assert "is supported" in page.value
    assert page.value == widgets.interval_page(0.03, 0.04, 20, 0.01)
    sliders[2].value = 1  # held at the least the slider allows
    assert "With 3 seeds" in page.value


def test_explorer_shows_a_still_view_first(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(figures, "put", lambda text, page: shown.append(page))
    assert widgets.interval_explorer() is None
    assert 'alt="An interval from -0.020 to +0.080' in shown[0]
    assert "To start with: With 5 seeds" in shown[0]
    assert "VBox" in capsys.readouterr().out
