"""A learner's own texts and labels, from a CSV file."""

from __future__ import annotations

import csv
import difflib
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from charset_normalizer import from_bytes

from companion.data.cleaning import without_copies
from companion.data.text import Texts

LONGEST = 50_000  # characters; a book chapter has fewer
_AROUND = 2**16  # bytes on each side of a wrong one, from which the encoding is guessed


def read_csv(path: Path | str, *, text: str, label: str, longest: int = LONGEST) -> Texts:
    """Return the texts and labels in two columns of a CSV file, copies left out.

    The first line names the columns; the file is UTF-8, with or without a byte order mark. Classes
    are the labels found, in the order of the alphabet. Of texts that read alike the first stays, or
    none where their labels disagree; how many went is said in a warning.

    Raises:
        ValueError: another encoding, no such columns, no rows, a row that does not fit them, an
            empty text or label, a text of more than `longest` characters, or one class only; the
            message names the line.
    """
    path = Path(path)
    rows = read_columns(path, (text, label))
    for line, said, named in rows:
        check_row(path, line, said, named, longest)
    kept, copies, conflicting = without_copies([r[1] for r in rows], [r[2] for r in rows])
    if copies or conflicting:
        warnings.warn(
            f"{path.name}: of {len(rows)} texts {copies} were left out as copies of another, and "
            f"{conflicting} because the same text stands there with different labels.",
            stacklevel=2,
        )
    if not kept:
        raise ValueError(
            f"{path.name}: expected texts to train on, found that each of the {len(rows)} stands "
            "there with different labels. Check how the labels were given."
        )
    classes = tuple(sorted({rows[i][2] for i in kept}))
    return Texts(
        name=path.name,
        texts=tuple(rows[i][1] for i in kept),
        labels=np.array([classes.index(rows[i][2]) for i in kept], dtype=np.int64),
        classes=classes,
        groups=np.arange(len(kept)),
        kinds=np.full(len(kept), "all"),
        confidence=np.full(len(kept), np.nan),
    )


def read_columns(path: Path, wanted: Sequence[str]) -> list[tuple]:
    """Return the line and these columns of every row, stripped of white space at both ends.

    The line is where the row ends in the file. Empty lines are passed over. Cells stand between
    commas; between tabs in a .tsv file; or between semicolons, as spreadsheets of some countries
    write them, where the first line holds those and no comma.

    Raises:
        ValueError: another encoding, no such columns, no rows, or a row with more cells than the
            first line has names, or with quotation marks that do not match.
    """
    found = list(cells(path, decoded(path)))
    names = [name.strip() for name in found[0][1]] if found else []
    places = [column(path, names, name) for name in wanted]
    rows = []
    for line, row in found[1:]:
        if len(row) > len(names):
            raise ValueError(
                f"{path.name}: the row that ends in line {line} has {len(row)} cells, expected "
                f"{len(names)}, one for each column. A text with a comma in it has to stand in "
                "quotation marks, or part of it is read as the next column."
            )
        rows.append((line, *(row[at].strip() if at < len(row) else "" for at in places)))
    if not rows:
        raise ValueError(
            f"{path.name}: expected at least one row below the names of the columns, found none. "
            "Is this the right file?"
        )
    return rows


def cells(path: Path, content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's last line in the file and its cells.

    Raises:
        ValueError: a quotation mark is not closed, or not where its cell ends.
    """
    before = csv.field_size_limit(len(content) + 1)  # a text too long is told later, with its line
    between = delimiter(path, content)
    reader = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter=between)
    first = 1
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
            first = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path.name}: expected quotation marks in pairs around a cell, found others in the "
            f"row that begins in line {first} ({error}, line {reader.line_num}). Close the one "
            "that was left open; write a mark inside a quoted text twice."
        ) from None
    finally:
        csv.field_size_limit(before)


def delimiter(path: Path, content: str) -> str:
    """Return what stands between the cells of a file."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    head = content[: content.find("\n")] if "\n" in content else content
    return ";" if ";" in head and "," not in head else ","


def column(path: Path, names: list[str], wanted: str) -> int:
    """Return the place of a column.

    Raises:
        ValueError: there is none of this name, or more than one.
    """
    if names.count(wanted) == 1:
        return names.index(wanted)
    if wanted in names:
        raise ValueError(
            f"{path.name}: expected one column {wanted!r}, found {names.count(wanted)}. Rename "
            "those that are not meant."
        )
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"{path.name}: expected a column {wanted!r}, found the columns "
        f"{', '.join(filter(None, names)) or 'none'}.{hint} Name the columns of your file, which "
        "stand in its first line, divided by commas."
    )


def decoded(path: Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        ValueError: another encoding; the message names the place and a guess.
    """
    raw = path.read_bytes()
    place = raw.find(b"\0")  # valid in UTF-8, but every other byte of English in UTF-16
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    if place < 0:
        return text
    line = raw.count(b"\n", 0, place) + 1
    around = raw[max(0, place - _AROUND) : place + _AROUND]  # the first lines may be plain ASCII
    guess = from_bytes(around).best()
    likely = f"may be {guess.encoding}" if guess else "could not be told"
    raise ValueError(
        f"{path.name}: expected UTF-8, found a byte in line {line} "
        f"that is not, byte {place:,} of the file. The encoding {likely}. Save the file as UTF-8; "
        "spreadsheets offer it as 'CSV UTF-8'."
    )


def check_row(path: Path, line: int, text: str, label: str, longest: int) -> None:
    """Check one row; `line` is where it ends in the file.

    Raises:
        ValueError: the text or the label is empty, or the text is too long.
    """
    if len(text) > longest:
        raise ValueError(
            f"{path.name}: the text that ends in line {line} has {len(text):,} characters, "
            f"expected at most {longest:,}. A quotation mark that is never closed swallows all "
            "that follows: "
            f"look for one that begins with {text[:40]!r}. If the text is really so long, pass "
            "longest=..., or cut it into paragraphs."
        )
    if not text or not label:
        raise ValueError(
            f"{path.name}: the {'label' if text else 'text'} in line {line} is empty, expected a "
            "text and a label in each row. Fill it in, or delete the row."
        )
