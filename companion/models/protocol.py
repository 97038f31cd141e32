"""What is sent to a server with OpenAI's protocol, and what is read from its answers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from companion.data.prompts import Prompt

Style = Literal["chat", "completion"]
ANSWER_TOKENS = 12  # at most, of an answer
TOP = {"chat": 20, "completion": 5}  # next tokens whose log-probability may be asked for
UNKNOWN = -1  # an answer that names no class, or several


class EndpointError(RuntimeError):
    """A server could not be asked, or did not answer as the protocol says."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers, how it is asked, and what that may cost.

    `url` ends where the protocol's paths begin, as "http://127.0.0.1:8000/v1". Prices are US
    dollars for a million tokens, 0 for a server of your own; `limit` is the most that one call may
    cost. `key` names the environment variable, or Colab secret, that holds the key, None where
    none is needed: the key itself is never kept here.
    """

    url: str
    model: str
    style: Style = "chat"
    key: str | None = "OPENAI_API_KEY"
    price_in: float = 0.0
    price_out: float = 0.0
    limit: float = 0.0
    concurrency: int = 4
    tries: int = 5
    timeout: float = 60.0  # seconds that one try may take


def request(endpoint: Endpoint, prompt: Prompt, text: str, probabilities: bool) -> dict[str, Any]:
    """Return what is sent for one text, without the key."""
    common = {"model": endpoint.model, "temperature": 0.0}
    common["max_tokens"] = 1 if probabilities else ANSWER_TOKENS
    if endpoint.style == "completion":
        extra = {"logprobs": TOP["completion"]} if probabilities else {"stop": ["\n"]}
        return {"prompt": prompt.whole(text), **common, **extra}
    extra = {"logprobs": True, "top_logprobs": TOP["chat"]} if probabilities else {}
    return {"messages": messages(prompt, text), **common, **extra}


def messages(prompt: Prompt, text: str) -> list[dict[str, str]]:
    """Return the prompt as a conversation in which the demonstrations were answered before."""
    rule = f"Answer with one of: {', '.join(prompt.words)}. Nothing else."
    found = [{"role": "system", "content": f"{prompt.header} {rule}".strip()}]
    for shown, label in prompt.demonstrations:
        found.append({"role": "user", "content": prompt.question(shown).strip()})
        found.append({"role": "assistant", "content": prompt.answer(label).strip()})
    return [*found, {"role": "user", "content": prompt.question(text).strip()}]


def asked(wanted: dict) -> str:
    """Return all text of a request."""
    if "prompt" in wanted:
        return wanted["prompt"]
    return "\n".join(message["content"] for message in wanted["messages"])


def parse(answer: str, words: Sequence[str]) -> int:
    """Return the class whose word an answer names, -1 if it names none, or more than one."""
    said = answer.casefold()
    found = [
        i for i, word in enumerate(words) if re.search(rf"\b{re.escape(word.casefold())}\b", said)
    ]
    return found[0] if len(found) == 1 else UNKNOWN


def scores_of(top: Sequence[Sequence], words: Sequence[str]) -> list[float]:
    """Return for each word the log of the summed probability of the tokens that begin it.

    `top` lists tokens and their log-probabilities. A token that begins two words counts for none.
    """
    sums = [0.0] * len(words)
    for token, value in top:
        start = token.strip().casefold()
        hits = [i for i, word in enumerate(words) if start and word.casefold().startswith(start)]
        if len(hits) == 1:
            sums[hits[0]] += math.exp(value)
    lowest = min(value for _, value in top)
    return [math.log(total) if total else lowest for total in sums]


def reading(response: Any, endpoint: Endpoint, probabilities: bool) -> dict:
    """Return the text of a response, and its most probable first tokens if they were asked for.

    Raises:
        EndpointError: the response holds none.
    """
    try:
        choice = response.choices[0]
        text = choice.message.content if endpoint.style == "chat" else choice.text
    except (AttributeError, IndexError, TypeError) as error:
        raise EndpointError(
            f"{endpoint.url} answered something else than the protocol says. Does the address end "
            "where the protocol's paths begin, as in http://127.0.0.1:8000/v1?"
        ) from error
    return {"text": text or "", "top": top_of(choice, endpoint) if probabilities else []}


def top_of(choice: Any, endpoint: Endpoint) -> list[list]:
    """Return the most probable first tokens of an answer with their log-probabilities.

    Raises:
        EndpointError: there are none.
    """
    found = getattr(choice, "logprobs", None)
    try:
        if endpoint.style == "chat":
            top = [[item.token, item.logprob] for item in found.content[0].top_logprobs]
        else:
            top = [[token, value] for token, value in found.top_logprobs[0].items()]
    except (AttributeError, IndexError, TypeError):
        top = []
    if not top:
        raise EndpointError(
            f"{endpoint.url} gives no log-probabilities for {endpoint.model}. Use ask_classes, "
            "which reads the free answer; it cannot be calibrated."
        )
    return top
