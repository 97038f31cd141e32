"""Every layout in which people keep their examples, and what is found there or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from companion.data.own import Found, find_pictures
from companion.data.own_tables import find_rows


def lay_out(folder: Path, *names: str) -> Path:
    """Write a tiny picture, or for other endings a text, at each of these paths."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("L", (4, 4)).save(path)
        else:
            path.write_text("no picture")
    return folder


def rows(found: Found) -> list[tuple[str, str]]:
    return list(zip(found.places, found.labels, strict=True))


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


# Folders


def test_one_folder_for_each_class_and_deeper_ones_belong_to_it(tmp_path: Path) -> None:
    lay_out(tmp_path, "dark/a.png", "dark/2024/b.jpg", "light/c.PNG".lower())
    found = find_pictures(tmp_path)
    assert rows(found) == [
        ("dark/a.png", "dark"),
        ("dark/2024/b.jpg", "dark"),
        ("light/c.png", "light"),
    ]
    assert (found.kind, found.parts, found.passed_over) == ("pictures", ("", "", ""), ())
    assert Path(found.items[0]).is_file()


def test_folders_around_the_classes_are_looked_through(tmp_path: Path) -> None:
    lay_out(tmp_path, "data/data/dark/a.png", "data/data/light/b.png", "__MACOSX/._a.png")
    assert find_pictures(tmp_path).labels == ("dark", "light")


def test_a_set_that_is_split_already_keeps_its_parts(tmp_path: Path) -> None:
    lay_out(tmp_path, "train/dark/a.png", "train/light/b.png", "val/dark/c.png", "Test/light/d.png")
    found = find_pictures(tmp_path)
    by_place = dict(zip(found.places, found.parts, strict=True))
    assert by_place == {
        "Test/light/d.png": "test",
        "train/dark/a.png": "train",
        "train/light/b.png": "train",
        "val/dark/c.png": "validation",
    }


def test_a_class_that_is_called_test_does_not_make_a_split(tmp_path: Path) -> None:
    assert find_pictures(lay_out(tmp_path, "test/a.png", "real/b.png")).labels == ("real", "test")


def test_what_is_no_example_is_listed_with_its_reason(tmp_path: Path) -> None:
    lay_out(tmp_path, "dark/a.png", "light/b.png", "light/notes.txt", "light/.DS_Store", "c.png")
    (tmp_path / "light" / "plain").write_text("")
    assert set(find_pictures(tmp_path).passed_over) == {
        ("light/notes.txt", "no picture: it ends in .txt"),
        ("light/.DS_Store", "left there by the system"),
        ("light/plain", "no picture: it ends in nothing"),
        ("c.png", "in no class's folder"),
    }


def test_a_folder_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    lay_out(tmp_path, "dark/a.png", "light/b.png")
    (tmp_path / "light" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(find_pictures(tmp_path)) == 2


def test_folders_without_two_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a folder of pictures, found none at .*nowhere"):
        find_pictures(tmp_path / "nowhere")
    lay_out(tmp_path / "flat", "a.png", "b.png")
    with pytest.raises(ValueError) as caught:
        find_pictures(tmp_path / "flat")
    assert str(caught.value) == (
        "flat: expected at least two classes, one folder for each, found none. 2 were passed over, "
        "the first, a.png: in no class's folder. Check that it is the right one."
    )
    lay_out(tmp_path / "one", "dark/a.png", "dark/b.png")
    with pytest.raises(
        ValueError, match="one: expected at least two classes, .*, found 'dark'. Ch"
    ):
        find_pictures(tmp_path / "one")


# Tables


TEXTS = [("good", "up"), ("bad", "down"), ("fine", "up")]


def as_csv(path: Path, between: str = ",") -> Path:
    lines = [between.join(row) for row in [("text", "label"), *TEXTS]]
    return write(path, "\n".join(lines) + "\n")


def as_jsonl(path: Path) -> Path:
    lines = [json.dumps({"id": 1, "text": text, "label": label}) for text, label in TEXTS]
    return write(path, "\n\n".join(lines))


def as_parquet(path: Path) -> Path:
    texts, labels = zip(*TEXTS, strict=True)
    parquet.write_table(pyarrow.table({"text": list(texts), "label": list(labels)}), path)
    return path


@pytest.mark.parametrize(
    ("name", "written", "places"),
    [
        ("a.csv", as_csv, ("line 2", "line 3", "line 4")),
        ("semicolons.csv", lambda path: as_csv(path, ";"), ("line 2", "line 3", "line 4")),
        ("a.tsv", lambda path: as_csv(path, "\t"), ("line 2", "line 3", "line 4")),
        ("a.jsonl", as_jsonl, ("line 1", "line 3", "line 5")),
        ("a.parquet", as_parquet, ("row 1", "row 2", "row 3")),
    ],
)
def test_a_table_of_texts_in_every_format(
    tmp_path: Path, name: str, written: Callable, places: tuple
) -> None:
    found = find_rows(written(tmp_path / name), text="text", label="label")
    assert list(zip(found.items, found.labels, strict=True)) == TEXTS
    assert (found.places, found.kind, found.name) == (places, "texts", name)


def test_paths_in_a_table_are_relative_to_it(tmp_path: Path) -> None:
    lay_out(tmp_path, "shots/a.png", "shots/b.png")
    table = write(tmp_path / "t.csv", "file,y,who\nshots/a.png,0,x\nshots/b.png,1,x\nc.png,1,z\n")
    found = find_rows(table, image="file", label="y", group="who")
    assert [Path(item).is_file() for item in found.items] == [True, True]
    assert (found.kind, found.groups) == ("pictures", ("x", "x"))
    assert found.passed_over == (("line 4", "no such file"),)


def test_rows_without_a_text_or_a_label_are_listed(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "text,label\ngood,up\n,up\nbad,\nworse,down\n")
    found = find_rows(table, text="text", label="label")
    assert found.labels == ("up", "down")
    assert found.passed_over == (("line 3", "no text"), ("line 4", "no label"))


def test_numbers_and_truth_values_are_labels_too(tmp_path: Path) -> None:
    table = write(tmp_path / "t.jsonl", '{"t": "a", "y": 1}\n{"t": "b", "y": true}\n{"t": "c"}\n')
    found = find_rows(table, text="t", label="y")
    assert found.labels == ("1", "True") and found.passed_over == (("line 3", "no label"),)


SEVERAL = "several labels is not trained on here: make a column for each label that says yes or no"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "text,label\na,red\nb,round\nc,red|round\n", f"found 'red|round', .*{SEVERAL}"),
        ("t.csv", 'text,label\na,red\nb,round\nc,"red, round"\n', "divided by ','"),
        ("t.jsonl", '{"text": "a", "label": ["red", "round"]}\n', f"in row 1, found .*{SEVERAL}"),
        ("t.jsonl", '[{"text": "a"}]', "expected one JSON object in each line, found .* in line 1"),
        ("t.jsonl", '{"text": "a"\n', "expected one JSON object in each line"),
        (
            "t.jsonl",
            '{"texts": "a", "label": 1}\n',
            "expected a column 'text', found the columns",
        ),
        (
            "t.xlsx",
            "text,label\n",
            "expected a file that ends in .csv, .tsv, .jsonl, .parquet",
        ),
        ("t.parquet", "text,label\n", "t.parquet: expected a whole Parquet file, found '.*magic"),
        (
            "t.csv",
            "text,label\na,up\nb,up\n",
            "expected at least two classes, one name in the",
        ),
        (
            "t.csv",
            "text,label\n" + "".join(f"a,{i / 8}\n" for i in range(24)),
            "expected classes in the label column, found 24 different numbers for 24 examples",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("|", r"\|")):
        find_rows(write(tmp_path / name, content), text="text", label="label")


def test_labels_with_commas_are_no_lists_unless_their_parts_are_labels(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", 'text,label\na,"Paris, France"\nb,"Rome, Italy"\n')
    assert find_rows(table, text="text", label="label").labels == ("Paris, France", "Rome, Italy")


def test_one_of_texts_and_pictures_is_asked_for(tmp_path: Path) -> None:
    for columns, found in (({}, "neither"), ({"text": "a", "image": "b"}, "both")):
        with pytest.raises(ValueError, match=f"text=... for texts, or image=.*; found {found}"):
            find_rows(as_csv(tmp_path / "a.csv"), label="label", **columns)
