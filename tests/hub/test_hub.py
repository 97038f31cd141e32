"""Files of the hub: verified, cached, and each fault told in words that say what to do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from companion.data.hub_errors import HubError, hub_errors
from tests.hub import clients
from tests.hub.conftest import ClientError, Hub
from tests.hub.standin import oid

LARGE = bytes(range(256)) * 4000
FILES = {"config.json": b'{"a": 1}', "model.safetensors": LARGE}
REPO, WHAT = "course/net", "model.safetensors of the model course/net"
TOKEN = (
    "put a token that may read it into the environment variable HF_TOKEN before Python starts (on "
    "Colab: the key symbol on the left, a secret called HF_TOKEN, with notebook access)"
)
WITHIN_A_SECOND = {"HF_HUB_ETAG_TIMEOUT": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "1"}
TOO_SLOW = (
    f"expected {{url}} to answer within 1 seconds for {WHAT}, found that it did not. Run again "
    "later, or allow more with the environment variables HF_HUB_ETAG_TIMEOUT and "
    "HF_HUB_DOWNLOAD_TIMEOUT (seconds), set before Python starts."
)
FAULTS = {
    "slow": TOO_SLOW,
    "stalled": TOO_SLOW,
    "busy": f"expected {WHAT}, found that {{url}} answered with HTTP 503 (no token is set). For "
    f"401 or 403, {TOKEN}; for 429 or 5xx, the server is busy: run again later.",
    "truncated": f"expected to receive {WHAT} whole, found that the server's copy ended early. "
    "Nothing of it was kept: run again; if it happens again, the copy on {url} is damaged.",
    "cut": f"expected to receive {WHAT} whole, found that the connection to {{url}} was lost on "
    "the way and that asking for the rest did not help. Nothing of it was kept: run again.",
    "corrupt": f"expected {WHAT} to have sha256 {oid('x.bin', LARGE)}, found "
    f"{oid('x.bin', bytes([1]) + LARGE[1:])} (1,024,000 bytes). The damaged copy was deleted: run "
    "again. If it happens again, the server's copy is damaged; do not use it.",
    "gated": f"expected to read {WHAT}, found that {{url}}/course/net opens only to those who "
    "accepted its terms, and that no token is set (HTTP 401). Accept the terms on that page, then "
    f"{TOKEN}.",
}
NO_NETWORK = (
    f"expected to reach {{url}} for {WHAT}, found no connection, and no copy in the cache {{home}}/"
    "hf/hub. Check the network (and HF_ENDPOINT, if it is set) and run again; once downloaded, it "
    "needs no network."
)
REQUESTS = {
    ("course/nut", "model.safetensors"): "expected {url}/course/nut, found no model there that "
    f"this machine may read (HTTP 401; no token is set). Check the spelling; if it is private, "
    f"{TOKEN}.",
    (REPO, "pytorch_model.bin"): "expected pytorch_model.bin of the model course/net, found that "
    "{url}/course/net has no such file. Check the file's name and the revision.",
    (REPO, "config.json", "model", "v9"): "expected config.json of the model course/net at that "
    "revision, found that {url}/course/net has no such branch, tag or commit. Check the revision, "
    "or leave it out.",
    ("course//net", "config.json"): "expected the name of a repository as owner/name, found "
    "'course//net'. Copy it from the address of its page.",
}


@pytest.fixture
def served(hub: Hub) -> Hub:
    """A hub with one small model repository."""
    hub.add_model(REPO, FILES)
    return hub


def told(hub: Hub, text: str) -> str:
    """Fill in what differs from run to run."""
    return text.format(url=hub.url, home=hub.home)


def refused(hub: Hub, *args: str, **environment: str) -> str:
    """Return the text of the HubError that fetching raises."""
    with pytest.raises(ClientError) as caught:
        hub.call(clients.fetch, *args, **environment)
    assert caught.value.kind == "HubError"
    return caught.value.text


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_whole_and_then_from_the_cache(served: Hub, name: str) -> None:
    path = Path(served.call(clients.fetch, REPO, name))
    assert path.read_bytes() == FILES[name]
    sent = [r for r in served.requests if r[0] == "GET"]
    assert served.call(clients.fetch, REPO, name) == str(path)
    assert [r for r in served.requests if r[0] == "GET"] == sent
    served.fault("network")
    assert served.call(clients.fetch, REPO, name) == str(path)
    served.fault("slow")
    assert served.call(clients.fetch, REPO, name, **WITHIN_A_SECOND) == str(path)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_and_once_it_is_lifted_the_same_call_works(
    served: Hub, fault: str
) -> None:
    served.fault(fault)
    patience = WITHIN_A_SECOND if fault in ("slow", "stalled") else {}
    answer = served.call(clients.fetch_despite, REPO, "model.safetensors", **patience)
    assert answer["said"] == told(served, FAULTS[fault])
    assert answer["left"] == []  # of a file that is not whole, or wrong, nothing stays
    assert Path(answer["path"]).read_bytes() == LARGE


def test_no_network_is_told_and_once_it_is_back_the_same_call_works(served: Hub) -> None:
    served.fault("network")
    assert refused(served, REPO, "model.safetensors") == told(served, NO_NETWORK)
    served.fault(None)
    assert Path(served.call(clients.fetch, REPO, "model.safetensors")).read_bytes() == LARGE
    text = refused(served, REPO, "config.json", HF_HUB_OFFLINE="1")
    assert text == told(
        served,
        "expected config.json of the model course/net in the cache {home}/hf/hub, found that it is "
        "not there and that HF_HUB_OFFLINE forbids downloading it. Unset HF_HUB_OFFLINE and run "
        "again; once downloaded, it needs no network.",
    )


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: "/".join(asked))
def test_what_is_not_there_is_named(served: Hub, asked: tuple[str, ...]) -> None:
    assert refused(served, *asked) == told(served, REQUESTS[asked])


def test_a_connection_lost_once_is_taken_up_where_it_broke(served: Hub) -> None:
    served.fault("cut once")
    assert Path(served.call(clients.fetch, REPO, "model.safetensors")).read_bytes() == LARGE
    assert [path.split("/")[1] for method, path, _ in served.requests if method == "GET"] == [
        "cdn",
        "cdn",
    ]


def test_a_token_opens_what_is_gated_and_is_shown_to_the_hub_alone(served: Hub) -> None:
    served.fault("gated")
    text = refused(served, REPO, "model.safetensors", HF_TOKEN="hf_wrong")
    assert "and that your token does not open it (HTTP 403)" in text and "hf_wrong" not in text
    path = served.call(clients.fetch, REPO, "model.safetensors", HF_TOKEN=served.token)
    assert Path(path).read_bytes() == LARGE
    shown = {path.startswith("/cdn/"): sent for _, path, sent in served.requests}
    assert shown == {True: False, False: True}


def test_a_copy_is_hashed_once_a_process_and_again_if_it_changed(served: Hub) -> None:
    assert served.call(clients.fetch_twice, REPO, "model.safetensors", False) == 1
    with pytest.raises(ClientError, match="to have sha256 .* The damaged copy was deleted"):
        served.call(clients.fetch_twice, REPO, "model.safetensors", True)
    served.fault("network")  # so a damaged copy is not used for want of another
    with pytest.raises(ClientError, match="found no connection, and no copy in the cache"):
        served.call(clients.fetch, REPO, "model.safetensors")


def test_a_small_file_is_verified_as_well(served: Hub) -> None:
    served.fault("corrupt")
    assert f"to have git's sha1 {oid('x.json', FILES['config.json'])}, found " in refused(
        served, REPO, "config.json"
    )


def test_a_full_disk_is_told_with_what_is_free() -> None:
    with (
        pytest.raises(HubError, match=r"disk is full: [\d.]+ MB are free.* HF_HOME"),
        hub_errors("x", "a/b", "model"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_clients_that_speak_through_requests_are_understood() -> None:
    """huggingface_hub before 1.0, which transformers 4 asks for, raises the errors of requests."""
    requests = pytest.importorskip("requests")
    for name, text in {
        "ReadTimeout": "to answer within",
        "ConnectTimeout": "to answer within",
        "ChunkedEncodingError": "was lost on the way",
        "ConnectionError": "found no connection",
    }.items():
        with pytest.raises(HubError, match=text), hub_errors("x", "a/b", "model"):
            raise getattr(requests.exceptions, name)("no")


def test_an_error_that_nobody_foresaw_is_passed_on_with_its_name() -> None:
    with (
        pytest.raises(HubError, match="expected x, found that the client failed with KeyError"),
        hub_errors("x", "a/b", "model"),
    ):
        raise KeyError("y")
