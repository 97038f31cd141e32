"""The colour pieces: real pictures, drawn places, every other one with its colours swapped."""

import sys

import numpy as np
import pytest

from companion.data import colour
from companion.data.colour import PIECES, SOURCES, load_colour_pieces


def test_nine_pictures_in_twelve_pieces() -> None:
    pieces = load_colour_pieces()
    assert pieces.pixels.shape == (108, 3, 128, 128) and pieces.pixels.dtype == np.uint8
    assert pieces.classes == tuple(SOURCES)
    assert np.bincount(pieces.labels).tolist() == [PIECES] * len(SOURCES)
    assert (pieces.kinds == "swapped").sum() == 54
    assert pieces.digest == load_colour_pieces().digest != load_colour_pieces(seed=1).digest


def test_swapping_moves_the_channels_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = load_colour_pieces().pixels
    plain = load_colour_pieces().pixels.copy()
    rng = np.random.default_rng(0)
    again = [colour.cut_piece(colour.picture_of(n), rng) for n in SOURCES for _ in range(PIECES)]
    plain[:] = again
    assert np.array_equal(swapped[::2], plain[::2])
    assert np.array_equal(swapped[1::2], plain[1::2][:, [2, 0, 1]])


def test_it_reads_files_and_imports_nothing() -> None:
    sys.modules.pop("skimage", None)
    colour.picture_of("cat")
    assert "skimage" not in sys.modules


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "find_spec", lambda name: None)
    expected = "the picture of the cat is part of the package skimage, which is not installed. Run"
    with pytest.raises(FileNotFoundError, match=expected):
        colour.picture_of("cat")
