"""How fast the course is beside other libraries: the recorded trials as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from companion.evidence.claims import Finding
from companion.evidence.intervals import Interval, t_interval
from companion.experiments.beside_peers import OURS, ROWS
from companion.experiments.ledger import rows_or_none

NAME = "beside_peers"
COSTS = {  # of the experiment `costs`, in words
    "pictures": "reading a batch, of so many pictures in a file",
    "activations": "reading a batch, of so many stored activations in a file",
    "texts": "reading a batch, of so many texts",
    "freezing": "training a picture network, cached up to",
    "length": "training a whole text network, tokens of each text",
    "processes": "training a whole picture network, processes",
}
BAR = 12  # characters of the longest bar of a curve
EIGHTHS = " ▏▎▍▌▋▊▉█"  # blocks of 0 to 8 eighths of a character
GAIN = "accuracy, companion minus best peer"


def speeds_table(found: Iterable[Finding]) -> str:
    """Return a Markdown table of the claims on speed: ratio, goal, verdict and accuracy."""
    lines = ["| claim | | times faster, 95 % interval | goal | verdict | fastest peer | accuracy |"]
    lines.append("|---" * 7 + "|")
    for f in (f for f in found if f.claim.experiment == NAME):
        trials = trials_of(f.claim.better["arm"])
        ratio = as_ratio(f.effect) if f.effect else "not recorded"
        lines.append(
            f"| **{f.claim.id}** | {f.claim.text} | {ratio} | {f.claim.delta:g} | {f.verdict} "
            f"| {fastest_peer(trials)} | {gain(trials)} |"
        )
    return "\n\n" + "\n".join(lines) + "\n\n"


def sides_table() -> str:
    """Return a Markdown table of what each side took: seconds, accuracy, memory, waiting."""
    heads = (
        "| | side | seconds | accuracy | ours minus its accuracy | peak memory | waits for data |"
    )
    lines = [heads, "|---" * 7 + "|"]
    for row in ROWS:
        trials = trials_of(row.name)
        if not trials:
            continue
        for side in (OURS, *row.peers):
            cells = [mean_of(trials, f"{what}, {side}") for what in ("seconds", "accuracy")]
            cells.append("" if side == OURS else gain_over(trials, side))
            memory = mean_of(trials, f"peak memory, {side}", scale=2**-30)
            memory += " GiB" if memory else ""
            waiting = mean_of(trials, f"waiting, {side}", scale=100)
            waiting += " %" if waiting else ""
            name = row.name if side == OURS else ""
            lines.append(f"| {name} | {side} | {' | '.join(cells)} | {memory} | {waiting} |")
    return "\n\n" + "\n".join(lines) + "\n\n"


def costs_table() -> str:
    """Return a Markdown table of what examples, freezing, length and processes cost, with bars."""
    lines = ["| | | milliseconds a step | | peak memory | |", "|---" * 6 + "|"]
    rows = [row for row in rows_or_none("costs", "cpu") if row["status"] == "ok"]
    for arm, what in COSTS.items():
        mine = [row for row in rows if row["spec"]["arm"] == arm]
        sizes = list(dict.fromkeys(row["spec"]["n"] for row in mine))
        steps = [mean_at(mine, n, "seconds", scale=1000) for n in sizes]
        memory = [mean_at(mine, n, "peak memory", scale=2**-30) for n in sizes]
        for i, n in enumerate(sizes):
            cells = ["" if i else what, f"{n:,}" if isinstance(n, int) else n]
            cells += [digits(steps[i]), bar(steps[i], steps)]
            cells += [f"{digits(memory[i])} GiB", bar(memory[i], memory)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n\n" + "\n".join(lines) + "\n\n"


def mean_at(rows: list[dict], n: int | str, name: str, scale: float) -> float:
    """Return the mean of a score over the trials at one point of a curve."""
    return float(np.mean([scale * row["scores"][name] for row in rows if row["spec"]["n"] == n]))


def bar(value: float, curve: list[float]) -> str:
    """Return a bar as long as `value` is large; that of the largest of its `curve` is BAR long."""
    whole, eighths = divmod(max(1, round(8 * BAR * value / max(curve))), 8)
    return EIGHTHS[8] * whole + EIGHTHS[eighths].strip()


def trials_of(arm: str) -> list[dict]:
    """Return the recorded trials of one row, as their scores, with the fastest peer of each."""
    rows = rows_or_none(NAME, "cpu")
    return [
        row["scores"] | {"best peer": row["best peer"]}
        for row in rows
        if row["spec"]["arm"] == arm and row["status"] == "ok"
    ]


def fastest_peer(trials: list[dict]) -> str:
    """Return the peer that was most often the fastest."""
    counts = Counter(trial["best peer"] for trial in trials)
    return counts.most_common(1)[0][0] if counts else ""


def gain(trials: list[dict]) -> str:
    """Return ours minus the fastest peer's accuracy with its interval, where there is one."""
    gains = [trial[GAIN] for trial in trials if GAIN in trial]
    return str(t_interval(np.array(gains))) if len(gains) > 1 else ""


def gain_over(trials: list[dict], side: str) -> str:
    """Return ours minus the accuracy of one side with its interval, where both have one."""
    ours, theirs = f"accuracy, {OURS}", f"accuracy, {side}"
    gains = [trial[ours] - trial[theirs] for trial in trials if {ours, theirs} <= {*trial}]
    return str(t_interval(np.array(gains))) if len(gains) > 1 else ""


def as_ratio(interval: Interval) -> str:
    """Return a ratio with its interval to three digits."""
    return f"{interval.mean:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def mean_of(trials: list[dict], name: str, scale: float = 1.0) -> str:
    """Return the mean of a score over the trials that have it, to three digits."""
    found = [scale * trial[name] for trial in trials if name in trial]
    return digits(np.mean(found)) if found else ""


def digits(value: float) -> str:
    """Return a number to three digits."""
    return f"{float(f'{value:.3g}'):,g}"
