"""A machine like Colab's, as near as another can come: its versions, and the lessons as they stand.

The checkout is committed to a repository in a folder elsewhere, and git is told to fetch the
course's address from there, so that the first cell installs what is here. Of Colab itself a kernel
sees a module `google.colab` and nothing more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from companion.cli.environment import SHARING
from companion.cli.matrix import Check, install, installed
from companion.teaching.address import read_address

LESSONS = ("00_start_here", "02_freezing_and_fine_tuning", "03_fine_tuning_bert")
PINS = ".ci/constraints-colab.txt"
PIP = "24.1.2"
CELL_TIMEOUT = 900  # seconds
# What Colab ships, besides what the companion needs: for a kernel, and for the packages that the
# lessons' first cell adds without their needs.
_KERNEL = ("datasets", "ipykernel", "nbclient", "nbconvert", "nbformat", "notebook", "setuptools")
_SHIPPED = (*_KERNEL, "ml_dtypes", "protobuf")
_LEFT_OUT = ("jedi",)  # IPython asks for it, and Colab does without
_RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    NotebookClient(notebook, timeout=int(sys.argv[2]), kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""
_MODULE = '"""What a kernel on Colab sees of Colab, and no more."""\n'


def furnish(root: Path, python: Path) -> None:
    """Install into a new environment what Colab ships.

    Raises:
        RuntimeError: pip could not.
    """
    pins = pinned(root / PINS)
    shipped = [name for name in needed(root) if name in pins]
    install(root, python, ["-c", PINS, *shipped, *_SHIPPED])
    subprocess.run([str(python), "-m", "pip", "uninstall", "-q", "-y", *_LEFT_OUT], check=True)
    install(root, python, [f"pip=={PIP}"])
    _base(python).write_text(json.dumps(installed(python)), "utf-8")


def checks(root: Path, python: Path) -> list[Check]:
    """Return what runs on a machine like Colab's: the lessons, and what their first cell changed.

    What it installed the last time is taken out first, so that it installs again.

    Raises:
        RuntimeError: git is not there, or the checkout is none of git's.
    """
    added = sorted(set(installed(python)) - set(json.loads(_base(python).read_text("utf-8"))))
    if added:
        subprocess.run([str(python), "-m", "pip", "uninstall", "-q", "-y", *added], check=True)
    work = Path(tempfile.mkdtemp(prefix="as-on-colab-"))
    around = variables(root, work)
    publish(root, work / "published")
    ran = []
    for name in LESSONS:
        copy = Path(shutil.copy(root / "notebooks" / f"{name}.ipynb", work))
        command = [str(python), "-c", _RUN, str(copy), str(CELL_TIMEOUT)]
        ran.append(Check(f"lesson {name[:2]}", command, work, around))
    this = [sys.executable, "-m", "companion.cli.colab", str(root), str(python), str(work)]
    ours = {**around, "PYTHONPATH": str(root)}
    return [*ran, Check("no version changed", this, root, ours)]


def variables(root: Path, work: Path) -> dict[str, str]:
    """Write the stand-in for `google.colab` and return the variables of a machine like Colab's."""
    module = work / "stand-in" / "google" / "colab" / "__init__.py"
    start = work / "ipython" / "profile_default" / "startup" / "00-colab.py"
    for path, text in ((module, _MODULE), (start, "import google.colab\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    ours = ("COMPANION_", "MPLBACKEND", "PYTHON", "VIRTUAL_ENV")
    shares = {name: value for name, value in SHARING.items() if name not in os.environ}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    address = f"https://github.com/{read_address(root).repository}"
    return {
        **kept,
        **shares,
        "PYTHONPATH": str(module.parents[2]),
        "IPYTHONDIR": str(work / "ipython"),
        "COMPANION_CACHE": str(work / "cache"),
        "PIP_PROGRESS_BAR": "off",
        "HF_HUB_OFFLINE": "1",  # the lessons ask the hub for nothing
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(work / 'published').as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


def publish(root: Path, folder: Path) -> None:
    """Commit the checkout, changes and new files included, to a repository with the course's tag.

    Raises:
        RuntimeError: git is not there, or the checkout is none of git's.
    """
    try:
        for name in _git(root, "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
            if name and (root / name).is_file():  # one that was deleted is listed still
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, folder / name)
        _git(folder, "init", "-q")
        _git(folder, "add", "--all", "--force")
        who = ("-c", "user.name=course", "-c", "user.email=course@localhost")
        _git(folder, *who, "commit", "-q", "--no-gpg-sign", "-m", "as it stands")
        _git(folder, "tag", read_address(root).tag)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        raise RuntimeError(
            f"expected to commit the checkout {root} to a repository of its own, found that git "
            f"could not ({str(said).strip()}); install git, and clone the course with it"
        ) from error


def changed(root: Path, python: Path, work: Path) -> int:
    """Print what the lessons' first cell did to the versions; return 1 if it did what it must not.

    It must change no version, add what the course needs and Colab lacks, nothing else, and leave
    the package where pip puts it.
    """
    before, now = json.loads(_base(python).read_text("utf-8")), installed(python)
    moved = [name for name in before if now.get(name) != before[name]]
    added = sorted(set(now) - set(before))
    print(f"{len(before)} packages before, changed: {', '.join(moved) or 'none'}")
    print("added:", *(f"{name} {now[name]}" for name in added))
    lines = (root / "companion" / "data" / "assets.txt").read_text("utf-8").splitlines()
    assets = {line.split("==")[0] for line in lines if "==" in line}
    lacking = set(needed(root)) - set(pinned(root / PINS))
    wrong = set(added) ^ (assets | lacking | {"transfer-learning-measured"})
    if wrong:
        print("added without need, or not added:", *sorted(wrong))
    ask = [str(python), "-c", "import companion; print(companion.__file__)"]
    theirs = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    used = subprocess.run(ask, cwd=work, env=theirs, capture_output=True, text=True)
    where = Path(used.stdout.strip() or "nowhere")
    print("the package that the lessons import:", where)
    unmet = unmet_needs(python, {*lacking, "transfer-learning-measured"})
    print(*unmet, sep="\n")
    outside = not where.is_relative_to(python.parents[1])
    return int(bool(moved or wrong or outside or unmet))


def needed(root: Path) -> list[str]:
    """Return the names of the packages that the companion needs, as pip compares them."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return [_plain(Requirement(line).name) for line in project["dependencies"]]


def pinned(path: Path) -> dict[str, str]:
    """Return {name: version} of a file of exact pins, the names as pip compares them."""
    lines = [line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    pairs = [line.split("==") for line in lines if line]
    return {_plain(name): version for name, version in pairs}


def unmet_needs(python: Path, names: set[str]) -> list[str]:
    """Return what pip says is missing or too old for these packages of an environment."""
    command = [str(python), "-m", "pip", "check"]
    said = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return [line for line in said if _plain(line.split(" ")[0]) in names]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _base(python: Path) -> Path:
    return python.parents[1] / "shipped.json"


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(root: Path, python: Path, work: Path) -> int:
    """Look at what changed; tidy up, or say where the notebooks lie if something is wrong."""
    wrong = changed(root, python, work)
    if wrong:
        print("the notebooks, as far as they came:", work)
    else:
        shutil.rmtree(work, ignore_errors=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
