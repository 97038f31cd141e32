"""Files of a model hub: downloaded by its own client, verified, and refused in plain words.

Nothing is ever replaced: no random weights for a checkpoint that does not come, no other file for
one that is damaged. A file that was downloaded once is read from the cache when there is no
network.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    scan_cache_dir,
    try_to_load_from_cache,
)
from huggingface_hub.errors import CacheNotFound

from companion.data.hub_errors import HubError, hub_errors, unreachable

_CHUNK = 2**20
_VERIFIED: dict[Path, tuple[str, int, int]] = {}


def hub_file(repo: str, filename: str, *, kind: str = "model", revision: str | None = None) -> Path:
    """Return a file of a repository on the hub, downloaded if need be, its content verified.

    `kind` is "model" or "dataset"; `revision` a branch, tag or commit, None for the newest. The
    content is hashed once per process and again if the time of change or size differs. A file
    that was downloaded once is returned from the cache when the hub cannot be reached.

    Raises:
        HubError: no network, a slow server, no such repository or file, a token that is missing,
            a truncated file, a wrong hash, a full disk.
    """
    what = f"{filename} of the {kind} {repo}"
    with hub_errors(what, repo, kind):
        etag = _etag_on_the_hub(repo, filename, kind, revision)
        if etag is None:
            path = Path(_cached(repo, filename, kind, revision))
        else:
            path = Path(hf_hub_download(repo, filename, repo_type=kind, revision=revision))
        _verify(path, etag or _etag_of_cached(path), what)
    return path


def hub_commit(
    repo: str, *, kind: str = "model", revision: str | None = None, cached: bool = True
) -> str:
    """Return the commit that a revision of a repository stands for, None for the newest.

    Where the hub cannot be reached it is the one that was seen last, if a file of it was
    downloaded; with `cached` False the hub has to answer.

    Raises:
        HubError: as `hub_file` does.
    """
    with hub_errors(f"the {kind} {repo}", repo, kind):
        try:
            wait = constants.HF_HUB_ETAG_TIMEOUT
            return HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=wait).sha
        except Exception as error:
            known = cached and unreachable(error) and _commit_of_cached(repo, kind, revision)
            if not known:
                raise
            return known


def hub_names(repo: str, *, kind: str = "model", revision: str | None = None) -> set[str]:
    """Return the names of a repository's files; without a network, of those in the cache.

    Raises:
        HubError: as `hub_file` does.
    """
    with hub_errors(f"the {kind} {repo}", repo, kind):
        try:
            wait = constants.HF_HUB_ETAG_TIMEOUT
            found = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=wait)
            return {one.rfilename for one in found.siblings or []}
        except Exception as error:
            commit = unreachable(error) and _commit_of_cached(repo, kind, revision)
            if not commit:
                raise
            return _names_of_cached(repo, kind, commit)


def _etag_on_the_hub(repo: str, filename: str, kind: str, revision: str | None) -> str | None:
    """Return the hash the hub gives for a file; None if it is out of reach and we have a copy.

    Asked here, and once: the client's own download would try an unreachable server six times, for
    up to a minute each, before it says so.
    """
    url = hf_hub_url(repo, filename, repo_type=kind, revision=revision)
    try:
        return get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).etag or ""
    except Exception as error:
        if unreachable(error) and _cached(repo, filename, kind, revision):
            return None
        raise


def _cached(repo: str, filename: str, kind: str, revision: str | None) -> str | None:
    found = try_to_load_from_cache(repo, filename, repo_type=kind, revision=revision)
    return found if isinstance(found, str) else None


def _commit_of_cached(repo: str, kind: str, revision: str | None) -> str | None:
    """Return the commit in the cache that a branch or tag pointed to when it was last seen."""
    wanted = revision or constants.DEFAULT_REVISION
    try:
        repos = [r for r in scan_cache_dir().repos if (r.repo_id, r.repo_type) == (repo, kind)]
    except CacheNotFound:
        return None
    known = [one for each in repos for one in each.revisions]
    found = [r.commit_hash for r in known if wanted in (*r.refs, r.commit_hash)]
    return found[0] if found else None


def _names_of_cached(repo: str, kind: str, commit: str) -> set[str]:
    """Return the names of the files in the cache that belong to one commit of a repository."""
    repos = [r for r in scan_cache_dir().repos if (r.repo_id, r.repo_type) == (repo, kind)]
    kept = [one for each in repos for one in each.revisions if one.commit_hash == commit]
    return {
        f.file_path.relative_to(one.snapshot_path).as_posix() for one in kept for f in one.files
    }


def _etag_of_cached(path: Path) -> str | None:
    """Return the hash that names a cached file's content; None where there are no links.

    Without links, as on Windows, the cache keeps no hash; the file was verified when it came.
    """
    return Path(os.readlink(path)).name if path.is_symlink() else None


def _verify(path: Path, etag: str | None, what: str) -> None:
    """Check a file against its ETag, and delete it if it is not what that says."""
    if etag is None:
        return
    stat = path.stat()
    stamp = etag, stat.st_mtime_ns, stat.st_size
    if _VERIFIED.get(path) == stamp:
        return
    name, found = _digest(path, etag, what)
    if found != etag:
        for one in (path.resolve(), path):
            one.unlink(missing_ok=True)
        raise HubError(
            f"expected {what} to have {name} {etag}, found {found} ({stat.st_size:,} bytes). The "
            "damaged copy was deleted: run again. If it happens again, the server's copy is "
            "damaged; do not use it."
        )
    _VERIFIED[path] = stamp


def _digest(path: Path, etag: str, what: str) -> tuple[str, str]:
    """Return the name and value of the hash that this kind of ETag holds.

    Large files have the SHA-256 of their content, small ones the SHA-1 that git gives them.
    """
    if not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{40}", etag):
        raise HubError(
            f"expected {constants.ENDPOINT} to name a hash for {what}, found the ETag {etag!r}. "
            "It cannot be verified, so it is not used: unset HF_ENDPOINT, or use another mirror."
        )
    large = len(etag) == 64
    header = b"" if large else b"blob %d\0" % path.stat().st_size
    digest = hashlib.new("sha256" if large else "sha1", header, usedforsecurity=large)
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return "sha256" if large else "git's sha1", digest.hexdigest()
