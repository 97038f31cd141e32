"""Answers to the exercises of lesson 06, as learners might write them, wrong and right."""

import numpy as np
from scipy import stats
from scipy.special import softmax

# 06.1: (support, labels, queries) -> classes ------------------------------------------------------


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by(choose, read=unit, after=unit):
    """Make an answer that averages `read(support)` per class and compares `after(...)`."""

    def classify(support, labels, queries):
        classes = np.unique(labels)
        means = np.stack([read(support)[labels == c].mean(axis=0) for c in classes])
        return classes[choose(after(queries) @ after(means).T)]

    return classify


def most(scores):
    return scores.argmax(axis=1)


def plain(rows):
    return rows


def nearest_by_distance(support, labels, queries):
    classes = np.unique(labels)
    means = np.stack([support[labels == c].mean(axis=0) for c in classes])
    return classes[((queries[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)]


def nearest_example(support, labels, queries):
    return labels[most(unit(queries) @ unit(support).T)]


def places(support, labels, queries):
    means = np.stack([unit(support)[labels == c].mean(axis=0) for c in np.unique(labels)])
    return most(unit(queries) @ unit(means).T)


def one_mean(support, labels, queries):
    mean = unit(support).mean(axis=0)
    return np.unique(labels)[(unit(queries) @ np.stack([mean] * len(set(labels))).T).argmax(axis=1)]


# 06.2: (log_probs, tokens, start) -> number -------------------------------------------------------


def looked_up(log_probs, tokens, start, back=1):
    return [log_probs[t - back, tokens[t]] for t in range(start, len(tokens))]


# 06.3: (scores, free) -> probabilities ------------------------------------------------------------


def soft(rows):
    return softmax(rows, axis=1)


def scaled(rows):
    return rows / rows.sum(axis=1, keepdims=True)


# 06.4: (zero, random, true, delta) -> word --------------------------------------------------------


def told(labels, form):
    names = {(1, 1): "labels and format", (1, 0): "labels", (0, 1): "format", (0, 0): "cannot tell"}
    return names[bool(labels), bool(form)]


def low(gaps):
    half = stats.t.ppf(0.975, len(gaps) - 1) * np.std(gaps, ddof=1) / np.sqrt(len(gaps))
    return np.mean(gaps) - half


def apart(a, b):
    return stats.ttest_ind(a, b, equal_var=False).confidence_interval().low


WRONG = [
    ("06.1", "single most alike example", nearest_example),
    ("06.1", "one long vector outvotes", by(most, read=plain)),
    ("06.1", "You measured distances", nearest_by_distance),
    ("06.1", "wins everywhere", by(most, read=plain, after=plain)),
    ("06.1", "argmin for argmax", by(lambda scores: scores.argmin(axis=1))),
    ("06.1", "the place of the prototype", places),
    ("06.1", "Every query got the same class", one_mean),
    ("06.2", "in its own row", lambda p, t, s: sum(looked_up(p, t, s, back=0))),
    ("06.2", "first token of the label only", lambda p, t, s: looked_up(p, t, s)[0]),
    ("06.2", "last token of the label only", lambda p, t, s: looked_up(p, t, s)[-1]),
    ("06.2", "You averaged over", lambda p, t, s: np.mean(looked_up(p, t, s))),
    ("06.2", "You returned a probability", lambda p, t, s: np.exp(sum(looked_up(p, t, s)))),
    ("06.2", "tokens of the prompt, too", lambda p, t, s: sum(looked_up(p, t, 1))),
    ("06.2", "You began one token late", lambda p, t, s: sum(looked_up(p, t, s + 1))),
    ("06.2", "whichever it is", lambda p, t, s: p[s - 1 : -1].max(axis=1).sum()),
    ("06.3", "changed nothing", lambda s, f: soft(s)),
    ("06.3", "You divided logarithms", lambda s, f: soft(s / f.mean(axis=0))),
    ("06.3", "average of the queries", lambda s, f: scaled(soft(s) / soft(s).mean(axis=0))),
    ("06.3", "do not sum to 1", lambda s, f: soft(s) / soft(f).mean(axis=0)),
    ("06.3", "You multiplied", lambda s, f: scaled(soft(s) * soft(f).mean(axis=0))),
    ("06.3", "first content-free question only", lambda s, f: scaled(soft(s) / soft(f)[0])),
    ("06.3", "softmax first", lambda s, f: scaled(soft(s) / np.exp(f).mean(axis=0))),
    ("06.3", "averages their probabilities", lambda s, f: soft(s - f.mean(axis=0))),
    (
        "06.4",
        "You compared means alone",
        lambda z, r, t, d: told(np.mean(t - r) > d, np.mean(r - z) > d),
    ),
    ("06.4", "among five topics", lambda z, r, t, d: told(low(t) - 0.2 > d, low(r) - 0.2 > d)),
    (
        "06.4",
        "what the format did as well",
        lambda z, r, t, d: told(low(t - z) > d, low(r - z) > d),
    ),
    ("06.4", "for separate runs", lambda z, r, t, d: told(apart(t, r) > d, apart(r, z) > d)),
    (
        "06.4",
        "whether a difference is above 0",
        lambda z, r, t, d: told(low(t - r) > 0, low(r - z) > 0),
    ),
    ("06.4", "the first draw only", lambda z, r, t, d: told(t[0] - r[0] > d, r[0] - z[0] > d)),
    ("06.4", "Then labels count twice", lambda z, r, t, d: told(low(t - r) > d, low(t - z) > d)),
    ("06.4", "expected one of", lambda z, r, t, d: "yes"),
    ("06.5", "still the bug", lambda v, t: max(t)),
    ("06.5", "it promises too much", lambda v, t: max(v)),
    ("06.5", "picked blindly", lambda v, t: np.mean(t)),
    ("06.5", "worst on validation", lambda v, t: t[np.argmin(v)]),
    ("06.5", "Half of the choice", lambda v, t: t[np.argmax(v + t)]),
    ("06.5", "the first prompt, whatever", lambda v, t: t[0]),
]
