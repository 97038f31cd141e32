"""Log-probabilities from a real server: llama.cpp's own, which serves the embedded network.

What it answered is kept in llama_answers.json and replayed wherever llama-cpp-python, which has to
be compiled, is not installed. To ask it anew: WRITE_ANSWERS=1 pytest
tests/models/test_log_probabilities.py
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from openai import OpenAI

from companion.data.assets import asset_path
from companion.data.prompts import Prompt, prompt_tokens, with_demonstrations
from companion.models.causal import load_causal
from companion.models.endpoint import ask_scores
from companion.models.prefix import next_token_log_probabilities, read_prefix
from companion.models.protocol import TOP, Endpoint, request, scores_of
from companion.models.text import load_tokenizer
from tests.models.servers import running

pytestmark = pytest.mark.slow
KEPT = Path(__file__).with_name("llama_answers.json")
STYLES = ("chat", "completion")
PROMPT = with_demonstrations(
    Prompt(("business", "sport"), header="News articles and their topics."),
    ["Shares of the bank fell as profits shrank.", "The striker scored twice in the final."] * 2,
    [0, 1] * 2,
)
TEXTS = [
    "The airline sold more tickets and paid its debts.",
    "She won the match in three sets.",
    "The central bank left its rate where it was.",
]


class Replay(BaseHTTPRequestHandler):
    """Answers each request with what the real server answered to the same one."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kept = next(k for k in json.loads(KEPT.read_text()) if k["request"] == sent)
        raw = json.dumps(kept["response"]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["replayed", "live"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the address of the real server, and of one that repeats what it answered."""
    if request.param == "replayed":
        server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        server.server_close()
        return
    if find_spec("llama_cpp") is None:
        pytest.skip("expected llama-cpp-python[server], found none")
    command = [sys.executable, "-m", "llama_cpp.server", "--model", asset_path("smollm2-135m")]
    command += ["--model_alias", "smollm2", "--logits_all", "true", "--n_ctx", "512"]
    with running([str(part) for part in command], "/v1/models", tmp_path / "log") as found:
        yield found


def at(address: str, style: str) -> Endpoint:
    return Endpoint(address, "smollm2", style=style, key=None, concurrency=1)


@pytest.mark.parametrize("style", STYLES)
def test_a_servers_log_probabilities_are_those_of_our_own_network(
    address: str, style: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))
    if os.environ.get("WRITE_ANSWERS") and style == STYLES[0]:
        keep(address)
    found = ask_scores(at(address, style), PROMPT, TEXTS)
    assert found.argmax(axis=1).tolist() == [0, 1, 0]
    monkeypatch.undo()  # our own network's weights lie in the cache of all tests
    if style == "completion":  # a conversation is written in a template of the server's
        # The server rounds what enters each product to 8 bits; we unpack the same weights.
        np.testing.assert_allclose(np.exp(found), np.exp(our_scores()), atol=0.1)


def our_scores() -> np.ndarray:
    """Return what `scores_of` makes of our own network's most probable tokens."""
    model, tokenizer = load_causal(device="cpu"), load_tokenizer("smollm2_135m")
    parts = prompt_tokens(PROMPT, TEXTS, tokenizer)
    prefix = read_prefix(model, parts.beginning)
    after = next_token_log_probabilities(model, prefix, parts.questions)[:, -1]
    rows = []
    for row in after:
        values, tokens = row.topk(TOP["completion"])
        words = tokenizer.convert_ids_to_tokens(tokens.tolist())
        said = [tokenizer.convert_tokens_to_string([word]) for word in words]
        rows.append(scores_of(list(zip(said, values.tolist(), strict=True)), PROMPT.words))
    return np.array(rows)


def keep(address: str) -> None:
    """Write down what a server answers to every request of this test."""
    client, kept = OpenAI(base_url=address, api_key="none", timeout=120), []
    for style in STYLES:
        create = client.chat.completions.create if style == "chat" else client.completions.create
        for text in TEXTS:
            sent = request(at(address, style), PROMPT, text, probabilities=True)
            kept.append({"request": sent, "response": create(**sent).model_dump(mode="json")})
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
