"""A learner's own CSV: what is read, and what is told of a file that cannot be."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from companion.data.table import read_csv

HEAD = "review,stars\n"


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_quotes_commas_lines_and_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    said = 'review,stars,by\n"good, really",up,a\n"two\nlines ""quoted""",down,b\nfine ü,up,c\n'
    texts = read_csv(write(tmp_path, mark + said.encode()), text="review", label="stars")
    assert texts.texts == ("good, really", 'two\nlines "quoted"', "fine ü")
    assert texts.classes == ("down", "up") and texts.labels.tolist() == [1, 0, 1]
    assert texts.name == "mine.csv"


def test_copies_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "good,up\nGood!,up\nbad,down\nodd,up\nodd,down\n")
    with pytest.warns(
        UserWarning, match="of 5 texts 1 were left out as copies of another, and 2 b"
    ):
        assert read_csv(path, text="review", label="stars").texts == ("good", "bad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_csv(write(tmp_path, HEAD + "good,up\nbad,down\n"), text="review", label="stars")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,stars\na,up\n", "mine.csv: expected a column 'review', found the columns text, st"),
        ("reviews,stars\na,up\n", "columns reviews, stars. Did you mean 'reviews'? Name the colu"),
        ("", "mine.csv: expected a column 'review', found the columns none."),
        (HEAD, "expected at least one row below the names of the columns, found none."),
        (HEAD + "good,up\n ,up\n", "the text in line 3 is empty, expected a text and a label in"),
        (HEAD + "good,up\nbad\n", "the label in line 3 is empty, expected a text and a label in"),
        (HEAD + "good,up\nfine,up\n", "expected texts of at least two classes, found one class o"),
        (
            HEAD + 'good,up\n"never closed,up\n' + "bad,down\n" * 3,
            "expected quotation marks in pairs around a cell, found others in the row that begins "
            "in line 3 (unexpected end of data, line 6). Close the one that was left open;",
        ),
        (
            HEAD + 'good,up\n"never closed,up\nbad,down\n"fine, really",up\n',
            "found others in the row that begins in line 3 (',' expected after '\"', line 5).",
        ),
        (
            HEAD + "good,up\ngood, really,up\n",
            "mine.csv: the row that ends in line 3 has 3 cells, expected 2, one for each column. A "
            "text with a comma in it has to stand in quotation marks, or part of it is read as th",
        ),
        ("review,stars,stars\na,up,up\n", "expected one column 'stars', found 2. Rename those th"),
        (
            HEAD + "odd,up\nodd,down\n",
            "expected texts to train on, found that each of the 2 stands there with different lab",
        ),
        ((HEAD + "good,up\n").encode("utf-16"), "expected UTF-8, found a byte in line 1 that is n"),
        (
            HEAD + "good,up\n" + "w" * 100_000 + ",down\n",
            "mine.csv: the text that ends in line 3 has 100,000 characters, expected at most 50,0",
        ),
        (
            (HEAD + "good,up\nsch\u00f6n und gr\u00fcn,up\n").encode("latin-1"),
            "expected UTF-8, found a byte in line 3 that is not, byte ",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_csv(write(tmp_path, content), text="review", label="stars")


def test_signs_and_vowel_marks_are_part_of_a_text(tmp_path: Path) -> None:
    """Emoji, and Hindi words that differ in a vowel sign alone, are no copies of each other."""
    said = [":)", ":(", "\U0001f600", "\U0001f622", "\u0915\u093f", "\u0915\u0940"]
    rows = "".join(f"{text},{'up' if i % 2 else 'down'}\n" for i, text in enumerate(said))
    assert read_csv(write(tmp_path, HEAD + rows), text="review", label="stars").texts == tuple(said)


def test_a_long_text_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "good,up\n" + "w" * 100_000 + ",down\n")
    assert len(read_csv(path, text="review", label="stars", longest=100_000).texts[1]) == 100_000
