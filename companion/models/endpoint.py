"""A model behind an address: the same prompts, asked of any server with OpenAI's protocol."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.data.cache import cache_folder
from companion.data.prompts import Prompt
from companion.models.protocol import (
    Endpoint,
    EndpointError,
    asked,
    parse,
    reading,
    request,
    scores_of,
)

if TYPE_CHECKING:  # an optional extra
    from openai import OpenAI

BYTES_PER_TOKEN = 3  # fewer than in English, so that an estimate errs on the dear side
UNWANTED = (400, 422)  # what a server says of a field that it does not know
MISSING = (
    "asking a server needs the packages openai, tenacity and diskcache, found not all of them. "
    'Run: pip install "transfer-learning-measured[endpoint]"'
)


@dataclass(frozen=True)
class Estimate:
    """What a call would send and cost at most; what the cache holds is not asked again."""

    requests: int
    tokens_in: int
    tokens_out: int
    dollars: float

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, about {self.tokens_in:,} tokens to read and at most "
            f"{self.tokens_out:,} to write: {self.dollars:.4f} US dollars"
        )


def estimate(
    endpoint: Endpoint, prompt: Prompt, texts: Sequence[str], *, probabilities: bool = False
) -> Estimate:
    """Return what asking for the class of each text would cost; nothing is sent."""
    requests = [request(endpoint, prompt, text, probabilities) for text in texts]
    with answers_on_disk() as kept:
        new = [r for r in requests if name_of(endpoint, r) not in kept]
    size = sum(math.ceil(len(asked(r).encode()) / BYTES_PER_TOKEN) for r in new)
    out = sum(r["max_tokens"] for r in new)
    dollars = (size * endpoint.price_in + out * endpoint.price_out) / 1e6
    return Estimate(len(new), size, out, dollars)


def ask_classes(endpoint: Endpoint, prompt: Prompt, texts: Sequence[str]) -> np.ndarray:
    """Return the class (N,) that the free answer to each text names, -1 where it is unclear.

    Answers are kept on disk, so that a call that was cut off goes on where it stopped.

    Raises:
        EndpointError: no key, a cost above the limit, or no answer after all tries.
    """
    return np.array([parse(a["text"], prompt.words) for a in ask(endpoint, prompt, texts, False)])


def ask_scores(endpoint: Endpoint, prompt: Prompt, texts: Sequence[str]) -> np.ndarray:
    """Return log-probabilities (N, classes) of the first token of each label word.

    Servers give only the few most probable tokens. A word that is not among them gets the lowest
    number that is: a bound, not a measurement.

    Raises:
        EndpointError: as `ask_classes`, or the server gives no log-probabilities.
    """
    found = ask(endpoint, prompt, texts, True)
    return np.array([scores_of(answer["top"], prompt.words) for answer in found])


def ask(
    endpoint: Endpoint, prompt: Prompt, texts: Sequence[str], probabilities: bool
) -> list[dict]:
    """Return each text's answer, {"text", "top"}, from the disk or from the server."""
    needed = estimate(endpoint, prompt, texts, probabilities=probabilities)
    if needed.dollars > endpoint.limit:
        raise EndpointError(
            f"this would cost more than the limit of {endpoint.limit:.4f} US dollars: {needed}. "
            "Nothing was sent. Raise the limit, or ask for fewer texts."
        )
    requests = [request(endpoint, prompt, text, probabilities) for text in texts]
    client = client_of(endpoint) if needed.requests else None
    with answers_on_disk() as kept, ThreadPoolExecutor(endpoint.concurrency) as pool:

        def answer(wanted: dict) -> dict:
            name = name_of(endpoint, wanted)
            if name not in kept:
                kept[name] = send(client, endpoint, wanted)
            return kept[name]

        return list(pool.map(answer, requests))


def send(client: OpenAI, endpoint: Endpoint, wanted: dict) -> dict:
    """Send one request, again after a pause where that may help; return {"text", "top"}.

    Raises:
        EndpointError: it was refused, all tries failed, or the answer is not what was asked for.
    """
    import openai
    import tenacity

    passing = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(passing),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=30),
        stop=tenacity.stop_after_attempt(endpoint.tries),
        reraise=True,
    )
    chat = endpoint.style == "chat"
    create = client.chat.completions.create if chat else client.completions.create
    try:
        return reading(again(create, **wanted), endpoint, "logprobs" in wanted)
    except passing as error:
        raise EndpointError(
            f"{endpoint.url} gave no answer in {endpoint.tries} tries: {short(error)} What was "
            "answered before is kept: run the same call again later."
        ) from error
    except openai.OpenAIError as error:
        hint = f"Check the model's name ({endpoint.model}), the style ({endpoint.style}), the key."
        if "logprobs" in wanted and getattr(error, "status_code", None) in UNWANTED:
            hint = "It may give no log-probabilities: use ask_classes, which reads free answers."
        raise EndpointError(f"{endpoint.url} refused the request: {short(error)} {hint}") from error


def short(error: Exception) -> str:
    """Return what went wrong in one line, without what a server may repeat of the request."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}{f' ({status})' if status else ''}."


def client_of(endpoint: Endpoint) -> OpenAI:
    """Return the client of an endpoint; trying again is left to `send`.

    Raises:
        EndpointError: the package openai is missing, or there is no key.
    """
    try:
        from openai import OpenAI
    except ImportError as error:
        raise EndpointError(MISSING) from error
    secret = key_called(endpoint.key) if endpoint.key else "none"
    return OpenAI(base_url=endpoint.url, api_key=secret, max_retries=0, timeout=endpoint.timeout)


def key_called(name: str) -> str:
    """Return a key from the environment, or from Colab's secrets.

    Raises:
        EndpointError: it stands in neither.
    """
    if found := os.environ.get(name, "").strip():
        return found
    try:
        from google.colab import userdata

        return userdata.get(name)
    except Exception as error:  # no Colab, no such secret, or no access to it
        raise EndpointError(
            f"there is no key: expected the environment variable {name}, or a Colab secret of that "
            "name that this notebook may read. Do not write a key into a notebook."
        ) from error


def answers_on_disk() -> Any:
    """Return the answers that were given before, by the name of their request.

    They may have cost money, so the folder's name hides them from what empties the cache.

    Raises:
        EndpointError: the package diskcache is missing.
    """
    try:
        from diskcache import Cache
    except ImportError as error:
        raise EndpointError(MISSING) from error
    return Cache(str(cache_folder() / ".answers"))


def name_of(endpoint: Endpoint, wanted: dict) -> str:
    """Return 32 hex digits that name a request to a server; the key has no part in it."""
    text = json.dumps([endpoint.url, wanted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
