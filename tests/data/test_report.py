"""The report on a learner's own set: every fault that was planted is found, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from companion.data.own import Found, find_pictures
from companion.data.report import DataReport, examine, one_letter_apart


def texts(
    items: list[str], labels: list[str], parts: list[str] | None = None, **other: object
) -> Found:
    n = len(items)
    places = tuple(f"line {i + 2}" for i in range(n))
    groups = tuple(other.get("groups", [""] * n))
    return Found("mine.csv", "texts", tuple(items), tuple(labels), groups,
                 tuple(parts or [""] * n), places)  # fmt: skip


def distinct(n: int) -> list[str]:
    """Return texts that have next to nothing in common."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghij"), 5)) for _ in range(40 * n)]
    return [" ".join(words[40 * i : 40 * (i + 1)]) for i in range(n)]


def fault(report: DataReport, start: str) -> tuple[str, ...]:
    return next((f.places for f in report.faults if f.what.startswith(start)), ())


def test_a_set_in_order_has_no_faults() -> None:
    report = examine(texts(distinct(40), ["up", "down"] * 20))
    assert report.faults == ()
    assert report.counts == {"down": 20, "up": 20}
    assert report.sizes == {"words, least": 40, "words, median": 40, "words, greatest": 40}
    assert (report.groups, report.groups_from, report.notes) == ((), "none", {})


def test_copies_conflicts_and_leaks_among_texts() -> None:
    items = distinct(40)
    items[4] = items[0].upper() + "!"  # reads alike
    items[5] = items[1] + " and a few words more"  # nearly
    items[7] = items[2]
    items[30] = items[3]
    parts = ["train"] * 25 + ["test"] * 15
    report = examine(texts(items, ["up", "down"] * 20, parts))
    pairs = ("line 2 = line 6", "line 3 = line 7", "line 4 = line 9", "line 5 = line 32")
    assert fault(report, "copies or near-copies") == pairs
    assert fault(report, "copies with different labels") == pairs[2:]
    assert fault(report, "copies in more than one part") == pairs[3:]
    assert report.copies[0] == report.copies[4] and report.copies[0] != report.copies[1]
    assert report.parts == {"test": {"down": 8, "up": 7}, "train": {"down": 12, "up": 13}}


def test_small_classes_and_misspelt_labels() -> None:
    labels = ["positive"] * 30 + ["Positive "] * 2 + ["postive"] * 2 + ["negative"] * 26
    report = examine(texts(distinct(60), [label.strip() for label in labels]))
    assert fault(report, "classes with fewer than 10") == ("Positive: 2", "postive: 2")
    assert fault(report, "labels that look like one") == (
        "'Positive' (2) and 'positive' (30)",
        "'postive' (2) and 'positive' (30)",
    )


def test_labels_that_differ_by_a_number_are_two() -> None:
    labels = ["block1"] * 30 + ["block2"] * 4 + ["male"] * 14 + ["female"] * 12
    assert fault(examine(texts(distinct(60), labels)), "labels that look") == ()


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [
        ("cat", "cats", True),
        ("scat", "cat", True),
        ("cat", "cot", True),
        ("cat", "cut", True),
        ("cat", "act", False),
        ("cat", "coat", True),
        ("cat", "coats", False),
        ("type1", "type2", False),
    ],
)
def test_one_letter_apart(a: str, b: str, one: bool) -> None:
    assert one_letter_apart(a, b) is one and one_letter_apart(b, a) is one


def test_short_foreign_and_broken_texts() -> None:
    items = distinct(24)
    items[0], items[1], items[2] = "ok", "schÃ¶n und grÃ¼n im Wald", "это был хороший день"
    items[3] = "a fine cafÃ© by the sea"
    report = examine(texts(items, ["up", "down"] * 12))
    assert fault(report, "fewer than three words") == ("line 2",)
    assert fault(report, "letters broken") == ("line 3", "line 5")
    assert report.notes == {"not in Latin script": 1}


def noise(seed: int, size: tuple[int, int] = (48, 64)) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 12 pictures, with a fault of each kind."""
    for i in range(24):
        path = tmp_path / ("dark" if i % 2 else "light") / f"shot{i:02d}.png"
        path.parent.mkdir(exist_ok=True)
        noise(i).save(path)
    noise(0).save(tmp_path / "light" / "again.jpg", quality=80)  # the same, saved anew
    noise(2).resize((128, 96)).save(tmp_path / "dark" / "larger.png")  # and with another label
    noise(50).convert("L").save(tmp_path / "dark" / "grey.png")
    (tmp_path / "dark" / "empty.png").write_bytes(b"")
    whole = (tmp_path / "light" / "again.jpg").read_bytes()
    (tmp_path / "light" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (8, 8), "red").save(tmp_path / "light" / "red.png")
    return tmp_path


def test_faults_of_pictures(folder: Path) -> None:
    report = examine(find_pictures(folder))
    broken = fault(report, "cannot be read")
    assert [line.split(": ")[0] for line in broken] == ["dark/empty.png", "light/half.jpg"]
    assert broken[0].endswith(": an empty file") and "truncated" in broken[1]
    assert report.usable.sum() == len(report.usable) - 2 == 28
    assert fault(report, "grey, unlike most") == ("dark/grey.png",)
    assert set(fault(report, "copies or near-copies")) == {
        "light/again.jpg = light/shot00.png",
        "dark/larger.png = light/shot02.png",
    }
    assert fault(report, "copies with different") == ("dark/larger.png = light/shot02.png",)
    assert report.notes == {"grey": 1, "of one tone": 1}
    assert report.sizes["shorter side, least"] == 8
    assert report.sizes["longer side, greatest"] == 128


def named(folder: Path, names: list[str]) -> Found:
    for i, name in enumerate(names):
        path = folder / ("a" if i % 2 else "b") / name
        path.parent.mkdir(exist_ok=True)
        noise(i).save(path)
    return find_pictures(folder)


def test_file_names_suggest_groups(tmp_path: Path) -> None:
    names = [f"patient{p:02d}_{shot}.png" for p in range(6) for shot in "abc"]
    report = examine(named(tmp_path, names))
    assert report.groups_from == "suggested by the file names"
    assert len(set(report.groups)) == 6 and "patient03" in report.groups


@pytest.mark.parametrize("pattern", ["IMG_{:04d}.png", "cell{:04d}.png", "cat-{}.png"])
def test_numbered_file_names_alone_do_not(tmp_path: Path, pattern: str) -> None:
    report = examine(named(tmp_path, [pattern.format(i) for i in range(12)]))
    assert (report.groups, report.groups_from) == ((), "none")


def test_groups_that_were_given_come_first() -> None:
    groups = [f"user {i % 5}" for i in range(20)]
    report = examine(texts(distinct(20), ["up", "down"] * 10, groups=groups))
    assert report.groups_from == "as given" and report.groups == tuple(groups)


def test_what_was_passed_over_stays_on_the_list(folder: Path) -> None:
    (folder / "light" / "notes.txt").write_text("x")
    report = examine(find_pictures(folder))
    assert fault(report, "passed over") == ("light/notes.txt: no picture: it ends in .txt",)


MANY = """
import resource, sys
from companion.data.own_tables import find_rows
from companion.data.report import examine

report = examine(find_rows(sys.argv[1], text="text", label="label"))
(copies,) = [fault for fault in report.faults if fault.what.startswith("copies")]
print(sum(report.counts.values()), len(copies.places), list(report.notes)[0])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_200_000_rows_fit_in_4_gib(
    tmp_path: Path, root: Path, measured: Callable[[str], None]
) -> None:
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(5000)])
    rows = [" ".join(row) for row in words[rng.integers(0, 5000, (200_000, 30))]]
    rows[-1] = rows[1]
    lines = [f"{text},{'up' if i % 2 else 'down'}" for i, text in enumerate(rows)]
    (tmp_path / "many.csv").write_text("\n".join(["text,label", *lines]))
    start = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path / "many.csv")],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said, peak = ran.stdout.splitlines()
    seconds = time.perf_counter() - start
    measured(f"200,000 rows examined: {int(peak) / 2**30:.2f} GiB, {seconds:.0f} s")
    assert said == "200000 1 compared for exact copies alone: more than 50,000"
    assert int(peak) < 4 * 2**30
