"""The columns of versions: which Python serves, what is said where none does, and Colab's stand-in.

The columns themselves take minutes to install; Colab's is a stage of `companion test`.
"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from companion.cli import colab, main, matrix
from companion.cli.matrix import COLUMNS, Check, Column, Ran
from companion.teaching.address import read_address

HERE = "{}.{}".format(*sys.version_info)


def script(folder, name, text):
    """Put a command of that name into a folder."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_python_that_answers_is_found(tmp_path, monkeypatch):
    script(tmp_path, "python3.99", "exit 1")
    script(tmp_path, f"python{HERE}", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert matrix.find_python(("3.99", HERE)) == sys.executable
    assert matrix.find_python(("3.99",)) is None


def test_a_command_that_is_another_python_does_not_serve(tmp_path, monkeypatch):
    script(tmp_path, "python3.99", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert matrix.find_python(("3.99",)) is None


def test_pyenv_is_told_which_python_is_meant(tmp_path, monkeypatch):
    """Its command refuses unless PYENV_VERSION, or a setting of the user's, names the version."""
    ask = f'[ "$PYENV_VERSION" = {HERE} ] || exit 127\nexec "{sys.executable}" "$@"'
    script(tmp_path, f"python{HERE}", ask)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_VERSION", raising=False)
    assert matrix.find_python((HERE,)) == sys.executable


def test_a_missing_python_is_said_and_does_not_pass(root, monkeypatch, capsys):
    monkeypatch.setattr(matrix, "COLUMNS", {"next": Column("next", ("3.99",))})
    assert matrix.matrix(root, ["next"]) == 1
    said = (
        "expected Python 3.99, found none that answers to python3.99; "
        "install one (pyenv install 3.99, or your system's package)"
    )
    out = capsys.readouterr().out
    assert said in out.splitlines()
    assert out.splitlines()[-1].startswith(
        "next    -       -      -             -           0 of 1"
    )


def test_an_unknown_column_is_refused(capsys):
    assert main(["matrix", "latest"]) == 2
    assert capsys.readouterr().err == (
        "companion: expected names of columns among oldest, newest, colab, found latest\n"
    )


def test_the_table_has_a_line_for_each_column():
    versions = {"torch": "2.6.0", "transformers": "4.56.0"}
    ran = [
        Ran("oldest", "3.11.7", versions, [("install", True, 61.4), ("doctor", True, 2.0)]),
        Ran("newest", "3.13.0", {}, [("install", True, 1.0), ("lesson 00", False, 30.0)]),
    ]
    assert matrix.table(ran).splitlines() == [
        "column  Python  torch  transformers  ipywidgets  passed                   seconds",
        "oldest  3.11.7  2.6.0  4.56.0        -           2 of 2                   63",
        "newest  3.13.0  -      -             -           1 of 2 (not: lesson 00)  31",
    ]


def test_a_column_runs_its_checks_and_one_failure_counts(root, tmp_path, monkeypatch, capfd):
    """With an environment of this very Python; the checks are small ones."""
    around = dict(os.environ)

    def checks(root, python):
        fail = [str(python), "-c", "raise SystemExit(3)"]
        say = [str(python), "-c", "import os, sys; print(os.getcwd(), sys.argv[1])", "x"]
        return [Check("says", say, tmp_path, around), Check("fails", fail, tmp_path, around)]

    monkeypatch.setattr(matrix, "own_checks", checks)
    monkeypatch.setattr(matrix, "made", lambda root, column, python: Path(sys.executable))
    ran = matrix.run_column(root, Column("newest", (HERE,)))
    assert [(name, passed) for name, passed, _ in ran.checks] == [
        ("install", True),
        ("says", True),
        ("fails", False),
    ]
    assert f"{tmp_path} x" in capfd.readouterr().out


@pytest.mark.slow
def test_an_environment_is_kept_until_what_it_is_made_from_changes(tmp_path, monkeypatch):
    project = '[project]\ndependencies = ["a>={}"]\n[project.optional-dependencies]\nlab = []\n'
    (tmp_path / "pyproject.toml").write_text(project.format(1), "utf-8")
    column, installs = Column("some", (HERE,)), []
    monkeypatch.setattr(matrix, "install", lambda *words: installs.append(words))
    inside = matrix.made(tmp_path, column, sys.executable)
    assert inside.is_file()
    assert matrix.made(tmp_path, column, sys.executable) == inside
    assert len(installs) == 1
    (tmp_path / "pyproject.toml").write_text(project.format(2), "utf-8")
    matrix.made(tmp_path, column, sys.executable)
    assert len(installs) == 2


@pytest.mark.slow
def test_an_install_that_fails_is_made_again_and_told(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[project]\ndependencies = []\n[project.optional-dependencies]\n", "utf-8"
    )
    column = Column("some", (HERE,))
    with pytest.raises(RuntimeError, match=r"expected pip to install .* could not; its own"):
        matrix.made(tmp_path, column, sys.executable)
    assert not (tmp_path / matrix.FOLDER / "some" / "made.txt").exists()


def test_the_columns_are_those_that_the_ranges_speak_of(root):
    python = SpecifierSet(">=3.11,<3.14")
    assert list(COLUMNS) == ["oldest", "newest", "colab"]
    assert all(version in python for column in COLUMNS.values() for version in column.pythons)
    assert COLUMNS["newest"].pins is None
    assert COLUMNS["oldest"].pythons == ("3.11",)
    assert COLUMNS["newest"].pythons[0] == "3.13"


def test_the_oldest_set_is_at_the_lower_bounds(root):
    """Every need is pinned, within its range; the exceptions are the ones that the file names."""
    import tomllib

    path = root / ".ci" / "constraints-oldest.txt"
    pins = colab.pinned(path)
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    above = set()
    needs = [*project["dependencies"], *extras["lab"], *extras["hub"], *extras["endpoint"]]
    for need in map(Requirement, needs):
        version = pins[need.name.lower().replace("_", "-")]
        assert need.specifier.contains(version), need
        low = next(one.version for one in need.specifier if one.operator == ">=")
        if SpecifierSet(f"<={low}.0").contains(version) is False:
            above.add(f"{need.name} {version}")
    comment = "".join(line for line in path.read_text("utf-8").splitlines() if line[:1] == "#")
    assert above and all(one in comment.replace("# ", " ") for one in above), above


def test_the_checkout_is_published_under_its_tag_with_what_is_not_committed(tmp_path):
    root = tmp_path / "course"
    root.mkdir()
    (root / "book.toml").write_text(
        '[preprocessor.companion]\nrepository = "ada/course"\ntag = "autumn"\n', "utf-8"
    )
    (root / ".gitignore").write_text("_build/\n", "utf-8")
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    (root / "new.py").write_text("x = 1\n", "utf-8")
    (root / "_build").mkdir()
    (root / "_build" / "big").write_text("", "utf-8")
    colab.publish(root, tmp_path / "published")
    around = colab.variables(root, tmp_path / "work")
    command = ["git", "clone", "-q", "--branch", "autumn", "https://github.com/ada/course"]
    around["GIT_CONFIG_KEY_0"] = f"url.{(tmp_path / 'published').as_uri()}.insteadOf"
    clone = tmp_path / "clone"
    subprocess.run([*command, str(clone)], env=around, check=True, capture_output=True)
    files = {path.name for path in clone.iterdir()} - {".git"}
    assert files == {"book.toml", ".gitignore", "new.py"}


def test_a_checkout_without_git_is_told(tmp_path):
    root = tmp_path / "download"
    root.mkdir()
    with pytest.raises(RuntimeError, match="install git, and clone the course with it"):
        colab.publish(root, tmp_path / "published")


def test_a_kernel_sees_the_stand_in_and_not_the_checkout(root, tmp_path):
    around = colab.variables(root, tmp_path)
    assert str(root) not in around["PYTHONPATH"].split(os.pathsep)
    assert around["GIT_CONFIG_VALUE_0"].endswith(read_address(root).repository)
    code = "import sys; print('google.colab' in sys.modules)"
    command = [sys.executable, "-m", "IPython", "-c", code]
    ran = subprocess.run(command, env=around, cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip().endswith("True"), ran.stderr


@pytest.mark.parametrize("fault", ["moved", "lacking", "more"])
def test_a_changed_a_lacking_and_a_needless_package_are_found(root, tmp_path, monkeypatch, fault):
    """Against this environment, with a list of what was there before that hides one fault each."""
    python = tmp_path / "bin" / "python"
    ours = {"transfer-learning-measured", *colab.needed(root)} - set(
        colab.pinned(root / colab.PINS)
    )
    lines = (root / "companion" / "data" / "assets.txt").read_text("utf-8").splitlines()
    ours |= {line.split("==")[0] for line in lines if "==" in line}
    before = {"numpy": "2.1.3", "pip": "24.1.2"}
    now = {**before, **dict.fromkeys(ours, "1.0")}
    monkeypatch.setattr(colab, "installed", lambda python: now)
    monkeypatch.setattr(colab, "unmet_needs", lambda python, names: [])
    answer = subprocess.CompletedProcess([], 0, f"{tmp_path}/lib/companion/__init__.py\n", "")
    monkeypatch.setattr(colab.subprocess, "run", lambda *words, **more: answer)
    (tmp_path / "shipped.json").write_text(json.dumps(before), "utf-8")
    assert colab.changed(root, python, tmp_path) == 0
    if fault == "moved":
        now["numpy"] = "2.4.0"
    elif fault == "lacking":
        del now["onnx"]
    else:
        now["keras"] = "4"
    assert colab.changed(root, python, tmp_path) == 1
