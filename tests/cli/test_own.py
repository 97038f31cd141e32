"""The arguments of `companion transfer` and `predict`, and answers row after row."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

from companion.cli import main
from companion.cli.own import found_in, run_predict, seconds_in, texts_in
from companion.data.stream import stream_column
from companion.models.export import export_text
from companion.models.exported import write_card
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    net = add_label_head(load_text_backbone("minilm_l6"), classes=2, seed=1)
    torch.nn.init.normal_(net.layers[-1][1].weight)
    export_text(net, ["bad", "fine"], folder, cap=16)
    write_card(folder, "texts", ["bad", "fine"], {})
    return folder


def test_times_are_read_with_their_unit() -> None:
    assert [seconds_in(t) for t in ("90s", "10m", " 1.5 H ")] == [90, 600, 5400]
    for wrong in ("10", "m", "0m", "ten minutes"):
        with pytest.raises(ValueError, match="expected a time such as 90s, 10m or 1h for --budget"):
            seconds_in(wrong)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "found none. Name --images DIR"),
        (["--images", "a", "--csv", "b.csv"], "found two. Name --images DIR"),
        (["--images", "a", "--label", "x"], "expected no columns beside --images, found 'x'"),
        (["--csv", "b.csv", "--text", "t"], "expected --label COLUMN, the column of b.csv"),
        (["--csv", "b.csv", "--label", "t"], "found none at b.csv"),
        (["--images", "nowhere"], "expected a folder of pictures, found none at nowhere"),
    ],
)
def test_what_is_asked_for_wrongly_is_told_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["transfer", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_columns_and_groups_reach_the_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\nx y,yes,1\nz,no,1\nw,yes,2\n")
    found = found_in(None, tmp_path / "t.csv", text="a", image=None, label="b", group="c")
    assert found.groups == ("1", "1", "2") and found.labels == ("yes", "no", "yes")


def test_every_row_is_answered_or_named(model: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("n", "said"), *((i, f"text {i}" * (i != 40)) for i in range(70))]
        )
    out = tmp_path / "answers.csv"
    assert run_predict(model, [table], "said", out) == 1
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) == 70 and rows[40] == {
        "item": "",
        "label": "",
        "chance": "",
        "problem": "empty",
    }
    assert [r["item"] for r in rows[:2]] == ["text 0", "text 1"]
    assert all(r["label"] in ("bad", "fine") and not r["problem"] for r in rows if r["item"])
    plain = tmp_path / "new.txt"
    plain.write_text("text 0\ntext 1\n", "utf-8")
    assert run_predict(model, [plain], None, out) == 0
    assert list(csv.DictReader(out.open(encoding="utf-8")))[0] == rows[0]


def test_a_column_is_asked_for(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("said\nx\n")
    with pytest.raises(ValueError, match="expected --text COLUMN, the column of a.csv to read"):
        list(texts_in([tmp_path / "a.csv"], None))
    with pytest.raises(ValueError, match="expected a file of texts, found none at"):
        list(texts_in([tmp_path / "b.csv"], None))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tsv"])
def test_a_million_rows_take_the_memory_of_a_few(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"long.{kind}"
    with open(file, "w", encoding="utf-8") as out:
        if kind != "jsonl":
            out.write("n\tsaid\n" if kind == "tsv" else "n,said\n")
        for i in range(1_000_000):
            if kind == "jsonl":
                out.write(f'{{"said": "text {i}"}}\n')
            else:
                out.write(f"{i}{chr(9) if kind == 'tsv' else ','}text {i}\n")
    rows: Iterator[str] = stream_column(file, "said")
    assert list(islice(rows, 2)) == ["text 0", "text 1"]
    tracemalloc.start()
    assert sum(1 for _ in islice(rows, 100_000)) == 100_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
    assert sum(1 for _ in rows) == 1_000_000 - 100_002


def test_a_row_that_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes("said\nfine\ncaf\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"bad.csv: expected UTF-8, found bytes soon after line"):
        list(stream_column(bad, "said"))
    bad.write_text('said\nfine\n"open\n')
    with pytest.raises(
        ValueError, match="expected a whole row after line 2, found one that cannot"
    ):
        list(stream_column(bad, "said"))
    with pytest.raises(
        ValueError, match="expected a column 'sad', found the columns said. Did you"
    ):
        list(stream_column(bad, "sad"))
    lines = tmp_path / "bad.jsonl"
    lines.write_text(json.dumps({"said": "x"}) + "\n" + json.dumps({"other": 1}) + "\n")
    rows = stream_column(lines, "said")
    assert next(rows) == "x"
    with pytest.raises(
        ValueError, match="a JSON object with 'said' in each line, found none in line"
    ):
        next(rows)
