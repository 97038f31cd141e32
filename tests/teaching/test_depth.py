"""Lesson 01's figures by depth and its control: what they say, and from what."""

import numpy as np
import pytest

from companion.data.vision import Pictures
from companion.evidence.intervals import Interval
from companion.teaching.depth import (
    Looked,
    depth_page,
    depth_words,
    draw_filters,
    draw_scores_by_block,
    mosaic,
    neighbour_rows,
)

POINTS = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, -0.1], [0.9, 0.0], [1.0, 0.2], [1.0, -0.2]])


@pytest.fixture
def looked() -> Looked:
    """Two pictures of six pieces each: told apart after "high" and not after "low"."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 6)
    pictures = Pictures(
        name="toy",
        pixels=rng.integers(0, 256, (12, 3, 8, 8), dtype=np.uint8),
        labels=labels,
        classes=("cat", "cup"),
        groups=labels,
        kinds=np.tile(["as taken", "swapped"], 6),
        digest="toy",
    )
    high = np.vstack([POINTS, -POINTS])
    low = np.column_stack([np.tile([1.0, -1.0], 6), 0.01 * np.arange(12)])
    return Looked(pictures, {"low": low, "high": high}, {"high": "0.700"})


def test_a_row_holds_the_query_and_its_five_nearest(looked: Looked) -> None:
    pictures, captions = neighbour_rows(looked, 2, ["low", "high"])
    assert pictures.shape == (12, 3, 8, 8)
    assert np.array_equal(pictures[0], looked.pictures.pixels[2])
    assert captions[6:] == ["high:", "cat", "cat", "cat", "cat", "cat"]
    assert not any(np.array_equal(p, looked.pictures.pixels[2]) for p in pictures[1:6])


def test_words_say_the_shares_and_what_was_recorded(looked: Looked) -> None:
    assert depth_words(looked, "high") == (
        "After high, 100% of the five nearest are from the same picture, and 40% have the same "
        "colouring. Recorded: 0.700."
    )
    assert "100% have the same colouring." in depth_words(looked, "low")
    assert "Recorded" not in depth_words(looked, "low")


def test_the_page_of_the_control_is_a_function_of_its_settings(looked: Looked) -> None:
    page = depth_page(looked, "high", 0)
    assert page == depth_page(looked, "high", 0) != depth_page(looked, "low", 0)
    assert 'alt="A piece of the picture cat, and its nearest after high: cat, cat' in page
    assert "100% of the five nearest" in page


def test_filters_keep_their_pattern_and_grey_is_no_weight() -> None:
    filters = np.zeros((9, 3, 2, 2))
    filters[1, 0, 0, 0] = 4.0
    filters[8, 2, 1, 1] = -0.5
    page = mosaic(filters)
    assert page.shape == (5, 23, 3)
    assert np.all(page[:2, :2] == 0.5)
    assert page[0, 3].tolist() == [1.0, 0.5, 0.5]  # stretched to the full red
    assert page[4, 1].tolist() == [0.5, 0.5, 0.0]
    assert np.all(page[2] == 1) and np.all(page[:, 2] == 1)  # the gaps are white
    assert len(draw_filters({"a": filters, "b": filters}).axes) == 2


def test_scores_are_drawn_for_the_same_blocks() -> None:
    found = {"stem": Interval(0.5, 0.4, 0.6, 10), "pool": Interval(0.7, 0.6, 0.8, 10)}
    ax = draw_scores_by_block({"a": found, "b": found}, "score", {"chance": 0.5}).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["stem", "pool"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "chance"]
    with pytest.raises(ValueError, match=r"expected the blocks \['stem', 'pool'\] for every arm"):
        draw_scores_by_block({"a": found, "b": {"stem": found["stem"]}}, "score")
