"""A task put into words: demonstrations and a question, to be completed by the next token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Demonstration = tuple[str, int]  # a text and its class
CONTENT_FREE = ("N/A", "[MASK]", "")  # questions that ask nothing (Zhao et al. 2021)


@dataclass(frozen=True)
class Prompt:
    """How a model is asked for one of some classes: the same for a local model and a server.

    `words` is the label word of each class. The prompt is the header, then each demonstration with
    its word, then the question. `gap` stands before each of them, so that a question's tokens do
    not depend on what comes before.

    Raises:
        ValueError: fewer than two words, one that is empty, two alike, or a pattern without {text}
            or with a space at its end.
    """

    words: tuple[str, ...]
    header: str = ""
    pattern: str = "Article: {text}\nTopic:"
    gap: str = "\n\n"
    demonstrations: tuple[Demonstration, ...] = ()

    def __post_init__(self) -> None:
        check_words(self.words)
        if "{text}" not in self.pattern or self.pattern != self.pattern.rstrip():
            raise ValueError(
                f"expected a pattern with {{text}} in it that ends without a space, found "
                f"{self.pattern!r}. The label word brings its own space: a second one would make "
                "other tokens than the model has read."
            )

    def question(self, text: str) -> str:
        """Return the part of the prompt that asks for the class of a text."""
        return self.gap + self.pattern.replace("{text}", text)

    def answer(self, label: int) -> str:
        """Return the part of the prompt that says a class."""
        return f" {self.words[label]}"

    def beginning(self) -> str:
        """Return the part that all questions share: the header and the demonstrations."""
        return self.header + "".join(
            self.question(text) + self.answer(label) for text, label in self.demonstrations
        )

    def whole(self, text: str) -> str:
        """Return the whole prompt for a text, up to where the label word is expected."""
        return self.beginning() + self.question(text)


def check_words(words: Sequence[str]) -> None:
    """Check that label words can be told apart.

    Raises:
        ValueError: fewer than two, one is empty, or two are alike.
    """
    if len(words) < 2 or not all(word.strip() for word in words):
        raise ValueError(f"expected a label word for each of at least two classes, found {words}.")
    twice = next((word for i, word in enumerate(words) if word in words[:i]), None)
    if twice is not None:
        raise ValueError(
            f"the label word {twice!r} stands for two classes, so no answer could tell them apart. "
            "Give each class a word of its own."
        )


def with_demonstrations(prompt: Prompt, texts: Sequence[str], labels: Sequence[int]) -> Prompt:
    """Return the prompt with these demonstrations, in this order, in place of its own."""
    pairs = tuple((text, int(label)) for text, label in zip(texts, labels, strict=True))
    return replace(prompt, demonstrations=pairs)


def random_labels(labels: np.ndarray, classes: int, *, seed: int) -> np.ndarray:
    """Return labels (K,) drawn anew from all classes, so that they say nothing of their texts."""
    return np.random.default_rng(seed).integers(classes, size=len(labels))


def flipped_labels(labels: np.ndarray, classes: int, *, seed: int) -> np.ndarray:
    """Return labels (K,) that are all wrong, and wrong in the same way for each class."""
    rng = np.random.default_rng(seed)
    while True:
        others = rng.permutation(classes)
        if (others != np.arange(classes)).all():
            return others[labels]


@dataclass(frozen=True)
class PromptTokens:
    """A prompt as token ids: its beginning (P,), each question and each label word.

    `spans` (K, 2) says where in the beginning each demonstration starts and ends.
    """

    beginning: list[int]
    questions: list[list[int]]
    labels: list[list[int]]
    spans: np.ndarray


def prompt_tokens(
    prompt: Prompt,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    window: int | None = None,
) -> PromptTokens:
    """Return the parts of the prompts for `texts` as tokens, which joined are the whole's tokens.

    Raises:
        ValueError: the tokens of a part depend on its neighbour, two label words have the same
            tokens or one begins another, or a prompt is longer than `window`.
    """
    labels = [ids_of(prompt.answer(i), tokenizer) for i in range(len(prompt.words))]
    check_label_tokens(prompt.words, labels)
    pieces = [ids_of(prompt.header, tokenizer)]
    pieces += [
        ids_of(prompt.question(text), tokenizer) + labels[label]
        for text, label in prompt.demonstrations
    ]
    beginning = [i for piece in pieces for i in piece]
    questions = [ids_of(prompt.question(text), tokenizer) for text in texts]
    if window is not None:
        check_fit(pieces, questions, labels, window)
    found = PromptTokens(beginning, questions, labels, spans_of(pieces))
    check_seams(prompt, texts, found, tokenizer)
    return found


def ids_of(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the token ids of a text, without special tokens."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def spans_of(pieces: Sequence[Sequence[int]]) -> np.ndarray:
    """Return where each piece but the first starts and ends (K, 2) when all are joined."""
    ends = np.cumsum([len(piece) for piece in pieces])
    return np.stack([ends[:-1], ends[1:]], axis=1)


def check_label_tokens(words: Sequence[str], labels: Sequence[Sequence[int]]) -> None:
    """Check that no label word has the tokens of another, nor begins with them, nor has none.

    Raises:
        ValueError: one does.
    """
    unknown = [word for word, ids in zip(words, labels, strict=True) if not ids]
    if unknown:
        raise ValueError(
            f"the label word {unknown[0]!r} has no tokens: the tokenizer knows none of its signs. "
            "Choose another word, or load the tokenizer that belongs to the network."
        )
    for i, one in enumerate(labels):
        for j, other in enumerate(labels):
            if i != j and list(other[: len(one)]) == list(one):
                how = "has the same tokens as" if len(one) == len(other) else "begins with those of"
                raise ValueError(
                    f"the label word {words[j]!r} {how} {words[i]!r}, so it can never be the more "
                    "probable one. Choose words that differ in their first token."
                )


def check_fit(
    pieces: Sequence[Sequence[int]],
    questions: Sequence[Sequence[int]],
    labels: Sequence[Sequence[int]],
    window: int,
) -> None:
    """Check that the longest prompt fits into what a model reads.

    Raises:
        ValueError: it does not; the message says how many demonstrations do.
    """
    asked = max(map(len, questions), default=0) + max(map(len, labels))
    sizes = np.cumsum([len(piece) for piece in pieces]) + asked
    if sizes[-1] <= window:
        return
    fit = int((sizes <= window).sum()) - 1
    if fit < 0:
        raise ValueError(
            f"the longest question alone has {sizes[0]:,} tokens, and the model reads at most "
            f"{window:,}. Shorten the texts."
        )
    raise ValueError(
        f"the longest prompt has {sizes[-1]:,} tokens with {len(pieces) - 1} demonstrations, and "
        f"the model reads at most {window:,}. The first {fit} of them fit: use fewer, or shorten "
        "the texts."
    )


def check_seams(
    prompt: Prompt,
    texts: Sequence[str],
    found: PromptTokens,
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Check for every text that the joined tokens are those of the whole prompt.

    Raises:
        ValueError: they are not, so a shared beginning would not be what the model reads.
    """
    beginning = prompt.beginning()
    if ids_of(beginning, tokenizer) != found.beginning:
        raise_seam("the header or a demonstration", prompt)
    # All questions begin alike, so that one whole prompt shows the seam before all of them.
    for text, ids in list(zip(texts, found.questions, strict=True))[:1]:
        if ids_of(beginning + prompt.question(text), tokenizer) != found.beginning + ids:
            raise_seam("the demonstrations", prompt)
    for text, ids in zip(texts, found.questions, strict=True):
        for label, own in enumerate(found.labels):
            if ids_of(prompt.question(text) + prompt.answer(label), tokenizer) != ids + own:
                raise_seam("the question", prompt)


def raise_seam(where: str, prompt: Prompt) -> None:
    """Raise the error for a seam.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f"the tokens at the end of {where} change with what follows, so the prompt cannot be read "
        f"in parts. Its gap is {prompt.gap!r} and its pattern {prompt.pattern!r}: begin each with "
        "a line break, and end the pattern with a sign such as ':'."
    )
