"""Wrong answers to the exercises of lesson 07, as learners might write them."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import stats

# 07.1: (names, testing) -> (train, test) ----------------------------------------------------------


def patient_of(name):
    stem = Path(name).stem
    return stem.rpartition("_")[0] or stem


def by(read=patient_of, order=dict.fromkeys, last=False):
    """Make an answer that reads and orders patients in its own way."""

    def parts(names, testing):
        patients = list(order([read(name) for name in names]))
        chosen = patients[-testing:] if last else patients[:testing]
        test = [name for name in names if read(name) in chosen]
        return [name for name in names if name not in test], test

    return parts


def by_beginning(names, testing):
    chosen = tuple(dict.fromkeys(map(patient_of, names)))[:testing]
    test = [name for name in names if name.startswith(chosen)]
    return [name for name in names if name not in test], test


def one_patient_after_the_other(names, testing):
    files = {}
    for name in names:
        files.setdefault(patient_of(name), []).append(name)
    rows = list(files.values())
    return sum(rows[testing:], []), sum(rows[:testing], [])


def patients_themselves(names, testing):
    patients = list(dict.fromkeys(map(patient_of, names)))
    return patients[testing:], patients[:testing]


# 07.2: rows -> (train, test) ----------------------------------------------------------------------


def cured(
    *,
    empty=str.strip,
    text=str.strip,
    label=lambda label: label.strip().lower(),
    clash="out",
    copies="first",
    across="test",
    fewest=0,
):
    """Make an answer with some mistakes in it."""

    def cures(rows):
        left = [
            (i, text(row["text"]), label(row["label"]), row["part"])
            for i, row in enumerate(rows)
            if empty(row["text"])
        ]
        names = Counter(name for _, _, name, _ in left)
        left = [row for row in left if names[row[2]] >= fewest]
        left = thinned(settled(left, clash), copies)
        train, test = ({t for _, t, _, p in left if p == part} for part in ("train", "test"))
        leave = {
            "test": {("train", t) for t in test},
            "train": {("test", t) for t in train},
            "neither": {(p, t) for p in ("train", "test") for t in train & test},
            "both": set(),
        }[across]
        left = [row for row in left if (row[3], row[1]) not in leave]
        return tuple([i for i, _, _, p in left if p == part] for part in ("train", "test"))

    return cures


def settled(left, clash):
    """Return rows after a cure for copies with different labels."""
    if clash == "both":
        return left
    out = []
    for row in left:
        same = [other for other in left if other[1] == row[1]]
        same = [other for other in same if other[3] == row[3]] if clash == "in a part" else same
        found = [name for _, _, name, _ in same]
        if clash == "first":
            stays = row[2] == found[0]
        elif clash == "vote":
            stays = row[2] == Counter(found).most_common(1)[0][0]
        else:
            stays = len(set(found)) == 1
        out += [row] if stays else []
    return out


def thinned(left, copies):
    """Return rows after a cure for copies in one part."""
    counts = Counter((t, p) for _, t, _, p in left)
    if copies == "all":
        return left
    if copies == "none":
        return [row for row in left if counts[row[1], row[3]] == 1]
    if copies == "by label":
        return sorted({row[1:]: row for row in reversed(left)}.values())
    if copies == "train":
        first = thinned(left, "first")
        return [row for row in left if row in first or row[3] == "test"]
    rows = left if copies == "last" else left[::-1]
    return sorted({(t, p): (i, t, name, p) for i, t, name, p in rows}.values())


def counted_anew(rows):
    own = [[i for i, row in enumerate(rows) if row["part"] == part] for part in ("train", "test")]
    return tuple([o.index(i) for i in side] for o, side in zip(own, cured()(rows), strict=True))


# 07.3: (arms, budget) -> name ---------------------------------------------------------------------

NONE = "not enough evidence"


def fastest(arms):
    return min(arms, key=lambda name: arms[name][3])


def highest(arms, by=1):
    return max(arms, key=lambda name: arms[name][by])


def fitting(arms, budget):
    return {name: arm for name, arm in arms.items() if arm[3] <= budget}


def chosen(
    fits=fitting,
    tied=lambda arm, first: arm[2] >= first[0],
    unsure=lambda tied, fit, arms: len(fit) > 1 and len(tied) == len(fit),
):
    """Make an answer with some mistakes in it."""

    def choose(arms, budget):
        fit = fits(arms, budget)
        first = fit[highest(fit)]
        alike = {name: arm for name, arm in fit.items() if tied(arm, first)}
        return NONE if unsure(alike, fit, arms) else fastest(alike)

    return choose


def first_of_all(arms, budget):
    fit, first = fitting(arms, budget), arms[highest(arms)]
    alike = {name: arm for name, arm in fit.items() if arm[2] >= first[0]}
    if len(fit) > 1 and len(alike) == len(fit):
        return NONE
    return fastest(alike)


def above_zero(choice):
    def choose(arms, budget):
        sure = {name: arm for name, arm in fitting(arms, budget).items() if arm[0] > 0}
        return choice(sure) if sure else NONE

    return choose


# 07.4: (labels, scores) -> (low, mean, high) ------------------------------------------------------


def each(labels, scores):
    return np.array([stats.linregress(np.log2(labels), row).slope for row in scores])


def interval(slopes, factor=None, ddof=1):
    factor = stats.t.ppf(0.975, len(slopes) - 1) if factor is None else factor
    half = factor * np.std(slopes, ddof=ddof) / np.sqrt(len(slopes))
    return np.mean(slopes) - half, np.mean(slopes), np.mean(slopes) + half


def over(axis, times=lambda labels: 1.0):
    """Make an answer that fits lines over another axis."""
    return lambda n, s: interval(np.array([np.polyfit(axis(n), row, 1)[0] for row in s]) * times(n))


def of_the_mean_curve(labels, scores):
    slope = np.polyfit(np.log2(labels), scores.mean(axis=0), 1)[0]
    return slope, slope, slope


def of_all_points(labels, scores):
    found = stats.linregress(np.tile(np.log2(labels), len(scores)), scores.ravel())
    half = stats.t.ppf(0.975, scores.size - 2) * found.stderr
    return found.slope - half, found.slope, found.slope + half


WRONG = [
    ("07.1", "You counted files", lambda names, k: (names[k:], names[:k])),
    ("07.1", "at the first underscore", by(lambda name: Path(name).stem.split("_")[0])),
    ("07.1", "And: ", by(lambda name: name.split("_")[0])),
    (
        "07.1",
        "left the extension",
        by(lambda name: name.rsplit("_", 1)[0] if "_" in name else name),
    ),
    ("07.1", "lost all of its text", by(lambda name: Path(name).stem.rpartition("_")[0])),
    ("07.1", "numbers only", by(lambda name: re.sub(r"_[0-9]+$", "", Path(name).stem))),
    ("07.1", "at its first dot", by(lambda name: patient_of(name.split(".")[0]))),
    ("07.1", "changed the case", by(lambda name: patient_of(name).lower())),
    ("07.1", "You sorted the patients", by(order=lambda patients: sorted(set(patients)))),
    ("07.1", "the last patients", by(last=True)),
    ("07.1", "You compared beginnings", by_beginning),
    ("07.1", "You returned test first", lambda names, k: by()(names, k)[::-1]),
    ("07.1", "but patient by patient", one_patient_after_the_other),
    ("07.1", "You returned the patients", patients_themselves),
    ("07.1", "two lists", lambda names, k: names),
    ("07.1", "which has no order", lambda names, k: tuple(map(set, by()(names, k)))),
    ("07.1", "found 0 (int)", lambda names, k: ([0], [1])),
    ("07.2", "because it is rare", cured(fewest=2)),
    ("07.2", "because it is rare", cured(fewest=3)),
    ("07.2", "No row is left", cured(fewest=10)),
    ("07.2", "of each part from 0", counted_anew),
    ("07.2", "You returned test first", lambda rows: cured()(rows)[::-1]),
    ("07.2", "without any text stays", cured(empty=lambda text: True)),
    ("07.2", "spaces alone stays", cured(empty=lambda text: text != "")),
    ("07.2", "Copies in train stay", cured(copies="all")),
    ("07.2", "you kept the last", cured(copies="last")),
    ("07.2", "You left out all copies", cured(copies="none")),
    ("07.2", "Copies in the test stay", cured(copies="train")),
    ("07.2", "differ in outer spaces alone", cured(text=str)),
    ("07.2", "knows by heart", cured(across="both")),
    ("07.2", "out of the test because", cured(across="train")),
    ("07.2", "left both", cured(across="neither")),
    ("07.2", "you kept the first", cured(clash="both")),
    ("07.2", "you kept the first", cured(clash="first")),
    ("07.2", "labels of copies vote", cured(clash="vote")),
    ("07.2", "under two labels", cured(clash="both", copies="by label")),
    ("07.2", "over both parts", cured(clash="in a part")),
    ("07.2", "'Spam' and 'spam'", cured(label=str.strip)),
    ("07.2", "'spam ' and 'spam'", cured(label=str.lower)),
    ("07.2", "may well tell spam", cured(text=lambda text: text.strip().lower())),
    ("07.2", "you returned rows", lambda rows: (rows, rows)),
    ("07.2", "two lists", lambda rows: [0, 1, 2]),
    ("07.3", "of all arms, and", lambda arms, budget: highest(arms)),
    ("07.3", "left the budget out", chosen(fits=lambda arms, budget: arms)),
    ("07.3", "inside the intervals", lambda arms, budget: highest(fitting(arms, budget))),
    ("07.3", "however far behind", lambda arms, budget: fastest(fitting(arms, budget))),
    ("07.3", "highest low end", lambda arms, budget: highest(fitting(arms, budget), by=0)),
    ("07.3", "You never say", chosen(unsure=lambda tied, fit, arms: False)),
    ("07.3", "wherever two are tied", chosen(unsure=lambda tied, fit, arms: len(tied) > 1)),
    ("07.3", "where one arm fits", chosen(unsure=lambda tied, fit, arms: len(tied) == len(fit))),
    ("07.3", "whether all arms are tied", chosen(unsure=lambda tied, fit, arms: tied == arms)),
    ("07.3", "whether the other's mean", chosen(tied=lambda arm, first: arm[1] >= first[0])),
    ("07.3", "Intervals that touch", chosen(tied=lambda arm, first: arm[2] > first[0])),
    (
        "07.3",
        "takes exactly the budget",
        chosen(fits=lambda arms, budget: {n: a for n, a in arms.items() if a[3] < budget}),
    ),
    ("07.3", "may be over the budget", first_of_all),
    ("07.3", "gains are above 0", above_zero(highest)),
    ("07.3", "gains are above 0", above_zero(fastest)),
    ("07.3", "expected the name of an arm", lambda arms, budget: 0.05),
    ("07.4", "straight over the number", over(np.array, times=lambda n: n[-1])),
    ("07.4", "a gain per label", over(np.array)),
    ("07.4", "natural logarithm", over(np.log)),
    ("07.4", "You took log10", over(np.log10)),
    ("07.4", "has no width", of_the_mean_curve),
    ("07.4", "points of all runs", of_all_points),
    (
        "07.4",
        "last two numbers",
        lambda n, s: interval(np.diff(s[:, -2:])[:, 0] / np.log2(n[-1] / n[-2])),
    ),
    ("07.4", "You took the last gain", lambda n, s: interval(np.diff(s[:, -2:])[:, 0])),
    (
        "07.4",
        "from the first score to the last",
        lambda n, s: interval((s[:, -1] - s[:, 0]) / np.log2(n[-1] / n[0])),
    ),
    ("07.4", "the gain of a step", over(lambda n: np.arange(len(n)))),
    ("07.4", "You used 1.96", lambda n, s: interval(each(n, s), 1.96)),
    ("07.4", "is divided by J", lambda n, s: interval(each(n, s), ddof=0)),
    ("07.4", "Two things", lambda n, s: interval(each(n, s), 1.96, ddof=0)),
    (
        "07.4",
        "J degrees of freedom",
        lambda n, s: interval(each(n, s), stats.t.ppf(0.975, len(s))),
    ),
    ("07.4", "leaves 5 %", lambda n, s: interval(each(n, s), stats.t.ppf(0.95, len(s) - 1))),
    (
        "07.4",
        "where one more run may lie",
        lambda n, s: interval(each(n, s), stats.t.ppf(0.975, len(s) - 1) * np.sqrt(len(s))),
    ),
    ("07.4", "the mean first", lambda n, s: [interval(each(n, s))[i] for i in (1, 0, 2)]),
    ("07.4", "three numbers", lambda n, s: float(each(n, s).mean())),
    ("07.5", "still the bug", lambda labels: list(set(labels))),
    ("07.5", "that of the rows", lambda labels: list(dict.fromkeys(labels))),
    ("07.5", "but backwards", lambda labels: sorted(set(labels))[::-1]),
    (
        "07.5",
        "how often a class comes",
        lambda labels: [name for name, _ in Counter(labels).most_common()],
    ),
    ("07.5", "once for each row", sorted),
    ("07.5", "You changed the names", lambda labels: sorted({x.lower() for x in labels})),
    ("07.5", "without regard to case", lambda labels: sorted(set(labels), key=str.casefold)),
    ("07.5", "which has no order", set),
    ("07.5", "(dict)", lambda labels: {x: i for i, x in enumerate(sorted(set(labels)))}),
]

# Other right ways to the same answers.
RIGHT = [
    ("07.1", by()),
    ("07.2", cured()),
    ("07.2", lambda rows: [np.array(side) for side in cured()(rows)]),
    ("07.3", chosen()),
    ("07.4", lambda n, s: interval(each(n, s))),
    ("07.5", np.unique),
]
