"""Which texts may be shown: hand-picked ones without slurs, names of private persons or harm."""

from __future__ import annotations

import hashlib

from companion.data.cleaning import masked
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
}


def texts_to_show(texts: Texts) -> list[tuple[str, str, str]]:
    """Return (text, label, kind) of the texts picked for showing, by kind, with names masked.

    Raises:
        LookupError: nothing was picked from this set, or a text of the list is no longer in it.
    """
    if texts.name not in SHOWN:
        raise LookupError(
            f"no texts of {texts.name!r} were picked for showing. Expected one of: "
            f"{', '.join(SHOWN)}."
        )
    places = {digest(text): i for i, text in enumerate(texts.texts)}
    lost = [name for name in SHOWN[texts.name] if name not in places]
    if lost:
        raise LookupError(
            f"expected every text of the list in {texts.name}, found that {len(lost)} are missing, "
            f"such as {lost[0]}. Was the cleaning changed? Pick others."
        )
    found = [places[name] for name in SHOWN[texts.name]]
    return [
        (masked(texts.texts[i]), texts.classes[texts.labels[i]], str(texts.kinds[i])) for i in found
    ]


def digest(text: str) -> str:
    """Return the digits that name a text in the list."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
