"""Exercise 07.2: what a report's faults leave to train on and to test on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from companion.teaching.exercise import Mistake, NotYet, compare, kind, short

# The right rule, step by step --------------------------------------------------------------------


class _Row(NamedTuple):
    place: int
    text: str
    label: str
    part: str


Rows = Sequence[_Row]


def _read(place: int, row: dict[str, str]) -> _Row:
    return _Row(place, row["text"].strip(), row["label"].strip().lower(), row["part"])


def _with_text(rows: Rows) -> list[_Row]:
    return [row for row in rows if row.text]


def _of_one_label(rows: Rows) -> list[_Row]:
    """Leave out all copies that have different labels."""
    found = _labels_of(rows, lambda row: row.text)
    return [row for row in rows if len(found[row.text]) == 1]


def _labels_of(rows: Rows, key: Callable[[_Row], Any]) -> dict[Any, set[str]]:
    found: dict[Any, set[str]] = {}
    for row in rows:
        found.setdefault(key(row), set()).add(row.label)
    return found


def _first_by(key: Callable[[_Row], Any]) -> Callable[[Rows], list[_Row]]:
    """Make the step that keeps the first of the rows that share a key."""
    return lambda rows: list({key(row): row for row in reversed(rows)}.values())[::-1]


_once_a_part = _first_by(lambda row: (row.part, row.text))


def _unseen(rows: Rows) -> list[_Row]:
    """Leave out of training what stands in the test, too."""
    return [row for row in rows if row.part == "test" or row.text not in _texts(rows, "test")]


def _texts(rows: Rows, part: str) -> set[str]:
    return {row.text for row in rows if row.part == part}


_STEPS = {"empty": _with_text, "clash": _of_one_label, "copies": _once_a_part, "across": _unseen}
_PARTS = ("train", "test")


def _kept(
    rows: Sequence[dict], read: Callable[[int, dict], _Row] = _read, **steps: Any
) -> list[list[int]]:
    """Return the places that train and test, after the right steps or, by name, wrong ones."""
    left = [read(i, row) for i, row in enumerate(rows)]
    for step in (_STEPS | steps).values():
        left = step(left)
    return [sorted(row.place for row in left if row.part == part) for part in _PARTS]


def _told(train: Iterable[int], test: Iterable[int]) -> str:
    sides = (", ".join(map(str, side)) or "none" for side in (train, test))
    return "train: {}; test: {}".format(*sides)


def _rule(**wrong: Any) -> Callable[[Sequence[dict]], str]:
    return lambda rows: _told(*_kept(rows, **wrong))


# Wrong steps -------------------------------------------------------------------------------------


def _all(rows: Rows) -> list[_Row]:
    return list(rows)


def _frequent(rows: Rows) -> list[_Row]:
    counts = Counter(row.label for row in rows)
    return [row for row in rows if counts[row.label] > 2]


def _last_of_copies(rows: Rows) -> list[_Row]:
    return _once_a_part(rows[::-1])


def _no_copies(rows: Rows) -> list[_Row]:
    counts = Counter((row.part, row.text) for row in rows)
    return [row for row in rows if counts[row.part, row.text] == 1]


def _unseen_in_training(rows: Rows) -> list[_Row]:
    return [row for row in rows if row.part == "train" or row.text not in _texts(rows, "train")]


def _in_neither(rows: Rows) -> list[_Row]:
    both = _texts(rows, "train") & _texts(rows, "test")
    return [row for row in rows if row.text not in both]


def _most_frequent_label(rows: Rows) -> list[_Row]:
    counts = {row.text: Counter(r.label for r in rows if r.text == row.text) for row in rows}
    return [row for row in rows if row.label == counts[row.text].most_common(1)[0][0]]


def _of_one_label_in_its_part(rows: Rows) -> list[_Row]:
    found = _labels_of(rows, lambda row: (row.part, row.text))
    return [row for row in rows if len(found[row.part, row.text]) == 1]


def _counted_anew(rows: Sequence[dict]) -> str:
    own = [[i for i, row in enumerate(rows) if row["part"] == part] for part in _PARTS]
    return _told(
        *([mine.index(i) for i in side] for mine, side in zip(own, _kept(rows), strict=True))
    )


# Cases, each with what may go wrong in it --------------------------------------------------------

Rung = tuple[dict[str, Any], tuple[Mistake, ...]]


def _rung(rows: str, *mistakes: Mistake) -> Rung:
    """Return a case of rows, written as part|label|text and with ; between them."""
    split = [row.split("|") for row in rows.split(";")]
    return {"rows": [{"text": t, "label": label, "part": p} for p, label, t in split]}, mistakes


_COPIES = (
    Mistake(_rule(copies=_last_of_copies), "Of copies you kept the last. Keep the first."),
    Mistake(
        _rule(copies=_no_copies),
        "You left out all copies. Their labels agree, so that one of them can stay: the first.",
    ),
)
_RUNGS: tuple[Rung, ...] = (
    _rung(
        "train|ham|lunch?;train|fraud|send money;train|ham|see you;test|ham|call me;train|ham|yes",
        Mistake(
            _rule(rare=_frequent),
            "You left out a class because it is rare. It may be what the network is needed for: "
            "keep it, and collect more of it.",
        ),
        Mistake(
            lambda rows: _told((), ()),
            "No row is left. If you left out what is rare: in a small set every class may be.",
        ),
        Mistake(
            _counted_anew,
            "You counted the rows of each part from 0. A place is that in rows, both parts "
            "together.",
        ),
        Mistake(lambda rows: _told(*_kept(rows)[::-1]), "You returned test first: (train, test)."),
    ),
    _rung(
        "train|ham|see you;train|ham|;test|spam|win now",
        Mistake(_rule(empty=_all), "A row without any text stays. Nothing can be learned from it."),
    ),
    _rung(
        "train|ham|  ;train|ham|see you;test|spam|win now",
        Mistake(
            _rule(empty=_all),
            "A text of spaces alone stays. Strip before you ask whether it is empty.",
        ),
    ),
    _rung(
        "train|ham|ok;train|ham|see you;train|ham|ok;test|spam|win now",
        Mistake(
            _rule(copies=_all), "Copies in train stay, and count several times. Keep the first."
        ),
        *_COPIES,
    ),
    _rung(
        "train|ham|see you;test|spam|win now;test|ham|ok;test|spam|win now",
        Mistake(
            _rule(copies=_all),
            "Copies in the test stay, so that one answer counts twice. Keep the first.",
        ),
        *_COPIES,
    ),
    _rung(
        "train|ham|ok;train|ham|see you;train|ham| ok ;test|spam|win now",
        Mistake(
            _rule(copies=_all),
            "Texts that differ in outer spaces alone are copies, too: strip before comparing.",
        ),
    ),
    _rung(
        "train|spam|win now;train|ham|ok;test|spam|win now;test|ham|see you",
        Mistake(
            _rule(across=_all),
            "A text of the test stays in train: the network would be asked what it knows by heart.",
        ),
        Mistake(
            _rule(across=_unseen_in_training),
            "You took a text out of the test because it stands in train. Then whoever adds rows "
            "to train changes the test: take it out of train.",
        ),
        Mistake(
            _rule(across=_in_neither),
            "A text in both parts left both. It leaves train and stays in test.",
        ),
    ),
    _rung(
        "train|spam|call me;train|ham|call me;train|ham|call me;test|ham|ok",
        Mistake(
            _rule(clash=_all),
            "Of copies with different labels you kept the first. Nobody knows which label is "
            "wrong: leave all of them out.",
        ),
        Mistake(
            _rule(clash=_most_frequent_label),
            "You let the labels of copies vote. One mistake may have been copied, too: leave all "
            "of them out.",
        ),
        Mistake(
            _rule(clash=_all, copies=_first_by(lambda row: (row.part, row.text, row.label))),
            "You kept a text under two labels. One of them is wrong: leave all of them out.",
        ),
    ),
    _rung(
        "train|ham|ok;train|spam|win now;test|ham|win now;test|ham|see you",
        Mistake(
            _rule(clash=_of_one_label_in_its_part),
            "Copies in train and test disagree, and one stays. Look for different labels over "
            "both parts, before copies leave.",
        ),
    ),
    _rung(
        "train|spam|win now;train|Spam|win now;test|ham|ok",
        Mistake(
            _rule(read=lambda i, row: _read(i, row)._replace(label=row["label"])),
            "You took 'Spam' and 'spam' for different labels. Bring labels together by case first.",
        ),
    ),
    _rung(
        "train|spam|win now;train|spam |win now;test|ham|ok",
        Mistake(
            _rule(read=lambda i, row: _read(i, row)._replace(label=row["label"])),
            "You took 'spam ' and 'spam' for different labels. Strip labels first.",
        ),
    ),
    _rung(
        "train|ham|CALL ME;train|ham|call me;test|ham|ok",
        Mistake(
            _rule(read=lambda i, row: _read(i, row)._replace(text=row["text"].lower())),
            "You brought together texts that differ in case. Only labels are compared without "
            "it: capital letters may well tell spam.",
        ),
    ),
    _rung(
        "train|ham|see you;train|Spam|win now;train|spam | win now;test|fraud|send money;"
        "test|ham|see you ;train|ham|ok;train|spam|ok;test|ham|OK"
    ),
)


def _places(value: Any) -> str:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise NotYet(f"expected two lists, (train, test), found {short(value)} ({kind(value)}).")
    return _told(*map(_side, value))


def _side(value: Any) -> list[int]:
    if not isinstance(value, (list, tuple, set, np.ndarray)):
        raise NotYet(f"expected a list of places, found {short(value)} ({kind(value)}).")
    for item in value:
        if isinstance(item, dict):
            raise NotYet("you returned rows. Return their places in rows: 0 for the first.")
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, (int, np.integer)):
            raise NotYet(f"expected places (whole numbers), found {short(item)} ({kind(item)}).")
    return sorted(map(int, value))


def curing(function: Any) -> str | None:
    """Judge `function(rows) -> (train, test)`, a case at a time: each is about one rule."""
    for case, mistakes in _RUNGS:
        fault = compare(function, (case,), _rule(), mistakes, _places)
        if fault:
            return fault
    return None
