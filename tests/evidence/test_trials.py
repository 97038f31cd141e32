"""Trials: appended whole, read whole, whatever happens to the writer."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.evidence.trials import append_trial, read_trials, spec_key

WRITER = """
import sys
from pathlib import Path
from companion.evidence.trials import append_trial
for i in range(int(sys.argv[3])):
    append_trial(Path(sys.argv[1]), {"who": sys.argv[2], "i": i, "long": "x" * 9000})
    print(i, flush=True)
"""


def start(path: Path, who: str, rows: int) -> subprocess.Popen:
    """Start a process that appends rows longer than a file buffer."""
    command = [sys.executable, "-c", WRITER, str(path), who, str(rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_recorders_at_once_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    writers = [start(path, who, 100) for who in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    rows = read_trials(path)
    for who in "ab":
        assert [row["i"] for row in rows if row["who"] == who] == list(range(100))


def test_a_killed_recorder_loses_at_most_the_row_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    for who in "abcd":
        writer = start(path, who, 10_000)
        while int(writer.stdout.readline()) < 20:
            time.sleep(0.001)
        writer.kill()
        writer.wait()
        said = [int(line) for line in writer.stdout if line.endswith("\n")]
        kept = [row["i"] for row in read_trials(path) if row["who"] == who]
        assert kept == list(range(len(kept)))
        assert len(kept) >= max(said, default=20) + 1  # what was reported as written is there


def test_a_torn_line_is_left_out_and_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    append_trial(path, {"i": 0})
    with open(path, "a") as file:
        file.write('{"i": 1, "val')
    assert read_trials(path) == [{"i": 0}]
    append_trial(path, {"i": 2})
    assert read_trials(path) == [{"i": 0}, {"i": 2}]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"i": 0}\n{"i": 1\n{"i": 2}\n')
    with pytest.raises(ValueError, match=r"line 2 of x.jsonl is no whole trial .* record again"):
        read_trials(path)
    assert read_trials(tmp_path / "none.jsonl") == []


def test_a_specification_is_named_by_its_content() -> None:
    one = {"arm": "full", "n": 50, "rate": 5e-4}
    assert spec_key(one) == spec_key(dict(reversed(one.items()))) == spec_key(json.loads(
        json.dumps(one)
    ))  # fmt: skip
    assert spec_key(one) != spec_key(one | {"n": 200})
