"""One folder for what is slow to make: built once, by one process, and never seen half-made."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

CACHE_NAME = "transfer-learning-measured"
CACHE_LIMIT = 1_500_000_000

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_LOCKS = ".locks"
# With less left, a failed write failed for want of room, whatever exception a library made of it.
_NO_ROOM = 2**20


class CacheFull(OSError):
    """The disk filled up while a cache entry was being built; older entries are untouched."""


def cache_folder() -> Path:
    """Return the cache folder, made if need be.

    It is the user's cache folder of the platform. With COMPANION_CACHE set it is a folder of our
    own name inside that one: whatever else lives there is never counted and never deleted.

    Raises:
        OSError: the folder does not exist and cannot be made.
    """
    moved = os.environ.get("COMPANION_CACHE")
    folder = Path(moved).expanduser() / CACHE_NAME if moved else user_cache_path(CACHE_NAME)
    folder = folder.absolute()
    if not folder.is_dir():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _explained(error, folder, folder, 0) from error
    return folder


def shared_cache() -> Path | None:
    """Return the cache that others have filled for us to read, None if there is none.

    COMPANION_SHARED_CACHE names the folder that was their COMPANION_CACHE. It is never written to.
    """
    shared = os.environ.get("COMPANION_SHARED_CACHE")
    folder = Path(shared).expanduser().absolute() / CACHE_NAME if shared else None
    return folder if folder and os.path.isdir(folder) else None


def cached_file(name: str) -> Path:
    """Return where to read and keep a small file that is no entry; ours begins as the shared one's.

    It is the shared one itself where ours may not be written.
    """
    own, shared = cache_folder() / name, shared_cache()
    if not shared or own.is_file() or not (shared / name).is_file():
        return own
    with contextlib.suppress(OSError):
        half = own.with_name(f".{name}.{os.getpid()}.tmp")
        os.replace(shutil.copyfile(shared / name, half), own)
    return own if own.is_file() else shared / name


def cache_size() -> int:
    """Return the bytes held by the cache, unfinished entries included."""
    return _size(cache_folder())


def clear_cache() -> int:
    """Delete every entry of the cache and return the bytes freed.

    Only the inside of `cache_folder()` is touched, links are not followed, and an entry that
    another process is building at this moment is left to it.
    """
    folder = cache_folder()
    freed = _sweep(folder)
    return freed + sum(_remove(entry) for entry in _entries(folder))


def build_once(name: str, build: Callable[[Path], None], key: str) -> Path:
    """Return the cache entry `name` for the source `key`, building it if it is not there.

    `build(path)` must create a file or a folder at exactly `path`, by writing (a memory map
    cannot report a full disk). However many processes ask at once, one builds and all get the
    entry. An entry that is there, in the shared cache or in ours, is returned without a lock, so a
    read-only cache serves.
    `key` is a hash of everything the entry depends on; its first 16 characters are used.

    Raises:
        CacheFull: the disk is full; nothing half-made is left and other entries are untouched.
        PermissionError: the entry is missing and the cache may not be written.
        FileNotFoundError: `build` did not create what it was asked for.
        ValueError: `name` or `key` cannot stand in a file name.
    """
    shared, wanted = shared_cache(), _entry_name(name, key)
    if shared and (shared / wanted).exists():
        return shared / wanted
    folder = cache_folder()
    entry = folder / wanted
    if _use(entry):
        return entry
    _sweep(folder)
    temporary = folder / f".{entry.name}.tmp"
    try:
        with _lock(entry):
            if not _use(entry):
                _make(entry, temporary, build)
    except OSError as error:
        raise _explained(error, folder, entry, 0) from error
    _trim(folder, keep=entry)
    return entry


def _entry_name(name: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"expected a cache name of letters, digits, '_', '.', '-', found {name!r}")
    if not re.fullmatch(r"[A-Za-z0-9_]{8,}", key):
        raise ValueError(f"expected a key of at least 8 letters or digits (a hash), found {key!r}")
    return f"{name}-{key[:16]}"


def _lock(entry: Path) -> FileLock:
    locks = entry.parent / _LOCKS
    locks.mkdir(exist_ok=True)
    return FileLock(locks / f"{entry.name}.lock")


def _use(entry: Path) -> bool:
    """Say whether the entry is there, and if it is, stamp it as just used."""
    if not entry.exists():
        return False
    with contextlib.suppress(OSError):  # a read-only cache cannot be stamped and need not be
        os.utime(entry)
    return True


def _make(entry: Path, temporary: Path, build: Callable[[Path], None]) -> None:
    """Build at the temporary name, make it durable, and only then give it its own name."""
    _delete(temporary)  # ours by the lock: its builder was killed
    try:
        build(temporary)
        if not temporary.exists():
            raise FileNotFoundError(
                f"expected the builder of {entry.name} to create the path it was given, "
                "found nothing there; write to exactly that path"
            )
        _sync(temporary)
        os.replace(temporary, entry)
    except BaseException as error:
        written = _size(temporary)
        full = _is_full(error, entry.parent)
        _delete(temporary)
        if full:
            raise _cache_full(entry.parent, entry, written) from error
        raise
    _sync_one(entry.parent)


def _is_full(error: BaseException, folder: Path) -> bool:
    if not isinstance(error, Exception):
        return False
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return shutil.disk_usage(folder).free < _NO_ROOM


def _explained(error: OSError, folder: Path, entry: Path, written: int) -> OSError:
    """Turn "no room" and "not allowed" into errors that say what to do; pass others on."""
    if isinstance(error, CacheFull):
        return error
    if error.errno in _FULL:
        return _cache_full(folder, entry, written)
    if error.errno in _REFUSED and not os.access(folder, os.W_OK):
        refused = PermissionError(
            f"expected to write {entry.name} into the cache folder {folder}, found that it may "
            "not be written; set COMPANION_CACHE to a folder that may"
        )
        refused.errno = error.errno
        return refused
    return error


def _cache_full(folder: Path, entry: Path, written: int) -> CacheFull:
    space = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(space).free
    error = CacheFull(
        f"the disk is full: {entry.name} needs more than the {_mb(written)} written so far, "
        f"and {_mb(free)} are free in {folder}, of which the cache holds {_mb(_size(folder))}. "
        "Free some with `companion cache clear`, or set COMPANION_CACHE to a folder on another "
        "disk"
    )
    error.errno = errno.ENOSPC
    return error


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _trim(folder: Path, keep: Path) -> None:
    """Delete the entries unused for longest, never `keep`, until the cache is within its limit."""
    excess = _size(folder) - CACHE_LIMIT
    if excess <= 0:
        return
    for entry in sorted(_entries(folder), key=_last_used):
        if excess > 0 and entry != keep:
            excess -= _remove(entry)


def _last_used(entry: Path) -> int:
    try:
        return entry.lstat().st_mtime_ns
    except FileNotFoundError:  # another process has just deleted it
        return 0


def _sweep(folder: Path) -> int:
    """Delete what killed builders and killed deletions left behind; return the bytes freed."""
    freed = 0
    for path in folder.glob(".*.tmp"):
        entry = folder / path.name.removeprefix(".").removesuffix(".tmp")
        # A temporary whose lock is free belongs to nobody alive.
        with contextlib.suppress(Timeout, OSError), _lock(entry).acquire(timeout=0):
            freed += _delete(path)
    return freed + sum(_delete(path) for path in folder.glob(".*.gone"))


def _remove(entry: Path) -> int:
    """Delete one entry, renamed first so that nobody meets half of it; return the bytes freed."""
    gone = entry.with_name(f".{entry.name}.{os.getpid()}.gone")
    try:
        os.replace(entry, gone)
    except OSError:  # already gone, or open on a system that forbids it: not freed
        return 0
    return _delete(gone)


def _delete(path: Path) -> int:
    freed = _size(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
    return freed - _size(path)


def _size(path: Path) -> int:
    """Return the bytes of a file or of a folder's files; links count for nothing."""
    return sum(_file_size(inner) for inner in _files(path))


def _file_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # deleted by another process while we were counting
        return 0


def _files(path: Path) -> Iterator[Path]:
    """Yield the files at or under a path, links left out: what they lead to is not ours."""
    if path.is_dir() and not path.is_symlink():
        for root, _, names in os.walk(path):
            yield from (file for name in names if not (file := Path(root, name)).is_symlink())
    elif not path.is_symlink():
        yield path


def _sync(path: Path) -> None:
    """Force a file, or a folder with all it holds, onto the disk."""
    for inner in _files(path):
        _sync_one(inner)
    if path.is_dir():
        for root, _, _ in os.walk(path):
            _sync_one(Path(root))


def _sync_one(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder, and needs no sync of it
        return
    # Windows flushes only what is open for writing.
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
