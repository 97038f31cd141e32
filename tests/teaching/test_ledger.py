"""Result numbers in prose come from trials: spans are filled, and nothing is typed."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from companion.evidence.claims import of_arm
from companion.experiments import ledger as findings_of
from companion.experiments import rows
from companion.experiments.ledger import as_json, claim_called, findings, stale, table
from companion.teaching import ledger
from companion.teaching.ledger import prose, render, render_pages, typed_results
from tests.conftest import ROOT

# What students get wrong is written by a program from the checks' own words (test_checks.py).
PAGES = [page for page in prose(ROOT) if page.name != "wrong-answers.md"]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def words_of(page: Path) -> list[str]:
    """Return the pieces of prose on a page: its text, or its Markdown cells."""
    if page.suffix == ".md":
        return [page.read_text("utf-8")]
    return [c.source for c in nbformat.read(page, 4).cells if c.cell_type == "markdown"]


def strings_of(page: Path) -> list[str]:
    """Return the strings in a notebook's code that a reader would read."""
    sources = [c.source for c in nbformat.read(page, 4).cells if c.cell_type == "code"]
    plain = ["\n".join(re.sub(r"^\s*[%!].*", "", line) for line in s.splitlines()) for s in sources]
    found = []
    for source in plain:
        try:
            tree = ast.parse(source)
        except SyntaxError:  # `%pip` alone in an if
            continue
        found += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    return [value for value in found if isinstance(value, str)]


@each_page
def test_no_result_number_is_typed_by_hand(page: Path) -> None:
    assert [number for words in words_of(page) for number in typed_results(words)] == []
    if page.suffix == ".ipynb":
        assert [n for text in strings_of(page) for n in typed_results(text)] == []


def test_every_span_shows_what_the_trials_say() -> None:
    assert render_pages(ROOT) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("The probe reaches 0.781 here.", ["0.781"]),
        ("The probe reaches 78.1 % here, or 78%.", ["78.1 %", "78%"]),
        ("It is 8.9 times faster.", ["8.9 times faster"]),
        ("It gains 3 points.", ["3 points"]),
        ("They report 0.781 ([Someone 2019](https://doi.org/x)).", []),
        ("They report 0.781.\n\nSee [Someone 2019](https://doi.org/x).", ["0.781"]),
        ("Here <!-- trial: C2a.effect -->0.1 [0.0, 0.2]<!-- /trial --> stands.", []),
        ("A 95 % interval with delta `0.01`, version 1.10.2, 0.7 GB, exercise 00.3.", []),
        ("```python\nx = 0.781\n```", []),
    ],
)
def test_what_counts_as_a_typed_result(text: str, numbers: list[str]) -> None:
    assert typed_results(text) == numbers


def test_a_changed_row_changes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the real trials, change one score, and see a different page."""
    page = tmp_path / "README.md"
    page.write_text("Effect: <!-- trial: C2d.effect -->?<!-- /trial -->.\n")
    (tmp_path / "notebooks").mkdir()
    assert render_pages(tmp_path, write=True) == ["README.md"]
    first = page.read_text()
    assert re.search(r"-->-?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\]<!--", first)
    assert render_pages(tmp_path) == []
    for file in rows.MEASURED.glob("*.jsonl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    changed = tmp_path / "batchnorm_left_on.jsonl"
    lines = [json.loads(line) for line in changed.read_text().splitlines()]
    lines[0]["scores"]["balanced accuracy"] += 0.1
    changed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(rows, "MEASURED", tmp_path)
    assert render_pages(tmp_path) == ["README.md"]
    assert render_pages(tmp_path, write=True) == ["README.md"]
    assert page.read_text() != first
    monkeypatch.undo()
    ledger.known.cache_clear()


def test_spans_in_lessons_are_filled_too(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("Nothing here.\n")
    path = tmp_path / "notebooks" / "x.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("Verdict: <!-- trial: C2d.verdict -->?<!-- /trial -->"),
        nbformat.v4.new_code_cell('"<!-- trial: C2d.verdict -->?<!-- /trial -->"'),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert render_pages(tmp_path, write=True) == ["x.ipynb"]
    text, code = nbformat.read(path, 4).cells
    assert re.search(r"-->(supported|contradicted|undecided)<!--", text.source)
    assert code.source == cells[1].source  # code is left alone


@pytest.mark.parametrize("key", ["C9.effect", "C2a.mood", "nowhere"])
def test_a_span_that_names_nothing_is_refused(key: str) -> None:
    with pytest.raises(LookupError, match="no trial span can be filled for .* Expected a claim"):
        render(f"<!-- trial: {key} -->x<!-- /trial -->")


def test_a_span_with_an_unknown_metric_is_refused() -> None:
    with pytest.raises(LookupError, match="the trials hold no metric 'mood'; they hold AUROC, acc"):
        render("<!-- trial: batchnorm_left_on/BatchNorm fixed/200/mood -->x<!-- /trial -->")


def test_no_recorded_trial_is_stale() -> None:
    assert stale() == {}


def test_every_claim_has_its_verdict_with_the_registered_seeds() -> None:
    found = {finding.claim.id: finding for finding in findings()}
    assert {"C0", "C2a", "C2b", "C2c", "C2d", "C2e"} <= set(found)
    for finding in found.values():
        assert finding.verdict in ("supported", "contradicted", "undecided", "not tested here")
        assert finding.seeds + finding.failed == finding.claim.seeds >= 5


def test_claims_as_json_hold_what_a_program_needs() -> None:
    wanted = {"id", "text", "source", "experiment", "arms", "metric", "effect", "low", "high",
              "seeds", "verdict", "device"}  # fmt: skip
    for entry in json.loads(json.dumps([as_json(finding) for finding in findings()])):
        assert wanted <= set(entry)
        assert entry["low"] <= entry["effect"] <= entry["high"]
        assert entry["device"].startswith(("cpu", "cuda"))


def test_the_table_in_the_terminal_fits_and_names_every_claim() -> None:
    text = table(findings())
    assert all(f.claim.id in text and f.verdict in text for f in findings())
    with pytest.raises(LookupError, match="there is no claim 'C99'. Expected one of: C0, C1a"):
        claim_called("C99")


def test_claims_stand_in_the_history_before_their_trials() -> None:
    """The commit that registered each claim is an ancestor of the commit its trials name."""
    import subprocess

    def git(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)

    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("needs the repository with its history")
    path = "companion/experiments/claims.toml"
    for claim in findings_of.read_claims(findings_of.CLAIMS):
        registered = f'id = "{claim.id}"\nlesson'
        commits = git("log", "--reverse", "--format=%H", "-S", registered, "--", path).stdout
        first = commits.split()[0]
        trials = rows.current_rows(claim.experiment)
        arms = [arm for arm in (claim.better, claim.worse) if arm]
        for row in (row for arm in arms for row in of_arm(trials, arm).values()):
            recorded_at = row["commit"].rstrip("+")
            ancestor = git("merge-base", "--is-ancestor", first, recorded_at)
            assert ancestor.returncode == 0, f"{claim.id}: {recorded_at} is not after {first}"
