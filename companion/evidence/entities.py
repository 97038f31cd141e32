"""Entity scores: how far two rows of BIO tags agree on what is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from companion.evidence.bio import entities_of


@dataclass(frozen=True)
class EntityScore:
    """How many entities were `right`, of those `found` and of those that are `true`."""

    right: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """The share of the found entities that is right, 0 where none was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of the true entities that was found, 0 where there is none."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.found + self.true
        return 2 * self.right / both if both else 0.0


def entity_score(
    truth: Sequence[Sequence[str]], answers: Sequence[Sequence[str]], kind: str | None = None
) -> EntityScore:
    """Count the entities of many texts that are right in kind and in both ends.

    `truth` and `answers` hold the tags of each text. With `kind` only its entities count.

    Raises:
        ValueError: there are not as many answers as tags, or a tag is no BIO tag.
    """
    check_lengths(truth, answers)
    right = found = true = 0
    for tags, answer in zip(truth, answers, strict=True):
        wanted, got = (
            {e for e in entities_of(row) if kind is None or e.kind == kind}
            for row in (tags, answer)
        )
        right += len(wanted & got)
        found += len(got)
        true += len(wanted)
    return EntityScore(right, found, true)


def word_accuracy(truth: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> float:
    """Return the share of words with the right tag: what entity scores are there to replace.

    Raises:
        ValueError: there are not as many answers as tags.
    """
    check_lengths(truth, answers)
    pairs = [p for t, a in zip(truth, answers, strict=True) for p in zip(t, a, strict=True)]
    return sum(tag == answer for tag, answer in pairs) / len(pairs)


def check_lengths(truth: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> None:
    """Check that every text has one answer per tag.

    Raises:
        ValueError: it has not.
    """
    if len(truth) != len(answers):
        raise ValueError(
            f"expected answers for {len(truth)} texts, found {len(answers)}. Score all of them."
        )
    for i, (tags, answer) in enumerate(zip(truth, answers, strict=True)):
        if len(tags) != len(answer):
            raise ValueError(
                f"text {i} has {len(tags)} words and {len(answer)} answers, expected one for each "
                "word. Words that were cut off count as O; do not leave them out."
            )
