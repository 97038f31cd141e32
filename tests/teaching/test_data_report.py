"""The report on a set in words: everything that was found stands in it, counted."""

from __future__ import annotations

from companion.data.prepared import prepare
from companion.data.report import examine
from companion.teaching.data_report import report_markdown
from tests.data.test_report import distinct, texts


def test_a_report_names_classes_faults_split_and_what_was_left_out() -> None:
    items = distinct(60)
    items[31] = items[2]  # labels differ
    found = texts(items, ["up", "down|out"] * 30)
    report = examine(found)
    lines = report_markdown(report, prepare(found, report)).splitlines()
    assert lines[:3] == ["## The data: mine.csv", "", "60 texts of 2 classes."]
    assert r"| down\|out | 30 | 50% |" in lines and "- words, median: 40" in lines
    assert "**copies with different labels** (1). One of the labels is wrong; ask whoever gave " \
        "them. Until then leave them all out." in lines  # fmt: skip
    assert "- line 4 = line 33" in lines
    assert lines.index("Left out:") < lines.index("- line 33")
    totals = [line for line in lines if line.startswith("| up")]
    assert totals == ["| up | 30 | 50% |", "| up | 17 | 4 | 8 |"]


def test_a_set_in_order_is_said_to_be(tmp_path) -> None:
    found = texts(distinct(40), ["up", "down"] * 20)
    said = report_markdown(examine(found))
    assert said.endswith("### What may spoil a result\n\nNothing found.\n")
    assert "Groups: none known. If examples belong together" in said


def test_of_many_places_the_first_are_shown_and_the_rest_counted() -> None:
    items = ["too short"] * 1 + [f"word{i} b" for i in range(14)] + distinct(20)
    said = report_markdown(examine(texts(items, ["up"] * 18 + ["down"] * 17)))
    assert "**fewer than three words** (15)." in said and "- and 5 more" in said


def test_given_parts_are_columns_and_groups_are_counted() -> None:
    found = texts(distinct(24), ["up", "down"] * 12, ["train"] * 16 + ["test"] * 8,
                  groups=[f"g{i // 2}" for i in range(24)])  # fmt: skip
    said = report_markdown(examine(found))
    assert "| class | examples | share | test | train |" in said
    assert "| up | 12 | 50% | 4 | 8 |" in said
    assert "Groups: 12, as the column says; none is split." in said
