"""What every set of texts goes through before it is split: copies out, and masks for showing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence

# Punctuation alone: \w would also lose the vowel signs of Hindi or Thai, and every emoji.
_PUNCTUATION = {
    place: " " for place in range(0x20000) if unicodedata.category(chr(place)).startswith("P")
}
_ADDRESS = re.compile(r"https?://\S*|www\.\S+|\bhttp\b")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_MENTION = re.compile(r"@\w+")


def plain_reading(text: str) -> str:
    """Return a text in lower case without punctuation: texts that share it count as copies.

    A text of punctuation alone, such as ":)", is kept as it is.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(folded.translate(_PUNCTUATION).split()) or folded.strip()


def without_copies(
    texts: Sequence[str],
    labels: Sequence[Hashable],
    reading: Callable[[str], str] = plain_reading,
) -> tuple[list[int], int, int]:
    """Return the places of the texts to keep, and how many copies and conflicting texts go.

    Of texts that read alike the first stays. Where their labels disagree none does, since no one
    can say which is right. A text whose reading is empty goes, too, and counts as neither.
    """
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        groups.setdefault(reading(text), []).append(i)
    groups.pop("", None)
    agreed = [group for group in groups.values() if len({labels[i] for i in group}) == 1]
    kept = [group[0] for group in agreed]
    copies = sum(len(group) - 1 for group in agreed)
    return kept, copies, sum(map(len, groups.values())) - len(kept) - copies


def masked(text: str) -> str:
    """Return a text fit to be shown: names after @, e-mails and web addresses are masked."""
    text = _ADDRESS.sub("[link]", _EMAIL.sub("[e-mail]", text))
    return _MENTION.sub("@[name]", text)
