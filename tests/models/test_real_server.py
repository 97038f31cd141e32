"""The client against a real server: transformers' own, which serves the embedded network."""

from __future__ import annotations

import sys
from collections.abc import Iterator

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
from tests.models.servers import running

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
    """Start the server on the unpacked checkpoint; yield address and model."""
    folder = checkpoint_folder(NAME, weights=True)
    script = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", script, "serve", str(folder)]
    command += ["--device", "cpu", "--dtype", "float32"]
    with running(command, "/health", tmp_path_factory.mktemp("server") / "log") as address:
        yield address, str(folder)


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
