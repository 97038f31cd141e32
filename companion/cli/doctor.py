"""`companion doctor`: what this machine has, what does not fit together, and the cure."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

import companion

DISTRIBUTION = "transfer-learning-measured"
_NMS = (
    "import torch, torchvision\n"
    "torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)"
)


def doctor(as_json: bool = False) -> int:
    """Print what this machine has and return 1 if something needs a cure, else 0."""
    found = examine()
    print(json.dumps(found, indent=2) if as_json else describe(found))
    return 1 if found["problems"] else 0


def examine() -> dict:
    """Return everything the doctor looks at, ready for JSON; sizes in bytes.

    `problems` is a list of {"what", "cure"}; nothing that fails here stops the rest.
    """
    packages = package_versions()
    pair = examine_pair()
    problems = [*_package_problems(packages), *([pair["problem"]] if pair["problem"] else [])]
    machine = _told(this_machine, problems, 'reinstall torch: python -m pip install "torch>=2.6"')
    cache = _told(cache_facts, problems, "set COMPANION_CACHE to a folder that may be written")
    assets = _told(asset_facts, problems, "companion assets install") or []
    problems += _asset_problems(assets)
    return {
        "companion": companion.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "machine": machine,
        "pair": pair,
        "disk_free": shutil.disk_usage(Path.cwd()).free,
        "cache": cache,
        "assets": assets,
        "problems": problems,
    }


def requirements() -> list[Requirement]:
    """Return what the package needs at run time, from its metadata or from the checkout."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from the folder, not installed
        project = Path(companion.__file__).parents[1] / "pyproject.toml"
        lines = tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]
    wanted = [Requirement(line) for line in lines]
    return [one for one in wanted if not (one.marker and "extra" in str(one.marker))]


def package_versions() -> dict[str, dict]:
    """Return {package: {"found": version or None, "wanted": range, "fits": bool}}."""
    versions = {}
    for one in requirements():
        found = _version(one.name)
        fits = found is not None and one.specifier.contains(found, prereleases=True)
        versions[one.name] = {"found": found, "wanted": str(one.specifier), "fits": fits}
    return versions


def examine_pair() -> dict:
    """Return how torch and torchvision fit: versions, and the problem with its cure or None.

    An operator of torchvision's is called in another process, because a pair that does not fit
    may take the process down; the versions then say why. A pair whose version tags differ but
    whose operators work (builds of one's own) is left alone.
    """
    torch, torchvision = _version("torch"), _version("torchvision")
    failure = "" if torch is None or torchvision is None else _operator_failure()
    problem = None
    if failure is not None:
        needs = metadata.requires("torchvision") or [] if torchvision else []
        line = next((need for need in needs if Requirement(need).name == "torch"), None)
        problem = pair_problem(torch, torchvision, line) or {
            "what": f"torch {torch} and torchvision {torchvision} do not work together: {failure}",
            "cure": pair_cure(torch, torchvision, line),
        }
    return {"torch": torch, "torchvision": torchvision, "problem": problem}


def pair_problem(
    torch: str | None, torchvision: str | None, requirement: str | None
) -> dict[str, str] | None:
    """Return why two versions cannot be a pair and the cure, or None if they can.

    Versions are as pip reports them, with their build tag ("2.14.1+cpu"), None if missing;
    `requirement` is the line of torchvision's metadata that names torch, None if it has none.
    """
    cure = pair_cure(torch, torchvision, requirement)
    if torch is None or torchvision is None:
        missing = "torch" if torch is None else "torchvision"
        return {"what": f"{missing} is not installed", "cure": cure}
    if requirement and not Requirement(requirement).specifier.contains(
        Version(torch).public, prereleases=True
    ):
        what = f"torchvision {torchvision} needs {requirement}, found torch {torch}"
        return {"what": what, "cure": cure}
    if Version(torch).local != Version(torchvision).local:
        what = f"torch {torch} and torchvision {torchvision} were built differently"
        return {"what": what, "cure": cure}
    return None


def pair_cure(torch: str | None, torchvision: str | None, requirement: str | None) -> str:
    """Return the command that installs torch and torchvision again, as one pair."""
    pins = Requirement(requirement).specifier if requirement else ()
    exact = [pin.version for pin in pins if pin.operator == "==" and "*" not in pin.version]
    wanted = exact[0] if exact else torch and Version(torch).public
    words = [
        f'"torch=={wanted}"' if wanted else "torch",
        f'"torchvision=={Version(torchvision).public}"' if torchvision else "torchvision",
    ]
    command = f"python -m pip install --force-reinstall {' '.join(words)}"
    return f"{command}   (both from one index: the same --index-url for both, or none)"


def describe(found: dict) -> str:
    """Return the doctor's findings as text, problems and cures last."""
    machine, pair, assets = found["machine"], found["pair"], found["assets"]
    versions = ", ".join(f"{name} {one['found']}" for name, one in found["packages"].items())
    lines = [
        f"companion {found['companion']}, Python {found['python']}, {found['platform']}",
        f"machine   {describe_machine(machine)}" if machine else "machine   unknown",
        f"packages  {versions}",
        f"pair      torch {pair['torch']} with torchvision {pair['torchvision']}: "
        + ("does not fit" if pair["problem"] else "fits"),
        f"disk      {found['disk_free'] / 1e9:.1f} GB free here",
        f"cache     {describe_cache(found['cache']) if found['cache'] else 'unknown'}",
        f"assets    {sum(not one['problem'] for one in assets)} of {len(assets)} in place",
    ]
    for problem in found["problems"]:
        lines += [f"\nproblem   {problem['what']}", f"cure      {problem['cure']}"]
    return "\n".join(lines if found["problems"] else [*lines, "no problem found"])


def describe_machine(machine: dict) -> str:
    """Return one line on the machine: accelerator, name, cores, memory, number format."""
    precision = {"no": "fp32"}.get(machine["training_precision"], machine["training_precision"])
    return (
        f"{machine['accelerator']}: {machine['name']}, {machine['cores']} cores, "
        f"{machine['threads']} threads, {machine['memory_bytes'] / 2**30:.1f} GiB, "
        f"trains in {precision}"
    )


def describe_cache(facts: dict) -> str:
    """Return one line on the cache: size, limit and folder."""
    shared = f"; shared, read only: {facts['shared']}" if facts["shared"] else ""
    held, most = facts["size"] / 1e9, facts["limit"] / 1e9
    return f"{held:.2f} of {most:.1f} GB in {facts['folder']}{shared}"


def this_machine() -> dict:
    """Return `companion.device.this_machine()` as a dictionary."""
    from companion import device

    return asdict(device.this_machine())


def cache_facts() -> dict:
    """Return the cache's folder, size and limit in bytes, and the folder of the shared one.

    Raises:
        FileNotFoundError: COMPANION_SHARED_CACHE names a folder that holds no cache.
    """
    from companion.data import cache

    asked, shared = os.environ.get("COMPANION_SHARED_CACHE"), cache.shared_cache()
    if asked and shared is None:
        raise FileNotFoundError(
            f"expected a filled cache in {asked}, the COMPANION_SHARED_CACHE, found no folder "
            f"{cache.CACHE_NAME} there that may be read; mend the name or the rights, or unset it"
        )
    folder, size = str(cache.cache_folder()), cache.cache_size()
    known = {"folder": folder, "size": size, "limit": cache.CACHE_LIMIT}
    return known | {"shared": str(shared) if shared else None}


def asset_facts() -> list[dict]:
    """Return name, package, installed version and problem, or None, of each asset."""
    from companion.data.assets import asset_status

    return [
        {
            "name": one.asset.name,
            "package": one.asset.package,
            "installed": one.installed,
            "problem": one.problem,
        }
        for one in asset_status()
    ]


def show_assets(verify: bool) -> int:
    """Print one line for each asset and return 1 if one is missing or, verified, damaged."""
    from companion.data.assets import asset_status

    bad = 0
    for status in asset_status(verify=verify):
        asset = status.asset
        good = "hash verified" if status.verified else "in place"
        state = "NOT in place" if status.problem else good
        print(f"{asset.name:20} {asset.bytes / 1e6:6.1f} MB  {state:13}  {asset.licence}")
        if status.problem:
            bad += 1
            print(f"  {status.problem}")
    return 1 if bad else 0


def _version(name: str) -> str | None:
    """Return a package's version as pip reports it, None where it is missing or unreadable."""
    try:
        found = metadata.version(name)
        Version(found)
    except (metadata.PackageNotFoundError, InvalidVersion):
        return None
    return found


def _operator_failure() -> str | None:
    """Call one of torchvision's operators in another process; return its last words or None."""
    command = [sys.executable, "-c", _NMS]
    try:
        call = subprocess.run(command, capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return "importing both took more than three minutes"
    if call.returncode == 0:
        return None
    return (call.stderr.strip().splitlines() or [f"exit status {call.returncode}"])[-1]


def _told(look: Callable[[], Any], problems: list[dict], cure: str) -> Any:
    """Return what `look` finds; if it fails, note why and go on: a doctor examines the rest."""
    try:
        return look()
    except Exception as error:
        problems.append({"what": f"{type(error).__name__}: {error}", "cure": cure})
        return None


def _package_problems(packages: dict[str, dict]) -> list[dict]:
    """Return one problem for all packages that are missing or out of range."""
    unfit = {name: one for name, one in packages.items() if not one["fits"]}
    if not unfit:
        return []
    what = "; ".join(
        f"expected {name} {one['wanted'] or '(any version)'}, found {one['found'] or 'none'}"
        for name, one in unfit.items()
    )
    words = " ".join(f'"{name}{one["wanted"]}"' for name, one in unfit.items())
    return [{"what": what, "cure": f"python -m pip install {words}"}]


def _asset_problems(assets: list[dict]) -> list[dict]:
    """Return one problem for all assets that are missing or of another version."""
    bad = [one["name"] for one in assets if one["problem"]]
    if not bad:
        return []
    what = f"{len(bad)} of {len(assets)} assets are not in place: {', '.join(bad)}"
    return [{"what": what, "cure": "companion assets install"}]
