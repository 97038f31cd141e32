"""Text networks through the hub, under their real names: what was served, trained; or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import transformers
from transformers import ElectraConfig

from tests.hub import clients
from tests.hub.conftest import ClientError, Hub
from tests.hub.test_hub import TOKEN, WITHIN_A_SECOND
from tests.toys_text import as_published, save_checkpoint, toy_network

NETWORKS = {
    "google-bert/bert-base-uncased": ("bert", 37),
    "distilbert/distilbert-base-uncased": ("distilbert", 36),
    "FacebookAI/roberta-base": ("roberta", 37),
}
BERT, DISTILBERT, ROBERTA = NETWORKS


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def checkpoint(hub: Hub, family: str) -> dict[str, bytes]:
    """Return the files of a small network of the family, as its authors stored them."""
    folder = hub.home / family
    save_checkpoint(family, folder)
    return files_of(folder)


@pytest.fixture
def served(hub: Hub) -> Hub:
    """A hub with a small BERT under its real name."""
    hub.add_model(BERT, checkpoint(hub, "bert") | {"README.md": b"# BERT", "tf_model.h5": b"x"})
    return hub


@pytest.mark.parametrize("name", NETWORKS)
def test_each_family_comes_as_it_was_served_and_learns(hub: Hub, name: str) -> None:
    family, n = NETWORKS[name]
    hub.add_model(name, checkpoint(hub, family))
    done = hub.call(clients.train_on_texts, name, str(hub.home / family / "model.safetensors"))
    assert done["tensors"] == n and done["unlike"] == []  # the weights are those, all of them
    assert done["moved"] > n - 3  # nearly all of them train; some words do not occur
    assert done["losses"][-1] < 0.8 * done["losses"][0]


def test_a_checkpoint_without_safetensors_is_read_as_plain_weights(hub: Hub) -> None:
    path = hub.home / "pytorch_model.bin"
    torch.save(as_published(toy_network("bert")), path)
    files = checkpoint(hub, "bert") | {path.name: path.read_bytes()}
    files.pop("model.safetensors")
    hub.add_model(BERT, files)
    done = hub.call(clients.train_on_texts, BERT, str(path))
    assert done["tensors"] == 37 and done["unlike"] == []
    assert done["losses"][-1] < 0.8 * done["losses"][0]


def test_the_second_time_it_needs_no_network(served: Hub) -> None:
    first = served.call(clients.text_features, BERT, {})
    asked = {path.split("/")[-1] for _, path, _ in served.requests if "resolve" in path}
    assert not asked & {"README.md", "tf_model.h5"}  # what is not wanted is not downloaded
    assert served.call(clients.text_features, BERT, {}, HF_HUB_OFFLINE="1") == first
    served.fault("network")
    assert served.call(clients.text_features, BERT, {}) == first


def test_an_untrained_twin_needs_no_weights(served: Hub) -> None:
    twin = served.call(clients.text_features, BERT, {"pretrained": False, "seed": 1})
    assert not any("/cdn/" in path for _, path, _ in served.requests)
    assert served.call(clients.text_features, BERT, {}) != twin


def test_without_a_network_it_is_the_network_that_is_missing(served: Hub) -> None:
    """A cache that holds the tokenizer alone does not say what the repository holds."""
    assert served.call(clients.tokens, BERT) == ["the", "film", "was", "great"]
    served.fault("network")
    with pytest.raises(ClientError) as caught:
        served.call(clients.text_features, BERT, {})
    assert str(caught.value) == (
        f"HubError: expected to reach {served.url} for the model {BERT}, found no connection, and "
        f"no copy in the cache {served.home}/hf/hub. Check the network (and HF_ENDPOINT, if it is "
        "set) and run again; once downloaded, it needs no network."
    )


WEIGHTS = f"model.safetensors of the model {BERT}"
FAULTS = {
    "truncated": f"HubError: expected to receive {WEIGHTS} whole, found that the server's copy "
    "ended early. Nothing of it was kept: run again; if it happens again, the copy on {url} is "
    "damaged.",
    "cut": f"HubError: expected to receive {WEIGHTS} whole, found that the connection to {{url}} "
    "was lost on the way and that asking for the rest did not help. Nothing of it was kept: run "
    "again.",
    "corrupt": f"HubError: expected {WEIGHTS} to have sha256 ",
    "slow": f"HubError: expected {{url}} to answer within 1 seconds for the model {BERT}, "
    "found that it did not. Run again later, or allow more with the environment variables ",
    "gated": f"HubError: expected to read the model {BERT}, found that {{url}}/{BERT} opens only "
    "to those who accepted its terms, and that no token is set (HTTP 401). Accept the terms on "
    f"that page, then {TOKEN}.",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_and_once_it_is_lifted_the_same_call_works(
    served: Hub, fault: str
) -> None:
    served.call(clients.tokens, BERT)  # so that the weights are what is left to come
    served.fault(fault)
    patience = WITHIN_A_SECOND if fault == "slow" else {}
    done = served.call(clients.text_despite, BERT, **patience)
    assert done["said"].startswith(FAULTS[fault].replace("{url}", served.url))
    served.fault("network")
    assert served.call(clients.text_features, BERT, {}) == done["features"]


class Trap:
    """What an unpickler that does not look would call."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("trap",)


def test_what_is_no_checkpoint_is_refused_and_nothing_is_made_up(hub: Hub) -> None:
    files = checkpoint(hub, "bert")
    plain = {k: v for k, v in files.items() if k != "model.safetensors"}
    torch.save({"embeddings.word_embeddings.weight": Trap()}, hub.home / "trap.bin")
    ElectraConfig().save_pretrained(hub.home / "electra")
    tokenizer = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
    repositories = {
        "course/no-weights": plain | {"tf_model.h5": b"x"},
        "course/no-tokenizer": {k: v for k, v in files.items() if k not in tokenizer},
        "course/no-config": {k: v for k, v in files.items() if k != "config.json"},
        "course/page": files | {"model.safetensors": b"<html>"},
        "course/trap": plain | {"pytorch_model.bin": (hub.home / "trap.bin").read_bytes()},
        "course/larger": files | {"config.json": files["config.json"].replace(b"22", b"23")},
        "course/electra": files | files_of(hub.home / "electra"),
    }
    for name, held in repositories.items():
        hub.add_model(name, held)
    unfit = (
        "HubError: expected weights of {} that fit its config.json, found that transformers "
        f"{transformers.__version__} cannot read them: they are damaged, of other shapes, "
        "or hold more than weights. Choose another checkpoint."
    )
    expected = [
        "HubError: expected model.safetensors or pytorch_model.bin in the model course/no-weights, "
        "found config.json, tf_model.h5, tokenizer.json, tokenizer_config.json, vocab.txt: no "
        "weights of a kind that is read here. Choose another repository.",
        "HubError: expected tokenizer.json or vocab.txt or vocab.json in the model "
        "course/no-tokenizer, found config.json, model.safetensors: no tokenizer of a kind that is "
        "read here. Choose another repository.",
        "HubError: expected config.json of the model course/no-config, found that "
        f"{hub.url}/course/no-config has no such file. Check the file's name and the revision.",
        unfit.format("course/page"),
        unfit.format("course/trap"),
        unfit.format("course/larger"),
        "ValueError: course/electra is of the family electra, expected one of bert, distilbert, "
        "roberta. Choose a checkpoint of one of them.",
        f"HubError: expected {hub.url}/course/nobody, found no model there that this machine may "
        f"read (HTTP 401; no token is set). Check the spelling; if it is private, {TOKEN}.",
    ]
    found = hub.call(clients.refused_texts, [*repositories, "course/nobody"])
    assert found == expected
    assert not Path("trap").exists()
