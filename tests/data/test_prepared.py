"""From what was found to what is trained on: nothing leaks, nothing goes in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from companion.data.own import Found, find_pictures
from companion.data.prepared import Prepared, drawn, prepare
from companion.data.report import examine
from companion.data.text import Texts
from tests.data.test_report import distinct, noise, texts


def prepared(found: Found, **options: object) -> Prepared:
    return prepare(found, examine(found), **options)


def sides(one: Prepared) -> list[np.ndarray]:
    return [one.split.train, one.split.validation, one.split.test]


def test_a_plain_set_is_split_with_every_class_on_each_side() -> None:
    one = prepared(texts(distinct(80), ["up", "down", "up", "even"] * 20))
    assert isinstance(one.data, Texts) and one.data.classes == ("down", "even", "up")
    assert [len(ids) for ids in sides(one)] == [50, 10, 20] and one.left_out == ()
    assert sorted(np.concatenate(sides(one))) == list(range(80))
    assert all(set(one.data.labels[ids]) == {0, 1, 2} for ids in sides(one))
    assert prepared(texts(distinct(80), ["up", "down"] * 40)).data.labels[:2].tolist() == [1, 0]


def test_copies_stand_on_one_side_and_what_clashes_is_left_out() -> None:
    items = distinct(60)
    items[20], items[40] = items[0], items[0]  # agree
    items[31] = items[2]  # do not
    one = prepared(texts(items, ["up", "down"] * 30))
    assert [(f.what, f.places) for f in one.left_out] == [
        ("copies with different labels", ("line 4", "line 33"))
    ]
    assert len(one.rows) == 58 and not {2, 31} & set(one.rows)
    places = [np.flatnonzero(one.rows == i)[0] for i in (0, 20, 40)]
    assert [any(set(places) <= set(ids) for ids in sides(one))] == [True]


def test_groups_and_copies_that_meet_are_one_group() -> None:
    items = distinct(60)
    items[5] = items[0]
    groups = [f"g{i // 2}" for i in range(60)]  # 0 and 1, 4 and 5
    one = prepared(texts(items, ["up", "up", "down", "down"] * 15, groups=groups))
    found = one.data.groups
    assert found[0] == found[1] == found[4] == found[5] and len(np.unique(found)) == 29
    for ids in sides(one):
        others = np.setdiff1d(np.arange(60), ids)
        assert not set(found[ids]) & set(found[others])


def test_given_parts_stay_and_a_missing_one_is_drawn() -> None:
    parts = ["train"] * 60 + ["test"] * 20
    items = distinct(80)
    items[7] = items[70]  # the test has been seen
    labels = ["up", "down"] * 40
    labels[7] = labels[70]
    one = prepared(texts(items, labels, parts))
    assert [(f.what, f.places) for f in one.left_out] == [
        ("copies of test examples in other parts", ("line 9",))
    ]
    assert one.rows[one.split.test].tolist() == list(range(60, 80))
    assert len(one.split.validation) == 10 and len(one.split.train) == 49


def test_three_rows_are_too_few_and_it_is_said() -> None:
    with pytest.raises(ValueError) as caught:
        prepared(texts(distinct(3), ["up", "down", "up"]))
    assert str(caught.value) == (
        "mine.csv: expected at least 3 examples of each class that are no copies and of different "
        "groups, one each to train, to choose and to judge; found fewer of 'down' (1), 'up' (2). "
        "Collect more of them, merge the class with one like it, or leave it out yourself."
    )


def test_a_class_of_nothing_but_copies_is_too_small() -> None:
    items = [*distinct(20), "the very same words again"] + ["the very same words again"] * 5
    labels = ["up", "down"] * 10 + ["odd"] * 6
    with pytest.raises(ValueError, match=r"found fewer of 'odd' \(1\)"):
        prepared(texts(items, labels))


def test_six_examples_of_a_class_are_on_all_sides() -> None:
    one = prepared(texts(distinct(36), ["up"] * 30 + ["rare"] * 6))
    assert all(set(one.data.labels[ids]) == {0, 1} for ids in sides(one))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_draw_never_cuts_a_group(data: st.DataObject) -> None:
    n = data.draw(st.integers(12, 60))
    groups = np.array(data.draw(st.lists(st.integers(0, 15), min_size=n, max_size=n)))
    labels = np.array(["up", "down"])[groups % 2]
    if len(np.unique(groups[labels == "up"])) < 2 or len(np.unique(groups[labels == "down"])) < 2:
        return
    rest, chosen = drawn(np.arange(n), labels, groups, 4, seed=0)
    assert sorted([*rest, *chosen]) == list(range(n)) and len(chosen) and len(rest)
    assert not set(groups[rest]) & set(groups[chosen])


def test_pictures_become_squares_of_one_size(tmp_path: Path) -> None:
    for i in range(24):
        path = tmp_path / ("dark" if i % 2 else "light") / f"shot{i:02d}.png"
        path.parent.mkdir(exist_ok=True)
        noise(i, (40, 60 + i)).save(path)
    band = np.zeros((40, 120, 3), np.uint8)
    band[:, 40:80] = 200  # the middle square
    Image.fromarray(band).save(tmp_path / "dark" / "wide.png")
    (tmp_path / "dark" / "broken.png").write_bytes(b"x")
    one = prepared(find_pictures(tmp_path), side=32)
    assert one.data.pixels.shape == (25, 3, 32, 32) and one.data.pixels.dtype == np.uint8
    assert [(f.what, f.places) for f in one.left_out] == [("cannot be read", ("dark/broken.png",))]
    wide = next(i for i, row in enumerate(one.rows) if row == 13)  # after the twelve and the broken
    assert int(one.data.pixels[wide].min()) > 190  # the edge is blurred a little
    again = prepared(find_pictures(tmp_path), side=32)
    assert again.data.digest == one.data.digest and again.split.digest == one.split.digest
