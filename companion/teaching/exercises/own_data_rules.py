"""Exercises 07.1 and 07.5: patients in a folder, and classes that change their order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from companion.teaching.exercise import Mistake, NotYet, compare, kind, short

# 07.1 --------------------------------------------------------------------------------------------


def _folder(names: str, testing: int) -> dict[str, Any]:
    """Return a case of names, which are written without their extension."""
    return {"names": [f"{name}.png" for name in names.split()], "testing": testing}


_FOLDER_CASES = (
    # The first patient comes again later, and once with a word behind the underscore.
    _folder("p7_2 p7_left p11_1 p7_3 p2_1", 1),
    # Two underscores.
    _folder("ward2_p7_1 ward2_p3_1 ward2_p7_2 ward1_p3_1", 1),
    # No underscore.
    _folder("p3 p8 p3_1 p8_1", 1),
    # A patient whose number begins as another's does.
    _folder("p1_1 p11_1 p1_2 p12_1", 1),
    # Two patients that take turns.
    _folder("k_1 b_1 n_1 k_2 b_2", 2),
    # Capital letters, and a dot in a name.
    _folder("P1_1 p1_1 P1_2 p2_1", 1),
    _folder("a.5_1 a.7_1 a.5_2", 1),
)


def _patient(name: str) -> str:
    stem = Path(name).stem
    return stem.rpartition("_")[0] or stem


def _told(train: Sequence[str], test: Sequence[str]) -> str:
    return f"train: {' '.join(train)}; test: {' '.join(test)}"


def _ordered(patients: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(patients))


def _grouped(
    names: Sequence[str],
    testing: int,
    *,
    read: Callable[[str], str] = _patient,
    order: Callable[[Sequence[str]], list[str]] = _ordered,
    belongs: Callable[[str, str], bool] | None = None,
) -> str:
    """Return both parts, in words, or with the mistakes given."""
    belongs = belongs or (lambda name, patient: read(name) == patient)
    chosen = order([read(name) for name in names])[:testing]
    tests = [any(belongs(name, patient) for patient in chosen) for name in names]
    pairs = list(zip(names, tests, strict=True))
    return _told([n for n, t in pairs if not t], [n for n, t in pairs if t])


def _rule(**wrong: Any) -> Callable[..., str]:
    return lambda names, testing: _grouped(names, testing, **wrong)


def _swapped(names: Sequence[str], testing: int) -> str:
    train, test = _sides(_grouped(names, testing))
    return _told(test, train)


def _patient_by_patient(names: Sequence[str], testing: int) -> str:
    return _told(*(sorted(side, key=_place(names)) for side in _sides(_grouped(names, testing))))


def _place(names: Sequence[str]) -> Callable[[str], int]:
    """Return the key that brings files of one patient together."""
    patients = _ordered([_patient(name) for name in names])
    return lambda name: patients.index(_patient(name))


def _names_of_patients(names: Sequence[str], testing: int) -> str:
    patients = _ordered([_patient(name) for name in names])
    return _told(patients[testing:], patients[:testing])


def _sides(told: str) -> list[list[str]]:
    return [side.split()[1:] for side in told.split(";")]


_FIRST = (
    "You cut at the first underscore, so that all of ward2 is one patient. Cut at the last: "
    'rpartition("_").'
)
_EXTENSION = (
    "You left the extension on a name without an underscore: p3.png and p3_1.png are of one "
    "patient. Take the stem first."
)
_FOLDER_MISTAKES = (
    Mistake(
        lambda names, testing: _told(names[testing:], names[:testing]),
        "You counted files: testing says how many patients test. Files of one patient then stand "
        "on both sides.",
    ),
    Mistake(_rule(read=lambda name: Path(name).stem.split("_")[0]), _FIRST),
    Mistake(_rule(read=lambda name: name.rpartition("_")[0] or name), _EXTENSION),
    Mistake(_rule(read=lambda name: name.split("_")[0]), f"{_FIRST} And: {_EXTENSION}"),
    Mistake(
        _rule(read=lambda name: Path(name).stem.rpartition("_")[0]),
        "A name without an underscore lost all of its text: rpartition gives empty text there. "
        "Take the whole stem then.",
    ),
    Mistake(
        _rule(read=lambda name: re.sub(r"_\d+$", "", Path(name).stem)),
        "You cut off numbers only, so that p7_left is a patient of its own. Whatever stands after "
        "the last underscore is cut off.",
    ),
    Mistake(
        _rule(read=lambda name: _patient(name.split(".")[0])),
        "You cut the name at its first dot. The extension begins at the last: Path(name).stem.",
    ),
    Mistake(
        _rule(read=lambda name: _patient(name).lower()),
        "You changed the case of the names: P1 and p1 became one patient. Take them as they stand.",
    ),
    Mistake(
        _rule(order=lambda patients: sorted(set(patients))),
        "You sorted the patients. Those that test come first in the list, not in the alphabet.",
    ),
    Mistake(
        _rule(order=lambda patients: _ordered(patients)[::-1]),
        "You took the last patients for the test: the first ones were asked for.",
    ),
    Mistake(
        _rule(belongs=lambda name, patient: name.startswith(patient)),
        "You compared beginnings: p11_1.png begins with p1, too. Compare whole names of patients.",
    ),
    Mistake(_swapped, "You returned test first. Return (train, test)."),
    Mistake(
        _patient_by_patient,
        "The files are the right ones, but patient by patient. Keep the order in which they came: "
        "go through names once for each side.",
    ),
    Mistake(
        _names_of_patients,
        "You returned the patients. Return the names of their files.",
    ),
)


def _files(value: Any) -> str:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise NotYet(f"expected two lists, (train, test), found {short(value)} ({kind(value)}).")
    return _told(*(_texts(side, "the name of a file") for side in value))


def _texts(value: Any, what: str) -> list[str]:
    """Read a list of texts, each of which is `what`.

    Raises: NotYet if it is anything else.
    """
    if isinstance(value, (set, frozenset)):
        raise NotYet("expected a list, found a set, which has no order.")
    if not isinstance(value, (list, tuple, np.ndarray)):
        raise NotYet(f"expected a list, found {short(value)} ({kind(value)}).")
    for item in value:
        if not isinstance(item, str):
            raise NotYet(f"expected {what}, found {short(item)} ({kind(item)}) in the list.")
    return [str(item) for item in value]


def grouping(function: Any) -> str | None:
    """Judge `function(names, testing) -> (train, test)`."""
    return compare(function, _FOLDER_CASES, _grouped, _FOLDER_MISTAKES, _files)


# 07.5 --------------------------------------------------------------------------------------------

# Eight names: that a set has them in the alphabet's order by luck is once in 40,320 processes.
_CLASSES = "plum kiwi fig apple pear lime date nut"
_NAME_CASES = tuple(
    {"labels": labels.split()}
    for labels in (
        f"{_CLASSES} kiwi nut kiwi",
        f"nut date nut lime nut {_CLASSES}",  # the same labels, other rows first
        "Wasp ant Bee ant Wasp",
    )
)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _named(order: Callable[[list[str]], Sequence[str]]) -> Callable[[list[str]], str]:
    return lambda labels: _listed(order(labels))


_NAME_MISTAKES = (
    Mistake(
        _named(lambda labels: list(set(labels))),
        "That is still the bug: the order of a set of texts changes from one process to the next.",
    ),
    Mistake(
        _named(_ordered),
        "Your order is that of the rows. Another file with the same classes, or this one shuffled, "
        "gives another.",
    ),
    Mistake(
        _named(lambda labels: sorted(set(labels), reverse=True)),
        "Your order is fixed, but backwards. Both scripts have to agree on one: the alphabet's.",
    ),
    Mistake(
        _named(lambda labels: [name for name, _ in Counter(labels).most_common()]),
        "Your order is by how often a class comes. A few more rows, and two classes change places.",
    ),
    Mistake(
        _named(sorted),
        "A name comes once for each row. The network has one output per class: name each once.",
    ),
    Mistake(
        _named(lambda labels: sorted({label.lower() for label in labels})),
        "You changed the names. Whether Bee and bee are one class is decided when the data are "
        "cleaned, for all scripts at once; here names stay as they stand.",
    ),
    Mistake(
        _named(lambda labels: sorted(set(labels), key=str.lower)),
        "You sorted without regard to case. The order of Bee and bee would then be left to the "
        "set: sort the names as they stand.",
    ),
)


def _class_list(value: Any) -> str:
    return _listed(_texts(value, "the name of a class"))


def naming(function: Any) -> str | None:
    """Judge `function(labels) -> names of the classes`."""
    return compare(
        function,
        _NAME_CASES,
        _named(lambda labels: sorted(set(labels))),
        _NAME_MISTAKES,
        _class_list,
    )
