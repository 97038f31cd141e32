"""What can go wrong between this machine and a model hub, told in words that say what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants, get_token
from huggingface_hub.errors import LocalEntryNotFoundError

# The client has spoken through requests, httpx and httpx2. Their classes differ, but the names that
# matter here do not. In this order, since a lost connection is one kind of a network error.
_UNREACHABLE = {
    "offline": {"OfflineModeIsEnabled"},
    "slow": {"Timeout", "TimeoutException", "TimeoutError"},
    "cut": {"RemoteProtocolError", "ReadError", "ProtocolError", "ChunkedEncodingError"},
    "network": {"ConnectError", "ConnectionError", "NetworkError", "ProxyError"},
}
_REFUSED = {
    "name": {"HFValidationError"},
    "gated": {"GatedRepoError"},
    "repository": {"RepositoryNotFoundError"},
    "revision": {"RevisionNotFoundError"},
    "file": {"EntryNotFoundError"},
}
_ANSWERED = {"status": {"HTTPError"}}  # in httpx the parent of them all, so it is looked for last
_TOKEN = (
    "put a token that may read it into the environment variable HF_TOKEN before Python starts (on "
    "Colab: the key symbol on the left, a secret called HF_TOKEN, with notebook access)"
)
_TEXTS = {
    "offline": "expected {what} in the cache {cache}, found that it is not there and that "
    "HF_HUB_OFFLINE forbids downloading it. Unset HF_HUB_OFFLINE and run again; once downloaded, "
    "it needs no network.",
    "slow": "expected {host} to answer within {seconds} seconds for {what}, found that it did not. "
    "Run again later, or allow more with the environment variables HF_HUB_ETAG_TIMEOUT and "
    "HF_HUB_DOWNLOAD_TIMEOUT (seconds), set before Python starts.",
    "cut": "expected to receive {what} whole, found that the connection to {host} was lost "
    "on the way and that asking for the rest did not help. Nothing of it was kept: run again.",
    "network": "expected to reach {host} for {what}, found no connection, and no copy in the cache "
    "{cache}. Check the network (and HF_ENDPOINT, if it is set) and run again; once downloaded, it "
    "needs no network.",
    "name": "expected the name of a repository as owner/name, found {repo!r}. Copy it from the "
    "address of its page.",
    "gated": "expected to read {what}, found that {page} opens only to those who accepted its "
    "terms, and that {token} (HTTP {status}). Accept the terms on that page, then {cure}.",
    "repository": "expected {page}, found no {kind} there that this machine may read (HTTP "
    "{status}; {token}). Check the spelling; if it is private, {cure}.",
    "revision": "expected {what} at that revision, found that {page} has no such branch, tag or "
    "commit. Check the revision, or leave it out.",
    "file": "expected {what}, found that {page} has no such file. Check the file's name and the "
    "revision.",
    "status": "expected {what}, found that {host} answered with HTTP {status} ({token}). For 401 "
    "or 403, {cure}; for 429 or 5xx, the server is busy: run again later.",
    "short": "expected to receive {what} whole, found that the server's copy ended early. Nothing "
    "of it was kept: run again; if it happens again, the copy on {host} is damaged.",
    "full": "expected to store {what} in the cache {cache}, found that the disk is full: {free} "
    "are free. Free some, or set HF_HOME to a folder on another disk before Python starts.",
    "other": "expected {what}, found that the client failed with {error}. Update huggingface_hub, "
    "or report this with the text above.",
}


class HubError(RuntimeError):
    """Something of the hub could not be had, or is not what it should be; says what to do."""


@contextmanager
def hub_errors(what: str, repo: str, kind: str) -> Iterator[None]:
    """Turn whatever a client of the hub raises inside into a `HubError` about `what`."""
    try:
        yield
    except HubError:
        raise
    except Exception as error:
        raise HubError(_explained(error, what, repo, kind)) from error


def unreachable(error: Exception) -> bool:
    """Say whether the hub gave no answer at all, or none to speak of: a copy will do then."""
    return _kind_of(error) in _UNREACHABLE or _status(error) in (429, 500, 502, 503, 504)


def _explained(error: Exception, what: str, repo: str, kind: str) -> str:
    cache = Path(constants.HF_HUB_CACHE)
    space = next(path for path in (cache, *cache.parents) if path.exists())
    page = f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{repo}"
    first = (str(error).strip().splitlines() or [""])[0]
    return _TEXTS[_kind_of(error)].format(
        what=what,
        repo=repo,
        kind=kind,
        page=page,
        cache=cache,
        host=constants.ENDPOINT,
        cure=_TOKEN,
        free=f"{shutil.disk_usage(space).free / 1e6:.1f} MB",
        seconds=max(constants.HF_HUB_ETAG_TIMEOUT, constants.HF_HUB_DOWNLOAD_TIMEOUT),
        status=_status(error),
        token="no token is set" if get_token() is None else "your token does not open it",
        error=f"{type(error).__name__}: {first}" if first else type(error).__name__,
    )


def _kind_of(error: Exception) -> str:
    """Say which of our texts an error of the client, or what caused it, belongs to."""
    causes = list(_causes(error))
    numbers = {one.errno for one in causes if isinstance(one, OSError)}
    if numbers & {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
        return "full"
    for one in causes:  # the client's own error first: what lies beneath has stranger parents
        names = {cls.__name__ for cls in type(one).__mro__}
        for kind, known in (_REFUSED | _UNREACHABLE | _ANSWERED).items():
            if names & known:
                return kind
    # What is short of its announced length is told by a plain OSError, without a number.
    return "short" if numbers == {None} else "other"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from; that a file is not in the cache explains nothing."""
    while error is not None:
        if not isinstance(error, LocalEntryNotFoundError):
            yield error
        error = error.__cause__ or error.__context__


def _status(error: Exception) -> int | None:
    found = [getattr(one, "response", None) for one in _causes(error)]
    return next((answer.status_code for answer in found if answer is not None), None)
