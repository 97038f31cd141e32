"""`companion transfer` and `companion predict`: a learner's own set, and the network made of it."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from time import perf_counter

from companion.data.decode import UnreadablePicture
from companion.data.own import SUFFIXES, Found, files_below, find_pictures
from companion.data.own_tables import TABLES, find_rows
from companion.data.stream import stream_column
from companion.models.exported import Answer, Exported, answers, open_exported
from companion.teaching.own import transfer
from companion.teaching.own_report import write_report

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_AT_ONCE = 32  # items asked together
HEAD = ("item", "label", "chance", "problem")


def seconds_in(said: str) -> float:
    """Return the seconds that a time such as "90s", "10m" or "1h" stands for.

    Raises:
        ValueError: it is no time.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh])\s*", said.lower())
    if not found or not float(found[1]):
        raise ValueError(
            f"expected a time such as 90s, 10m or 1h for --budget, found {said!r}. Write a number "
            "and its unit."
        )
    return float(found[1]) * _UNITS[found[2]]


def found_in(
    images: Path | None,
    table: Path | None,
    *,
    text: str | None,
    image: str | None,
    label: str | None,
    group: str | None,
) -> Found:
    """Return the examples in a folder or in a table.

    Raises:
        ValueError: both or neither is named, or columns do not go with it.
    """
    if (images is None) == (table is None):
        raise ValueError(
            "expected the examples in one place, found "
            f"{'none' if images is None else 'two'}. Name --images DIR for a folder with one "
            "folder for each class, or --csv FILE with --text COLUMN (or --image COLUMN) and "
            "--label COLUMN."
        )
    if images is not None:
        if named := [name for name in (text, image, label, group) if name is not None]:
            raise ValueError(
                f"expected no columns beside --images, found {', '.join(map(repr, named))}. The "
                "names of the folders are the labels; to name groups, write a table of paths."
            )
        return find_pictures(images)
    if label is None:
        raise ValueError(
            f"expected --label COLUMN, the column of {table.name} with the classes, found none. "
            "Name it as the first line of the file does."
        )
    return find_rows(table, text=text, image=image, label=label, group=group)


def run_transfer(found: Found, out: Path | None, budget: str, backbone: str | None) -> int:
    """Train on a learner's own examples and write the report; return the exit status."""
    start = perf_counter()
    folder = out or Path(f"transfer-{Path(found.name).stem}")
    outcome = transfer(found, folder, budget=seconds_in(budget), backbone=backbone)
    page = write_report(outcome, folder)
    right, left = outcome.handed.accuracy, sum(len(f.places) for f in outcome.prepared.left_out)
    print(f"Used {len(outcome.prepared.rows):,} of {len(found):,}; left out {left:,}, passed over "
          f"{len(found.passed_over):,}: {folder / 'left-out.csv'}")  # fmt: skip
    print(f"Right on {right.mean:.0%} of {right.n:,} test examples [{right.low:.0%}, "
          f"{right.high:.0%}]; one class for all: {outcome.handed.most_frequent:.0%}")  # fmt: skip
    print(f"The report: {page}\nThe network: {folder / 'model'}")
    print(f"{perf_counter() - start:.0f} seconds of {outcome.plan.budget:.0f}")
    return 0


def run_predict(model: Path, files: Sequence[Path], text: str | None, out: Path | None) -> int:
    """Write what a network says of texts or pictures as CSV; return 1 where some could not be read.

    Items are read, asked and written a batch at a time, so there may be more than memory holds.
    """
    opened = open_exported(model)
    items = pictures_in(files) if opened.kind == "pictures" else texts_in(files, text)
    asked = problems = 0
    with open(out, "w", newline="", encoding="utf-8") if out else nullcontext(sys.stdout) as target:
        writer = csv.writer(target)
        writer.writerow(HEAD)
        for answer in each_answer(opened, items):
            asked += 1
            if isinstance(answer, Answer):
                writer.writerow((answer.item, answer.label, f"{answer.chance:.4f}", ""))
            else:
                problems += 1
                writer.writerow((answer[0], "", "", answer[1]))
    print(f"companion: {asked - problems:,} answered, {problems:,} could not be read",
          file=sys.stderr)  # fmt: skip
    return 1 if problems else 0


def each_answer(model: Exported, items: Iterable[str]) -> Iterator[Answer | tuple[str, str]]:
    """Yield an answer for each item, or the item and why it could not be read."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        there = [item for item in some if item.strip()]
        try:
            said = iter(list(answers(model, there)))
        except UnreadablePicture:  # one by one: the others of this batch are not lost
            said = iter([answer_or_problem(model, item) for item in there])
        yield from (next(said) if item.strip() else (item, "empty") for item in some)


def answer_or_problem(model: Exported, item: str) -> Answer | tuple[str, str]:
    """Return what a network says of a picture, or the picture and why it could not be read."""
    try:
        return next(answers(model, [item]))
    except UnreadablePicture as error:
        return item, error.found


def pictures_in(files: Sequence[Path]) -> Iterator[str]:
    """Yield the paths of pictures: files as named, folders with all pictures below them.

    Raises:
        ValueError: a file or folder is not there.
    """
    for path in files:
        if path.is_dir():
            yield from (str(p) for p in files_below(path) if p.suffix.lower() in SUFFIXES)
        elif path.is_file():
            yield str(path)
        else:
            raise ValueError(f"expected a picture or a folder of them, found none at {path}.")


def texts_in(files: Sequence[Path], column: str | None) -> Iterator[str]:
    """Yield texts: the rows of a column of a table, or the lines of any other file.

    Raises:
        ValueError: a file is not there, or is a table and no column is named.
    """
    for path in files:
        if not path.is_file():
            raise ValueError(f"expected a file of texts, found none at {path}. Check the path.")
        if path.suffix.lower() not in TABLES:
            with open(path, encoding="utf-8") as lines:
                yield from (line.rstrip("\n") for line in lines)
        elif column is None:
            raise ValueError(
                f"expected --text COLUMN, the column of {path.name} to read, found none. Name it "
                "as the first line of the file does."
            )
        else:
            yield from stream_column(path, column)
