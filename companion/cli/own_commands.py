"""The arguments of `companion transfer` and `companion predict`; nothing heavy is imported."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add_own_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add both commands to the parser's."""
    transfer = add("transfer", help="your own pictures or texts: a report and a trained network")
    text = "a folder of pictures that has one folder for each class"
    transfer.add_argument("--images", type=Path, metavar="DIR", help=text)
    text = "a table instead: .csv, .tsv, .jsonl or .parquet"
    transfer.add_argument("--csv", type=Path, metavar="FILE", help=text)
    transfer.add_argument("--text", metavar="COLUMN", help="the table's column of texts")
    transfer.add_argument("--image", metavar="COLUMN", help="or that of paths of pictures")
    transfer.add_argument("--label", metavar="COLUMN", help="the table's column of classes")
    text = "a column whose equal values must not be split, such as the patient"
    transfer.add_argument("--group", metavar="COLUMN", help=text)
    text = "a network that the companion or the hub has (default: the course's)"
    transfer.add_argument("--backbone", metavar="NAME", help=text)
    text = "how long it may take, such as 90s, 10m or 1h (default: 10m)"
    transfer.add_argument("--budget", default="10m", metavar="TIME", help=text)
    text = "where to write (default: transfer-NAME); named again, it goes on"
    transfer.add_argument("--out", type=Path, metavar="DIR", help=text)
    transfer.set_defaults(command=_transfer)

    predict = add("predict", help="what a network that was handed over says, as CSV")
    predict.add_argument("model", type=Path, metavar="MODEL", help="the folder called model")
    text = "pictures, folders of them, tables, or files with a text in each line"
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE", help=text)
    predict.add_argument("--text", metavar="COLUMN", help="a table's column of texts")
    predict.add_argument("--out", type=Path, metavar="FILE", help="default: the terminal")
    predict.set_defaults(command=_predict)


def _transfer(arguments: argparse.Namespace) -> int:
    from companion.cli.own import found_in, run_transfer

    columns = {name: getattr(arguments, name) for name in ("text", "image", "label", "group")}
    found = found_in(arguments.images, arguments.csv, **columns)
    return run_transfer(found, arguments.out, arguments.budget, arguments.backbone)


def _predict(arguments: argparse.Namespace) -> int:
    from companion.cli.own import run_predict

    return run_predict(arguments.model, arguments.files, arguments.text, arguments.out)
