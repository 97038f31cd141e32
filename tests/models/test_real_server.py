"""The client against a real server: transformers' own, which serves the embedded network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from companion.data.prompts import Prompt, prompt_tokens, with_demonstrations
from companion.models.blocks import Blocks
from companion.models.causal import load_causal
from companion.models.endpoint import ask, ask_classes, ask_scores
from companion.models.prefix import next_token_log_probabilities, read_prefix
from companion.models.protocol import Endpoint, EndpointError
from companion.models.text import checkpoint_folder, load_tokenizer

pytestmark = pytest.mark.slow
NAME = "smollm2_135m"
PROMPT = with_demonstrations(
    Prompt(("business", "sport"), header="News articles and their topics."),
    ["Shares of the bank fell as profits shrank.", "The striker scored twice in the final."],
    [0, 1],
)
TEXTS = ["The airline sold more tickets and paid its debts.", "She won the match in three sets."]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """Start the server on the unpacked checkpoint, without a network; yield address and model."""
    folder = checkpoint_folder(NAME, weights=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    script = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", script, "serve", str(folder), "--port", str(port)]
    quiet = os.environ | {"HF_HUB_OFFLINE": "1"}
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [*command, "--device", "cpu", "--dtype", "float32"], env=quiet, stdout=out, stderr=out
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers; fail with what it wrote if it ends or takes two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def ours() -> tuple[Blocks, PreTrainedTokenizerBase]:
    """Return the same network, run by us."""
    return load_causal(NAME, device="cpu"), load_tokenizer(NAME)


@pytest.fixture
def place(served, ours, monkeypatch, tmp_path) -> Endpoint:
    """Return the server as an endpoint; answers are kept in a folder of the test's own."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path))
    return Endpoint(served[0], served[1], style="completion", key=None, concurrency=1)


def test_a_free_answer_begins_with_our_own_most_probable_token(place: Endpoint, ours) -> None:
    found = ask(place, PROMPT, TEXTS, probabilities=False)
    classes = ask_classes(place, PROMPT, TEXTS)  # from the disk
    assert classes.tolist() == [0, 1]
    model, tokenizer = ours
    parts = prompt_tokens(PROMPT, TEXTS, tokenizer)
    prefix = read_prefix(model, parts.beginning)
    after = next_token_log_probabilities(model, prefix, parts.questions)[:, -1]
    for answer, token in zip(found, after.argmax(dim=1).tolist(), strict=True):
        assert answer["text"].strip().startswith(tokenizer.decode([token]).strip())
        assert tokenizer.decode([token]).strip()


def test_a_conversation_is_answered_too(place: Endpoint) -> None:
    chat = Endpoint(place.url, place.model, style="chat", key=None, concurrency=1)
    found = ask(chat, PROMPT, TEXTS, probabilities=False)
    assert all(answer["text"].strip() for answer in found)
    assert np.isin(ask_classes(chat, PROMPT, TEXTS), (-1, 0, 1)).all()


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_it_gives_no_log_probabilities_and_the_message_says_so(place, style) -> None:
    asked = Endpoint(place.url, place.model, style=style, key=None, concurrency=1)
    with pytest.raises(EndpointError, match=r"no log-probabilities.*ask_classes"):
        ask_scores(asked, PROMPT, TEXTS[:1])
