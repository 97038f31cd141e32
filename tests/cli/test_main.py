"""The parser, the exit statuses, and which errors are told in one line."""

import subprocess
import sys

import pytest

from companion import cli
from companion.cli import doctor

COMMANDS = ["doctor", "assets", "cache", "lab", "run", "course", "test", "book", "matrix", "clean"]


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["teach"], ["assets"], ["lab", "--port", "high"]])
def test_wrong_arguments_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: companion" in capsys.readouterr().err


def test_help_imports_nothing_heavy(root):
    code = (
        "import sys; from companion.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'nbclient', 'timm'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("expected this,\n  found that"), "expected this, found that"),
        (ValueError("labels run from 0 to 3"), "labels run from 0 to 3"),
        (KeyError("no block 'stem'"), "no block 'stem'"),
        (FileNotFoundError(2, "No such file", "a.ipynb"), "[Errno 2] No such file: 'a.ipynb'"),
    ],
)
def test_an_error_of_ours_is_one_line_and_exit_2(error, line, monkeypatch, capsys):
    code = compile("def fail(as_json): raise error", doctor.__file__, "exec")
    names = {"error": error}
    exec(code, names)  # raised from a file of the package, as a deliberate error is
    monkeypatch.setattr(doctor, "doctor", names["fail"])
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == f"companion: {line}\n"


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(doctor, "doctor", lambda as_json: int("twelve"))
    with pytest.raises(ValueError, match="twelve"):
        cli.main(["doctor"])


def test_a_missing_package_is_named_with_the_cure(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "companion.cli.doctor", None)
    assert cli.main(["doctor"]) == 2
    told = capsys.readouterr().err
    assert "companion.cli.doctor" in told
    assert "pip install" in told


def test_an_interrupt_is_130(monkeypatch, capsys):
    def interrupted(as_json):
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "doctor", interrupted)
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "companion: interrupted\n"


def test_outside_a_checkout_the_message_says_what_to_do(tmp_path, monkeypatch, capsys):
    from companion.cli import house

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(house, "__file__", str(tmp_path / "site-packages/companion/cli/house.py"))
    assert cli.main(["clean"]) == 2
    told = capsys.readouterr().err
    assert "book.toml" in told
    assert "clone" in told
    assert len(told.splitlines()) == 1


def test_the_cache_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    from companion.data.cache import build_once

    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path))
    entry = build_once("weights", lambda path: path.write_bytes(bytes(20_000_000)), "0123456789ab")
    assert cli.main(["cache"]) == 0
    assert capsys.readouterr().out.startswith("0.02 of 1.5 GB in ")
    assert cli.main(["cache", "clear"]) == 0
    assert "freed 20.0 MB" in capsys.readouterr().out
    assert not entry.exists()
