"""Asking a server: what is sent, what comes back, what it costs, and every way to fail.

The server is one of our own that speaks the protocol to the real client, and can be told to fail.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from companion.data.prompts import Prompt, with_demonstrations
from companion.models import endpoint as remote
from companion.models.endpoint import ask_classes, ask_scores, estimate
from companion.models.protocol import Endpoint, EndpointError, parse, scores_of

WORDS = ("art", "sport", "tech")
PROMPT = with_demonstrations(Prompt(WORDS, header="Topics."), ["A museum", "A goal"], [0, 1])
TEXTS = ["a chip", "a match", "a painting"]
ANSWERS = {"a chip": "Tech.", "a match": " sport", "a painting": "It is art, not sport"}
KEY = "not-a-real-key-4711"


class Server(ThreadingHTTPServer):
    """Answers as the protocol says, after as many faults as it was told to make."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[Callable[[Handler], None]] = []
        self.requests: list[dict] = []
        self.now = self.most = 0
        self.pause = 0.02  # seconds to an answer
        self.log_probabilities = True
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(sent | {"key": self.headers["Authorization"]})
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
            fault = self.server.faults.pop(0) if self.server.faults else None
        try:
            (fault or Handler.answer_well)(self, sent)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def answer_well(self, sent: dict) -> None:
        time.sleep(self.server.pause)
        asked = sent["prompt"] if "prompt" in sent else sent["messages"][-1]["content"]
        text = next(a for t, a in ANSWERS.items() if asked.endswith(f"Article: {t}\nTopic:"))
        top = [(" te", -0.2), (" art", -2.0), ("t", -3.0), ("\n", -4.0)]
        choice: dict = {"index": 0, "finish_reason": "stop", "logprobs": None}
        if "messages" in sent:
            choice["message"] = {"role": "assistant", "content": text}
            if sent.get("logprobs") and self.server.log_probabilities:
                items = [{"token": t, "logprob": p, "bytes": None} for t, p in top]
                choice["logprobs"] = {"content": [items[0] | {"top_logprobs": items}]}
        else:
            choice["text"] = text
            if "logprobs" in sent and self.server.log_probabilities:
                choice["logprobs"] = {"top_logprobs": [dict(top)]}
        self.reply(200, {"id": "1", "object": "x", "created": 1, "model": "m", "choices": [choice]})

    def reply(self, status: int, body: object) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def status(code: int) -> Callable:
    return lambda handler, sent: handler.reply(code, {"error": {"message": f"with {KEY}"}})


def cut(handler: Handler, sent: dict) -> None:
    handler.connection.shutdown(2)


def slow(handler: Handler, sent: dict) -> None:
    time.sleep(1.5)


def nonsense(handler: Handler, sent: dict) -> None:
    handler.reply(200, {"choices": "none"})


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Server]:
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_TEST_KEY", KEY)
    found = Server()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def quick(monkeypatch) -> None:
    """Make the pauses between tries short."""
    import tenacity

    monkeypatch.setattr(tenacity, "wait_random_exponential", lambda **_: tenacity.wait_fixed(0.01))


def at(server: Server, **settings: object) -> Endpoint:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return replace(Endpoint(url, "m", key="COURSE_TEST_KEY", timeout=1.0), **settings)


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_answers_become_classes_and_are_kept(server: Server, style: str) -> None:
    place = at(server, style=style)
    assert ask_classes(place, PROMPT, TEXTS).tolist() == [2, 1, -1]  # the last names two
    assert len(server.requests) == 3
    assert ask_classes(place, PROMPT, TEXTS).tolist() == [2, 1, -1]
    assert len(server.requests) == 3 and estimate(place, PROMPT, TEXTS).requests == 0
    ask_classes(at(server, style=style, model="another"), PROMPT, TEXTS[:1])
    assert len(server.requests) == 4


def test_the_same_prompt_is_sent_in_both_styles(server: Server) -> None:
    ask_classes(at(server, style="completion"), PROMPT, TEXTS[:1])
    ask_classes(at(server), PROMPT, TEXTS[:1])
    whole, chat = server.requests
    assert whole["prompt"] == PROMPT.whole("a chip") and whole["temperature"] == 0
    said = [m["content"] for m in chat["messages"]]
    assert said[0] == "Topics. Answer with one of: art, sport, tech. Nothing else."
    assert said[1:] == [
        "Article: A museum\nTopic:",
        "art",
        "Article: A goal\nTopic:",
        "sport",
        "Article: a chip\nTopic:",
    ]


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_scores_add_up_the_tokens_that_begin_a_word(server: Server, style: str) -> None:
    found = ask_scores(at(server, style=style), PROMPT, TEXTS[:2])
    both = np.log(np.exp(-0.2) + np.exp(-3.0))  # " te" and "t"
    np.testing.assert_allclose(found, [[-2.0, -4.0, both]] * 2)


def test_a_token_that_begins_two_words_counts_for_none() -> None:
    found = scores_of([["s", -0.1], ["sp", -1.0], ["x", -5.0]], ("sport", "science"))
    assert found == [-1.0, -5.0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("Sport", 1), ("the topic is tech!", 2), ("party", -1), ("", -1), ("sport or tech", -1)],
)
def test_a_free_answer_is_read_by_whole_words(answer: str, expected: int) -> None:
    assert parse(answer, WORDS) == expected


@pytest.mark.parametrize("fault", [status(429), status(500), status(503), cut, slow])
def test_a_passing_fault_is_tried_again(server: Server, quick, fault: Callable) -> None:
    server.faults = [fault, fault]
    assert ask_classes(at(server), PROMPT, TEXTS).tolist() == [2, 1, -1]
    assert len(server.requests) == 5


def test_a_lasting_fault_ends_and_loses_no_answer(server: Server, quick) -> None:
    place = at(server, concurrency=1, tries=3)
    ask_classes(place, PROMPT, TEXTS[:2])
    server.faults = [status(429)] * 3
    with pytest.raises(EndpointError, match=r"no answer in 3 tries: RateLimitError \(429\)") as e:
        ask_classes(place, PROMPT, TEXTS)
    assert KEY not in str(e.value) and "run the same call again later" in str(e.value)
    assert len(server.requests) == 5
    assert ask_classes(place, PROMPT, TEXTS).tolist() == [2, 1, -1]
    assert len(server.requests) == 6


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    server.faults = [status(401)]
    with pytest.raises(EndpointError, match=r"refused.*\(401\).*the model's name \(m\), the") as e:
        ask_classes(at(server), PROMPT, TEXTS[:1])
    assert KEY not in str(e.value) and len(server.requests) == 1


def test_an_answer_that_makes_no_sense_is_named(server: Server) -> None:
    server.faults = [nonsense]
    with pytest.raises(EndpointError, match=r"something else than the protocol says"):
        ask_classes(at(server), PROMPT, TEXTS[:1])


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_a_server_without_log_probabilities_is_named(server: Server, style: str) -> None:
    server.log_probabilities = False
    with pytest.raises(EndpointError, match=r"gives no log-probabilities for m. Use ask_classes"):
        ask_scores(at(server, style=style), PROMPT, TEXTS[:1])


@pytest.mark.parametrize("code", [400, 422])
def test_a_server_that_refuses_log_probabilities_is_told_apart(server: Server, code: int) -> None:
    server.faults = [status(code), status(code)]
    with pytest.raises(EndpointError, match=r"It may give no log-probabilities: use ask_classes"):
        ask_scores(at(server), PROMPT, TEXTS[:1])
    with pytest.raises(EndpointError, match=r"Check the model's name"):
        ask_classes(at(server), PROMPT, TEXTS[:1])


def test_nothing_is_sent_above_the_limit(server: Server) -> None:
    place = at(server, price_in=100.0, price_out=200.0, limit=0.02)
    found = estimate(place, PROMPT, TEXTS)
    assert found.requests == 3 and found.tokens_out == 36
    assert found.dollars == pytest.approx((found.tokens_in * 100 + 36 * 200) / 1e6)
    with pytest.raises(EndpointError, match=r"limit of 0.0200 US dollars: 3 requests.*Nothing was"):
        ask_classes(place, PROMPT, TEXTS)
    assert server.requests == []
    ask_classes(replace(place, limit=1.0), PROMPT, TEXTS)
    assert ask_classes(place, PROMPT, TEXTS).tolist() == [2, 1, -1]  # they cost nothing any more


def test_without_a_key_nothing_is_sent(server: Server, monkeypatch) -> None:
    monkeypatch.delenv("COURSE_TEST_KEY")
    with pytest.raises(EndpointError, match=r"environment variable COURSE_TEST_KEY, or a Colab"):
        ask_classes(at(server), PROMPT, TEXTS[:1])
    assert server.requests == []


def test_the_key_reaches_the_server_and_no_file(server: Server, tmp_path) -> None:
    ask_classes(at(server), PROMPT, TEXTS)
    assert {request["key"] for request in server.requests} == {f"Bearer {KEY}"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(KEY.encode() in path.read_bytes() for path in files)
    assert KEY not in repr(at(server))


def test_no_more_requests_at_once_than_allowed(server: Server) -> None:
    many, server.pause = [TEXTS[i % 3] for i in range(3)], 0.5  # so that they meet
    ask_classes(at(server, concurrency=2), PROMPT, many)
    assert server.most <= 2
    server.most = 0
    ask_classes(at(server, concurrency=3, model="other"), PROMPT, many)
    assert server.most == 3


def test_a_missing_package_is_named(server: Server, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "diskcache", None)
    with pytest.raises(
        EndpointError, match=r"pip install \"transfer-learning-measured\[endpoint\]"
    ):
        remote.answers_on_disk()
