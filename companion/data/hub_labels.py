"""Labelled texts from the hub: news on finance, and sets laid out like them."""

from __future__ import annotations

import numpy as np

from companion.data.hub_texts import HubTexts, columns, drawn_groups, parts_of, places_of
from companion.data.splits import Split
from companion.data.text import Texts

LABELLED = {
    "financial-tweets": HubTexts(
        "zeroshot/twitter-financial-news-sentiment", {"train": 9_543, "validation": 2_388}
    )
}
CLASSES = {"financial-tweets": ("bearish", "bullish", "neutral")}  # the file has numbers only


def load_hub_labels(
    name: str = "financial-tweets",
    *,
    text: str = "text",
    label: str = "label",
    validation: float = 0.1,
    seed: int = 0,
    revision: str | None = None,
) -> tuple[Texts, Split]:
    """Return labelled texts from the hub and a split of them.

    `name` is "financial-tweets" (three moods of short news on shares), or a repository's
    "owner/name" with the parts train and validation, whose columns `text` and `label` hold texts
    and whole numbers from 0. The official validation part is the test part here, and the share
    `validation` of the train part is drawn from `seed` to choose by. Equal texts are one group.

    Raises:
        HubError: the data could not be had, or `datasets` is not installed.
        ValueError: a part or column is missing, a known set has another size, or as `Texts` does.
    """
    parts = parts_of(name, LABELLED, revision, ("train", "validation"))
    rows = [row for part in parts.values() for row in columns(name, part, (text, label))]
    texts = tuple(row[text] for row in rows)
    labels = np.array([row[label] for row in rows])
    train, test = places_of(parts)
    groups = np.unique(texts, return_inverse=True)[1]
    chosen = drawn_groups(groups[train], validation, seed)
    known = np.isin(groups[train], groups[test])  # also in the test part: not trained on
    labelled = Texts(
        name=name,
        texts=texts,
        labels=labels,
        classes=CLASSES.get(name) or tuple(f"class {i}" for i in range(int(labels.max()) + 1)),
        groups=groups,
        kinds=np.repeat(list(parts), [len(part) for part in parts.values()]),
        confidence=np.full(len(rows), np.nan),
    )
    return labelled, Split(train[~chosen & ~known], train[chosen & ~known], test)
