"""One column of a table, row after row: a million rows take the memory of one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from companion.data.own_tables import parquet_rows
from companion.data.table import column, delimiter

MOST = 10_000_000  # characters of a cell; one more is a quotation mark that was left open


def stream_column(table: Path, name: str) -> Iterator[str]:
    """Yield the texts in a column of a .csv, .tsv, .jsonl or .parquet file, "" where one is empty.

    Raises:
        ValueError: no such column, another encoding than UTF-8, or a row that cannot be read; the
            message names the line.
    """
    if table.suffix.lower() == ".parquet":
        yield from (text for _, text in parquet_rows(table, [name]))
        return
    rows = json_texts if table.suffix.lower() == ".jsonl" else csv_texts
    number = 0
    try:
        for row in rows(table, name):
            number, text = row
            yield text
    except UnicodeDecodeError:
        raise ValueError(
            f"{table.name}: expected UTF-8, found bytes soon after line {number:,} that are not. "
            "Save the file as UTF-8; spreadsheets offer it as 'CSV UTF-8'."
        ) from None
    except (csv.Error, json.JSONDecodeError) as error:
        raise ValueError(
            f"{table.name}: expected a whole row after line {number:,}, found one that cannot be "
            f"read ({error}). Mend that line; those before it are answered."
        ) from None


def csv_texts(table: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield the last line and the wanted cell of each row."""
    before = csv.field_size_limit(MOST)
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            between = delimiter(table, file.readline())
            file.seek(0)
            rows = csv.reader(file, strict=True, delimiter=between)
            names = [cell.strip() for cell in next(rows, [])]
            place = column(table, names, name)
            for row in rows:
                if row:
                    yield rows.line_num, row[place].strip() if place < len(row) else ""
    finally:
        csv.field_size_limit(before)


def json_texts(table: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the wanted value of each row, as text.

    Raises:
        ValueError: a row has no such name.
    """
    with open(table, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict) or name not in row:
                raise ValueError(
                    f"{table.name}: expected a JSON object with {name!r} in each line, found none "
                    f"in line {number:,}. Those before it are answered."
                )
            yield number, "" if row[name] is None else str(row[name]).strip()
