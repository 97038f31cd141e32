"""`companion matrix`: the course with its oldest, its newest and Colab's versions, all run.

Each column is an environment of its own under _build/matrix/, made once and kept until what it
holds changes. The columns know nothing of the environment that runs them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from companion.cli.environment import environment

FOLDER = "_build/matrix"
SHOWN = ("torch", "transformers", "ipywidgets")
EXTRAS = ("lab", "hub", "endpoint")
_TESTED = ("pytest", "hypothesis")  # the other needs of the tests ask for newer versions of ours
_FAST = "not online and not slow and not gpu"
_TESTS = ("tests/models", "tests/transfer", "tests/teaching/test_widgets.py")
_WHICH = (
    "import sys; print(sys.executable if '%d.%d' % sys.version_info[:2] == sys.argv[1] else '')"
)
_LIST = (
    "import json; from importlib.metadata import distributions; "
    "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in distributions()}))"
)


@dataclass(frozen=True)
class Column:
    """One set of versions: its name, the Pythons that serve, newest first, and its pins."""

    name: str
    pythons: tuple[str, ...]
    pins: str | None = None


@dataclass(frozen=True)
class Check:
    """One command that must end with 0, where it runs, and with which variables."""

    name: str
    command: list[str]
    folder: Path
    around: dict[str, str]


@dataclass(frozen=True)
class Ran:
    """How one column went: its Python, what is installed, and (check, passed, seconds) of each."""

    column: str
    python: str
    versions: dict[str, str]
    checks: list[tuple[str, bool, float]]


COLUMNS = {
    column.name: column
    for column in (
        Column("oldest", ("3.11",), ".ci/constraints-oldest.txt"),
        Column("newest", ("3.13", "3.12", "3.11")),
        Column("colab", ("3.13",), ".ci/constraints-colab.txt"),
    )
}


def matrix(root: Path, names: Sequence[str] = ()) -> int:
    """Run columns (default: all), print a table, and return 1 if something in one failed.

    A column whose Python is not on this machine did not pass, and the table says so.

    Raises:
        ValueError: there is no column of that name.
        RuntimeError: an environment could not be made.
    """
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(
            f"expected names of columns among {', '.join(COLUMNS)}, found {', '.join(unknown)}"
        )
    ran = []
    for column in [COLUMNS[name] for name in names or COLUMNS]:
        print(f"\n=== {column.name} ===", flush=True)
        ran.append(run_column(root, column))
    print(f"\n{table(ran)}", flush=True)
    return 0 if all(passed for one in ran for _, passed, _ in one.checks) else 1


def run_column(root: Path, column: Column) -> Ran:
    """Make a column's environment where need be, run its checks and return how they went.

    Raises:
        RuntimeError: the environment could not be made.
    """
    found = find_python(column.pythons)
    if found is None:
        why = lacking(column.pythons)
        print(why)
        return Ran(column.name, "-", {}, [(why, False, 0.0)])
    from companion.cli import colab

    start = time.perf_counter()
    checks = colab.checks if column.name == "colab" else own_checks
    python = made(root, column, found)
    done = [("install", True, time.perf_counter() - start)]
    for check in checks(root, python):
        start = time.perf_counter()
        ended = subprocess.run(check.command, cwd=check.folder, env=check.around).returncode
        done.append((check.name, ended == 0, time.perf_counter() - start))
        print(f"{'FAILED' if ended else 'passed'} {done[-1][2]:7.1f} s  {check.name}", flush=True)
    version = asked(python, "import platform; print(platform.python_version())")
    return Ran(column.name, version, installed(python), done)


def own_checks(root: Path, python: Path) -> list[Check]:
    """Return what runs with our oldest and newest versions.

    The tests are those of the rooms that call other packages most.
    """
    companion = [str(python), "-m", "companion"]
    tests = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", _FAST]
    around = {**environment(root), "HF_HUB_OFFLINE": "1"}
    around["COMPANION_CACHE"] = str(root / FOLDER / f"cache-{python.parents[1].name}")
    commands = {
        "assets": [*companion, "assets", "install"],
        "doctor": [*companion, "doctor"],
        "lesson 00": [*companion, "run", "00_start_here"],
        "lesson 03": [*companion, "run", "03_fine_tuning_bert"],
        "tests": [*tests, *_TESTS],
    }
    return [Check(name, command, root, around) for name, command in commands.items()]


def find_python(versions: Sequence[str]) -> str | None:
    """Return the path of the first of these Pythons ("3.13") that answers here, or None.

    pyenv's python3.13 answers only when told which one it is; Windows has its launcher `py`.
    """
    for version in versions:
        plain, launcher = [f"python{version}"], ["py", f"-{version}"]
        for command, told in ((plain, {}), (plain, {"PYENV_VERSION": version}), (launcher, {})):
            if not shutil.which(command[0]):
                continue
            ask = [*command, "-c", _WHICH, version]
            answer = subprocess.run(ask, env=os.environ | told, capture_output=True, text=True)
            if answer.returncode == 0 and answer.stdout.strip():
                return answer.stdout.strip()
    return None


def lacking(versions: Sequence[str]) -> str:
    """Return the sentence for a column whose Python is not on this machine."""
    return (
        f"expected Python {' or '.join(versions)}, found none that answers to "
        f"python{versions[0]}; install one (pyenv install {versions[0]}, or your system's package)"
    )


def made(root: Path, column: Column, python: str) -> Path:
    """Return the interpreter of a column's environment, which is made unless it stands.

    Raises:
        RuntimeError: pip could not install it.
    """
    folder = root / FOLDER / column.name
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark, wanted = folder / "made.txt", fingerprint(root, column, python)
    if mark.is_file() and mark.read_text("utf-8") == wanted:
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    if column.name == "colab":
        from companion.cli import colab

        colab.furnish(root, inside)
    else:
        pins = ["-c", column.pins] if column.pins else []
        install(root, inside, [*pins, "-e", f".[{','.join(EXTRAS)}]", *_TESTED])
    mark.write_text(wanted, "utf-8")
    return inside


def install(root: Path, python: Path, words: Sequence[str]) -> None:
    """Let pip install into an environment, from wheels alone.

    Raises:
        RuntimeError: it could not.
    """
    pip = [str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", "--no-compile"]
    command = [*pip, *words]
    if subprocess.run(command, cwd=root).returncode:
        raise RuntimeError(
            f"expected pip to install {' '.join(words)} into {python.parents[1]}, found that it "
            "could not; its own words stand above. Check the network, then run this again"
        )


def fingerprint(root: Path, column: Column, python: str) -> str:
    """Return what an environment was made from, so that a change makes it anew."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    pins = (root / column.pins).read_text("utf-8") if column.pins else ""
    extras = [project["optional-dependencies"].get(name, []) for name in EXTRAS]
    needs = json.dumps([project["dependencies"], extras, python])
    return hashlib.sha256(f"{needs}\n{pins}".encode()).hexdigest()


def installed(python: Path) -> dict[str, str]:
    """Return the packages of an environment and their versions."""
    return json.loads(asked(python, _LIST))


def asked(python: Path, code: str) -> str:
    """Return what an interpreter prints, away from any checkout."""
    command = [str(python), "-I", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def table(ran: Sequence[Ran]) -> str:
    """Return one line for each column: its versions, what passed, and the seconds it took."""
    lines = [("column", "Python", *SHOWN, "passed", "seconds")]
    for one in ran:
        versions = [one.versions.get(name, "-") for name in SHOWN]
        failed = [name for name, passed, _ in one.checks if not passed]
        said = f"{len(one.checks) - len(failed)} of {len(one.checks)}"
        said += f" (not: {'; '.join(failed)})" if failed else ""
        seconds = sum(seconds for _, _, seconds in one.checks)
        lines.append((one.column, one.python, *versions, said, f"{seconds:.0f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
