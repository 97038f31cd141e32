"""Which texts may be shown: hand-picked ones without slurs, names of private persons or harm."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from companion.data.cleaning import masked
from companion.data.spans import Questions
from companion.data.tags import TaggedTexts
from companion.data.text import Texts

# The first digits of each text's SHA-256: a list of places would point elsewhere after a change.
SHOWN = {
    "opinion tweets": (
        "82d8b4c27f",
        "289b884775",
        "8717f27d69",
        "6b35a79743",
        "20fd1e1ffc",
        "ce52066c70",
        "1a19e584a3",
        "c13b63233e",
        "ff8d9b8ff9",
        "52a11b355c",
        "48e54348e9",
        "3c29a0db97",
        "4790f54e6c",
        "67e81e30ad",
        "8bb15230ae",
        "ba512fb05e",
        "95e3d99961",
        "749558092b",
        "f0a212bd9d",
        "7f686256aa",
    ),
    "drug reviews": (
        "036d52e859",
        "f9bdd60573",
        "387fe218cf",
        "d654bbfd3a",
        "4bf76df42a",
        "6c9b1ac0f0",
        "337391ac25",
        "1d0051269e",
        "ff654b6ac1",
    ),
    "WNUT-2016": (
        "00c143c1e2",
        "9130ff0f64",
        "dbe4681887",
        "c11f765b7f",
        "a135f05062",
        "c08c19f8d7",
        "f8ca377ab7",
        "b069c2bca6",
        "cc041a75ab",
        "af3303f44c",
        "79a740896c",
        "9664dca094",
        "1144c1cacd",
        "d3b29125ff",
    ),
    "licence questions": (
        "c7fad0c093",
        "efed3a2637",
        "e27239cb65",
        "39d311f68b",
        "8ca2d62160",
        "e736956bd9",
        "8582a4dd61",
        "106adae350",
        "13076c22a5",
        "c8b3616e1c",
    ),
    "medical definitions": (
        "6a2c948999",
        "37ebc5d569",
        "42be66522c",
        "0852077666",
        "c15eba8ae9",
        "229aae2548",
        "d71374ae80",
        "f74ca07ff6",
    ),
}


def texts_to_show(texts: Texts) -> list[tuple[str, str, str]]:
    """Return (text, label, kind) of the texts picked for showing, by kind, with names masked.

    Raises:
        LookupError: nothing was picked from this set, or a text of the list is no longer in it.
    """
    return [
        (masked(texts.texts[i]), texts.classes[texts.labels[i]], str(texts.kinds[i]))
        for i in places_to_show(texts.name, texts.texts)
    ]


def tweets_to_show(texts: TaggedTexts) -> np.ndarray:
    """Return the places of the tagged tweets picked for showing.

    Raises:
        LookupError: as `texts_to_show` does.
    """
    name = texts.name.partition(",")[0]  # the views of WNUT-2016 are of the same tweets
    return np.array(places_to_show(name, [" ".join(words) for words in texts.words]))


def questions_to_show(asked: Questions) -> np.ndarray:
    """Return the places of the questions picked for showing.

    Raises:
        LookupError: as `texts_to_show` does.
    """
    pairs = zip(asked.questions, asked.contexts, strict=True)
    return np.array(places_to_show(asked.name, [" ".join(pair) for pair in pairs]))


def places_to_show(name: str, texts: Sequence[str]) -> list[int]:
    """Return which of these texts of the set `name` were picked for showing.

    Raises:
        LookupError: nothing was picked from this set, or a text of the list is no longer in it.
    """
    if name not in SHOWN:
        raise LookupError(
            f"no texts of {name!r} were picked for showing. Expected one of: {', '.join(SHOWN)}."
        )
    places = {digest(text): i for i, text in enumerate(texts)}
    lost = [one for one in SHOWN[name] if one not in places]
    if lost:
        raise LookupError(
            f"expected every text of the list in {name}, found that {len(lost)} are missing, "
            f"such as {lost[0]}. Was the cleaning changed? Pick others."
        )
    return [places[one] for one in SHOWN[name]]


def digest(text: str) -> str:
    """Return the digits that name a text in the list."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
