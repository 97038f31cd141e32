"""Data sets of the hub, read through `datasets`: every file verified, the official parts kept."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from companion.data.hub import hub_file
from companion.data.hub_errors import HubError, hub_errors

if TYPE_CHECKING:
    from datasets import Dataset


def official_parts(
    repo: str, revision: str | None, commit: str, splits: Sequence[str] | None
) -> dict[str, Dataset]:
    """Return the parts of a data set, each of its files verified before it is read.

    All parts are downloaded, since `datasets` prepares all; `splits` chooses what is kept, None for
    all of them.

    Raises:
        HubError: the data could not be had, or `datasets` is not installed.
        ValueError: there is no such part.
    """
    datasets = datasets_package()
    what = f"the data set {repo}"
    with hub_errors(what, repo, "dataset"):
        builder = datasets.load_dataset_builder(repo, revision=commit)
    files = builder.config.data_files or {}
    wanted = list(splits or files)
    if not set(wanted) <= set(files):
        raise ValueError(
            f"{repo}: expected the parts {', '.join(wanted)}, found {', '.join(map(str, files))}. "
            "Ask for parts that are there."
        )
    for file in (str(file) for part in files.values() for file in part):
        _verified(file, repo, revision, commit)
    with hub_errors(what, repo, "dataset"):
        rows = datasets.load_dataset(repo, revision=commit)
    return {str(part): rows[part] for part in wanted}


def _verified(file: str, repo: str, revision: str | None, commit: str) -> None:
    """Download and verify one file (hf://datasets/owner/name@commit/path) of a data set."""
    at, _, path = file.removeprefix(f"hf://datasets/{repo}@").partition("/")
    # By the revision, not the commit: so the cache learns what the revision stands for.
    held = hub_file(repo, path, kind="dataset", revision=revision)
    # Without a network `datasets` would take any version it has; and someone may just have pushed.
    if at != commit or commit not in held.parts:
        raise HubError(
            f"expected the data set {repo} at its commit {commit}, found {file} in {held.parent}. "
            "It changed, or the network went, while it was read: run again."
        )


def datasets_package() -> ModuleType:
    """Return the package `datasets`, which not everybody has.

    Raises:
        HubError: it is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise HubError(
            "expected the package datasets, which reads the data sets of the hub, found that it is "
            'not installed. Run `python -m pip install "datasets>=3"`, then restart the kernel.'
        ) from error
    return datasets


def check_sizes(name: str, parts: dict[str, Dataset], expected: dict[str, int]) -> None:
    """Check that the parts of a data set we know have the sizes that are known.

    Raises:
        ValueError: they have not.
    """
    found = {part: len(rows) for part, rows in parts.items()}
    if any(expected.get(part) != rows for part, rows in found.items()):
        raise ValueError(
            f"{name}: expected the official parts {expected}, found {found}. The repository has "
            "changed: pass the revision that had them, or its owner/name to take it as it is."
        )
