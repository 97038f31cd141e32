"""A learner's own examples as they are found in a table: CSV, JSON lines or Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from companion.data.own import Found, collected
from companion.data.table import column, decoded, read_columns

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


def find_rows(
    table: Path | str,
    *,
    label: str,
    text: str | None = None,
    image: str | None = None,
    group: str | None = None,
) -> Found:
    """Return the examples in a .csv, .tsv, .jsonl or .parquet file, one for each row.

    Name the column of texts or that of paths of pictures, which are relative to the file, and one
    whose equal values must not be split, if there is one. A row without a text, a picture or a
    label is passed over and listed.

    Raises:
        ValueError: no such file or column, another kind of file, both or neither of `text` and
            `image`, several labels for an example, numbers for labels, or fewer than two classes.
    """
    table = Path(table)
    if not table.is_file() or table.suffix.lower() not in TABLES:
        what = f"{table.suffix or 'no ending'}" if table.is_file() else "none"
        raise ValueError(
            f"expected a file that ends in {', '.join(TABLES)}, found {what} at {table}. Check "
            "the path; a spreadsheet can be saved as 'CSV UTF-8'."
        )
    if (text is None) == (image is None):
        raise ValueError(
            "expected the name of one column that holds what is read: text=... for texts, or "
            f"image=... for paths of pictures; found {'neither' if text is None else 'both'}."
        )
    wanted = [text or image, label, *([group] if group else [])]
    rows, passed_over = [], []
    for place, item, said, *grouped in table_rows(table, wanted):
        if image and item:
            item = str(table.parent / item)
        reason = why_no_row(item, said, image is not None)
        if reason:
            passed_over.append((place, reason))
        else:
            rows.append((item, said, grouped[0] if grouped else "", "", place))
    return collected(table.name, "pictures" if image else "texts", rows, passed_over)


def table_rows(table: Path, wanted: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the place of each row and its wanted columns as text.

    Raises:
        ValueError: a column is not there, or the file cannot be read.
    """
    if table.suffix.lower() == ".parquet":
        yield from parquet_rows(table, wanted)
    elif table.suffix.lower() == ".jsonl":
        yield from json_rows(table, wanted)
    else:
        for line, *values in read_columns(table, wanted):
            yield f"line {line}", *values


def json_rows(table: Path, wanted: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the place and the wanted values of each line, a JSON object.

    Raises:
        ValueError: a line is no JSON object, or none has a wanted name.
    """
    seen: set[str] = set()
    for number, line in enumerate(decoded(table).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            row = error
        if not isinstance(row, dict):
            raise ValueError(
                f"{table.name}: expected one JSON object in each line, found {line.strip()[:40]!r} "
                f"in line {number}. A file that is one long list has to be written line by line."
            )
        seen |= set(row)
        yield f"line {number}", *(as_label(table, row.get(name), number) for name in wanted)
    check_names(table, wanted, sorted(seen))


def parquet_rows(table: Path, wanted: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the place and the wanted values of each row.

    Raises:
        ValueError: pyarrow is not installed, the file is damaged, or a column is not there.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ValueError(
            f"{table.name}: expected pyarrow, which reads Parquet files, found it is not "
            "installed. Install it with: pip install pyarrow"
        ) from None
    try:
        with parquet.ParquetFile(table) as file:
            check_names(table, wanted, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(columns=list(wanted)):
                columns = [batch.column(name).to_pylist() for name in wanted]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield f"row {number}", *(as_label(table, v, number) for v in values)
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{table.name}: expected a whole Parquet file, found {str(error)[:80]!r}. "
            "Write it anew."
        ) from None


def check_names(table: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    """Check that a table has the wanted columns.

    Raises:
        ValueError: one is not there.
    """
    for name in wanted:
        column(table, list(names), name)


def as_label(table: Path, value: object, number: int) -> str:
    """Return a value of a row as text, "" for none.

    Raises:
        ValueError: it is a list: several labels for one example.
    """
    if isinstance(value, (list, dict)):
        raise ValueError(
            f"{table.name}: expected one value in row {number}, found {str(value)[:60]}. An "
            "example with several labels is not trained on here: make a column for each label "
            "that says yes or no, and train one model for each."
        )
    return "" if value is None else str(value).strip()


def why_no_row(item: str, label: str, picture: bool) -> str | None:
    """Return why a row is no example, or None if it is one."""
    if not item:
        return "no picture named" if picture else "no text"
    if not label:
        return "no label"
    if picture and not Path(item).is_file():
        return "no such file"
    return None
