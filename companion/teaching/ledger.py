"""Result numbers in prose: spans that are filled from the recorded trials, and nothing typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from companion.evidence.claims import Finding
from companion.evidence.intervals import Interval, corrected_interval
from companion.experiments.ledger import findings, rows_or_none, scores_of, share_of
from companion.teaching.speeds import costs_table, sides_table, speeds_table

# <!-- trial: C2a.effect -->0.031 [0.012, 0.050]<!-- /trial -->
SPAN = re.compile(r"<!-- trial: (?P<key>[^>]+?) -->.*?<!-- /trial -->", re.S)
# What a reader may not be asked to believe without a trial or a source. 95 % names an interval.
RESULT = re.compile(
    r"(?<![\w.])(0\.\d+(?!\d|\.\d| ?[GMk]i?B)|\d+(\.\d+)? ?(%|percent|points)"
    r"|\d+(\.\d+)? (times|seconds|minutes) (faster|slower|more|less|better))"
)
NO_RESULT = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]+`|95 ?(%|percent)", re.S)
SOURCE = re.compile(r"\]\(https?://")


def render(text: str) -> str:
    """Return `text` with every trial span filled anew.

    Raises:
        LookupError: a span names no claim, experiment, arm or metric.
    """
    return SPAN.sub(
        lambda m: f"<!-- trial: {m['key']} -->{value_of(m['key'])}<!-- /trial -->", text
    )


def value_of(key: str) -> str:
    """Return what stands in the span `key`.

    `C2a.effect`, `.verdict`, `.seeds`, `.better` or `.worse` of a claim; `what_to_train/full/200/
    AUROC` for the mean of an arm; `table claims`; `table what_to_train/AUROC` for all its arms;
    `table speeds`, `table sides` and `table costs` for how fast the course is.

    Raises:
        LookupError: it names nothing that there is.
    """
    if key == "table claims":
        return claims_table(f for f in known().values() if f.claim.worse)
    if key in SPEEDS:
        return SPEEDS[key]()
    if key.startswith("table "):
        return arms_table(*key.removeprefix("table ").split("/"))
    if "/" in key:
        name, arm, n, metric = key.split("/")
        return short(mean_of(name, arm, n, metric))
    claim, _, field = key.partition(".")
    if claim not in known() or field not in FIELDS:
        raise LookupError(
            f"no trial span can be filled for {key!r}. Expected a claim ({', '.join(known())}) "
            f"with .{', .'.join(FIELDS)}, or experiment/arm/n/metric."
        )
    return FIELDS[field](known()[claim])


FIELDS = {
    "effect": lambda f: str(f.effect) if f.effect else "not recorded",
    "verdict": lambda f: f.verdict,
    "seeds": lambda f: str(f.seeds),
    "better": lambda f: "not recorded" if f.better is None else f"{f.better:.3f}",
    "worse": lambda f: "not recorded" if f.worse is None else f"{f.worse:.3f}",
}


SPEEDS: dict[str, Callable[[], str]] = {
    "table speeds": lambda: speeds_table(known().values()),
    "table sides": sides_table,
    "table costs": costs_table,
}


@lru_cache(maxsize=1)
def known() -> dict[str, Finding]:
    """Return every finding by the id of its claim."""
    return {finding.claim.id: finding for finding in findings()}


def mean_of(name: str, arm: str, n: str, metric: str) -> Interval | None:
    """Return the mean of an arm's trials with its interval; None where none are recorded.

    The interval allows for splits that are re-drawn from the same examples.

    Raises:
        LookupError: the trials hold no such metric.
    """
    labels = {"n": int(n) if n.isdigit() else n} if n else {}
    scores = scores_of(name, metric, {"arm": arm} | labels)
    return corrected_interval(scores, share_of(name)) if len(scores) > 1 else None


def short(interval: Interval | None) -> str:
    """Return a mean and half its interval's width, as "0.781 ± 0.022"."""
    if interval is None:
        return "not recorded"
    return f"{interval.mean:.3f} ± {interval.high - interval.mean:.3f}"


def arms_table(name: str, metric: str) -> str:
    """Return a Markdown table of an experiment's arms, one column for each number of labels."""
    specs = [row["spec"] for row in rows_or_none(name, "cpu")]
    arms = list(dict.fromkeys(spec["arm"] for spec in specs))
    sizes = sorted({spec.get("n", "") for spec in specs}, key=lambda n: (isinstance(n, str), n))
    lines = [f"| {metric} | " + " | ".join(column_of(n) for n in sizes) + " |"]
    lines += ["|---" * (1 + len(sizes)) + "|"]
    for arm in arms:
        cells = [short(mean_of(name, arm, str(n), metric)) for n in sizes]
        cells = ["" if cell == "not recorded" else cell for cell in cells]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n\n" + "\n".join(lines) + "\n\n"


def column_of(n: int | str) -> str:
    """Return the heading over the trials with `n` labels."""
    return f"{n} labels" if n else "score"


def claims_table(found: Iterable[Finding]) -> str:
    """Return the ledger as a Markdown table."""
    heads = "| claim | | score | difference, 95 % interval | delta | seeds | verdict |"
    lines = [heads, "|---" * 7 + "|"]
    for f in found:
        effect = str(f.effect) if f.effect else ""
        failed = f" ({f.failed} failed)" if f.failed else ""
        lines.append(
            f"| **{f.claim.id}** | {f.claim.text} | {f.claim.metric} | {effect} "
            f"| {f.claim.delta} | {f.seeds}{failed} | {f.verdict} |"
        )
    return "\n\n" + "\n".join(lines) + "\n\n"


def typed_results(text: str) -> list[str]:
    """Return the result numbers in Markdown that stand in no span and before no source.

    Code is left out: there stand settings. A number is sourced if a link follows in its paragraph.
    """
    text = NO_RESULT.sub("", SPAN.sub("", text))
    found = []
    for paragraph in text.split("\n\n"):
        for number in RESULT.finditer(paragraph):
            if not SOURCE.search(paragraph, number.end()):
                found.append(number.group())
    return found


def prose(root: Path) -> Iterator[Path]:
    """Yield the files whose words a reader reads: the README and the book's pages and lessons."""
    yield root / "README.md"
    yield from sorted((root / "notebooks").glob("*.md"))
    yield from sorted((root / "notebooks").glob("*.ipynb"))


def render_pages(root: Path, *, write: bool = False) -> list[str]:
    """Return the names of the pages whose spans are out of date; with `write`, bring them up."""
    known.cache_clear()
    return [path.name for path in prose(root) if render_page(path, write)]


def render_page(path: Path, write: bool) -> bool:
    """Return whether a page's spans are out of date; with `write`, fill them."""
    if path.suffix == ".md":
        old = path.read_text(encoding="utf-8")
        new = render(old)
        if write and new != old:
            path.write_text(new, encoding="utf-8")
        return new != old
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    changed = [cell for cell in texts if render(cell.source) != cell.source]
    for cell in changed:
        cell.source = render(cell.source)
    if write and changed:
        nbformat.write(notebook, path)
    return bool(changed)
