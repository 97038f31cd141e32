"""The stages of `companion test`, and the network that is really cut."""

import re
import subprocess
import sys

import pytest

from companion.cli import stages
from companion.cli.offline import network_cut
from companion.cli.stages import Stage


def python(code):
    return [sys.executable, "-c", code]


def test_every_stage_runs_and_the_last_line_counts(tmp_path, monkeypatch, capfd):
    chosen = [
        Stage("first", python("raise SystemExit(3)")),
        Stage("second", python("print('ran')")),
        Stage("third", python("raise SystemExit(5)"), may_be_empty=True),
    ]
    monkeypatch.setattr(stages, "all_stages", lambda root: chosen)
    assert stages.test(tmp_path) == 1
    lines = capfd.readouterr().out.splitlines()
    assert "ran" in lines
    assert lines[-1] == "2 passed, 1 failed"
    monkeypatch.setattr(stages, "all_stages", lambda root: chosen[1:])
    assert stages.test(tmp_path) == 0


def test_no_tests_is_a_failure_unless_it_may_be(tmp_path):
    empty = python("raise SystemExit(5)")
    assert stages.run_stage(Stage("empty", empty, may_be_empty=True), tmp_path, [])
    assert not stages.run_stage(Stage("empty", empty), tmp_path, [])


def test_stages_know_that_the_hub_is_off(tmp_path):
    code = "import os; assert os.environ['HF_HUB_OFFLINE'] == '1'"
    assert stages.run_stage(Stage("hub", python(code)), tmp_path, [])


def test_all_stages_are_there_in_order(root):
    names = [stage.headline for stage in stages.all_stages(root)]
    assert [name for name in names if name != "the lessons"] == [
        "ruff check",
        "ruff format",
        "online tests",
        "tests",
        "tests of time and memory",
        "the book",
        "lessons with Colab's versions",
    ]
    cut = [stage.headline for stage in stages.all_stages(root) if stage.cut]
    assert "tests" in cut
    assert "online tests" not in cut
    assert "lessons with Colab's versions" not in cut


def test_without_colabs_python_the_stage_says_so_and_does_not_fail(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    stage = stages.colab_stage()
    assert stage.note.startswith("expected Python 3.13, found none that answers to python3.13; ")
    monkeypatch.setattr(stages, "all_stages", lambda root: [Stage("one", python("")), stage])
    assert stages.test(tmp_path) == 0
    lines = capfd.readouterr().out.splitlines()
    assert re.fullmatch(r"NOT RUN +0\.0 s  lessons with Colab's versions: expected.*", lines[-2])
    assert lines[-1] == "1 passed, 0 failed, 1 not run"


def test_a_stage_that_would_begin_too_late_is_left_out_and_named(tmp_path, monkeypatch, capfd):
    late = Stage("late", [sys.executable, "-m", "companion", "matrix", "colab"], by=-60)
    monkeypatch.setattr(stages, "all_stages", lambda root: [Stage("one", python("")), late])
    assert stages.test(tmp_path) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-2].endswith(
        "late: expected at most -1 minutes before it, found 0; run it by itself: "
        "companion matrix colab"
    )
    assert lines[-1] == "1 passed, 0 failed, 1 not run"
    assert stages.too_late(stages.colab_stage(), stages.COLAB_BY) is None
    assert "found 51; " in stages.too_late(stages.colab_stage(), stages.COLAB_BY + 60)


def test_pytest_arguments_reach_each_of_its_stages():
    for stage in stages.pytest_stages(["-k", "freeze"]):
        assert stage.command[-2:] == ["-k", "freeze"]
        assert stage.may_be_empty


def test_every_test_belongs_to_one_stage_and_those_of_time_run_by_themselves():
    online, beside, alone = stages.pytest_stages([])
    expressions = [stage.command[-1] for stage in (online, beside, alone)]
    assert expressions == ["online", "not online and not alone", "alone and not online"]
    assert ["-n" in stage.command for stage in (online, beside, alone)] == [True, True, False]


def test_where_the_network_cannot_be_cut_it_is_said(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(stages, "network_cut", list)
    monkeypatch.setattr(stages, "all_stages", lambda root: [Stage("x", python(""), cut=True)])
    assert stages.test(tmp_path) == 0
    assert "WITH the network" in capfd.readouterr().out


def test_the_cut_leaves_loopback_and_nothing_else(root):
    cut = network_cut()
    if not cut:
        pytest.skip("expected a system that can make a network namespace, found none")
    code = (
        "import socket\n"
        "here = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(here.getsockname(), timeout=2).close()\n"
        "print([name for _, name in socket.if_nameindex()])\n"
        "try: socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "except OSError as error: print(error.strerror)\n"
    )
    ran = subprocess.run([*cut, *python(code)], cwd=root, capture_output=True, text=True)
    assert ran.stdout.splitlines() == ["['lo']", "Network is unreachable"], ran.stderr
