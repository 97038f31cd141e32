"""A learner's own texts and labels, from a CSV file."""

from __future__ import annotations

import csv
import difflib
import io
import warnings
from pathlib import Path

import numpy as np
from charset_normalizer import from_bytes

from companion.data.cleaning import without_copies
from companion.data.text import Texts

LONGEST = 50_000  # characters; a book chapter has fewer


def read_csv(path: Path | str, *, text: str, label: str, longest: int = LONGEST) -> Texts:
    """Return the texts and labels in two columns of a CSV file, copies left out.

    The first line names the columns; the file is UTF-8, with or without a byte order mark. Classes
    are the labels found, in the order of the alphabet. Of texts that read alike the first stays, or
    none where their labels disagree; how many went is said in a warning.

    Raises:
        ValueError: another encoding, no such columns, no rows, an empty text or label, a text of
            more than `longest` characters, or one class only; the message names the line.
    """
    path = Path(path)
    rows = read_rows(path, text, label)
    for line, said, named in rows:
        check_row(path, line, said, named, longest)
    kept, copies, conflicting = without_copies([r[1] for r in rows], [r[2] for r in rows])
    if copies or conflicting:
        warnings.warn(
            f"{path.name}: of {len(rows)} texts {copies} were left out as copies of another, and "
            f"{conflicting} because the same text stands there with different labels.",
            stacklevel=2,
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


def read_rows(path: Path, text: str, label: str) -> list[tuple[int, str, str]]:
    """Return (line, text, label) of every row, stripped of white space at both ends.

    Raises:
        ValueError: another encoding, no such columns, or no rows.
    """
    csv.field_size_limit(2**31 - 1)  # a text that swallowed the file is told below, with its line
    reader = csv.DictReader(io.StringIO(decoded(path), newline=""))
    names = [name for name in reader.fieldnames or [] if name]
    for wanted in (text, label):
        if wanted not in names:
            near = difflib.get_close_matches(wanted, names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{path.name}: expected a column {wanted!r}, found the columns "
                f"{', '.join(names) or 'none'}.{hint} Name the columns of your file, which stand "
                "in its first line, divided by commas."
            )
    rows = [
        (reader.line_num, (row[text] or "").strip(), (row[label] or "").strip()) for row in reader
    ]
    if not rows:
        raise ValueError(
            f"{path.name}: expected at least one row below the names of the columns, found none. "
            "Is this the right file?"
        )
    return rows


def decoded(path: Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        ValueError: it is in another encoding; the message names the place and the likely encoding.
    """
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        guess = from_bytes(raw[: 2**20]).best()
        likely = guess.encoding if guess else "none that is known"
        raise ValueError(
            f"{path.name}: expected UTF-8, found a byte in line {line} that is not. The encoding "
            f"is probably {likely}. Save the file as UTF-8; spreadsheets offer it as "
            "'CSV UTF-8'."
        ) from None


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
