"""The report on a learner's own set, as Markdown: to be read before anything trains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from companion.data.looks import Fault
from companion.data.prepared import Prepared
from companion.data.report import DataReport

SHOWN = 10  # places of a fault; all of them stand in the list that goes with the report


def report_markdown(report: DataReport, prepared: Prepared | None = None) -> str:
    """Return what a set is like, what may spoil a result, and what is done about it."""
    n, k = sum(report.counts.values()), len(report.counts)
    lines = [f"## The data: {report.name}", "", f"{n:,} {report.kind} of {k} classes.", ""]
    lines += [*table(*class_rows(report)), ""]
    if report.sizes:
        lines += [*(f"- {name}: {value:,.0f}" for name, value in report.sizes.items()), ""]
    if report.notes:
        lines += [*(f"- {what}: {count:,}" for what, count in report.notes.items()), ""]
    lines += [groups_line(report), "", "### What may spoil a result", ""]
    lines += [line for fault in report.faults for line in fault_lines(fault)] or ["Nothing found."]
    if prepared:
        lines += ["", "### What is trained on", "", *split_lines(prepared)]
    return "\n".join(lines) + "\n"


def class_rows(report: DataReport) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the table of classes, by part where the set is split."""
    n = sum(report.counts.values())
    head = ["class", "examples", "share", *report.parts]
    rows = [
        [label, f"{count:,}", f"{count / n:.0%}"]
        + [f"{part.get(label, 0):,}" for part in report.parts.values()]
        for label, count in report.counts.items()
    ]
    return head, rows


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table as lines of Markdown; bars in a cell are marked as such."""
    cells = [list(head), ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in cells]


def groups_line(report: DataReport) -> str:
    """Return in a sentence what is kept on one side of a split."""
    count = len(set(report.groups))
    if report.groups_from == "as given":
        return f"Groups: {count:,}, as the column says; none is split."
    if count:
        return (
            f"Groups: the file names suggest {count:,}, such as {report.groups[0]!r}; none is "
            "split. If that is wrong, name a group column instead."
        )
    return "Groups: none known. If examples belong together (one person, one day), name a column."


def fault_lines(fault: Fault) -> list[str]:
    """Return a fault as lines: what, how many, what to do, and the first places."""
    more = len(fault.places) - SHOWN
    lines = [f"**{fault.what}** ({len(fault.places):,}). {fault.cure}".rstrip(), ""]
    lines += [f"- {place}" for place in fault.places[:SHOWN]]
    return [*lines, *([f"- and {more:,} more"] if more > 0 else []), ""]


def split_lines(prepared: Prepared) -> list[str]:
    """Return the sizes of the split, and what was left out of it."""
    split = prepared.split
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    head, rows = ["class", *parts], []
    for number, label in enumerate(prepared.data.classes):
        counts = [int((prepared.data.labels[ids] == number).sum()) for ids in parts.values()]
        rows.append([label, *(f"{count:,}" for count in counts)])
    left = [line for fault in prepared.left_out for line in fault_lines(fault)]
    said = ["", "Left out:", "", *left] if left else ["", "Nothing was left out."]
    return [*table(head, rows), *said]
