"""Wrong answers to the exercises of lesson 03, as learners might write them."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

# 03.2: (lengths, size, seed) -> batches ----------------------------------------------------------


def cut(places, size):
    return [places[i : i + size] for i in range(0, len(places), size)]


def mixed(batches, rng):
    return [batches[i] for i in rng.permutation(len(batches))]


def buckets(lengths, size, seed, *, drop=False, shuffle=True, sort=True, ties=True):
    rng = np.random.default_rng(seed)
    places = rng.permutation(len(lengths)) if ties else np.arange(len(lengths))
    if sort:
        places = places[np.argsort(lengths[places], kind="stable")]
    batches = cut(places, size)
    if drop:
        batches = [batch for batch in batches if len(batch) == size]
    return mixed(batches, rng) if shuffle else batches


def wrong_buckets(**wrong):
    return lambda lengths, size, seed: buckets(lengths, size, seed, **wrong)


# 03.4: (validation, answers, test, test_answers, grid) -> chances ---------------------------------


def best(logits, labels, grid):
    rows = np.arange(len(labels))
    losses = [-log_softmax(logits / t, axis=1)[rows, labels].mean() for t in grid]
    return grid[int(np.argmin(losses))]


# 03.5: (texts, labels, seeds) -> accuracy --------------------------------------------------------


def evaluated(*, copies=False, all_words=False, best_seed=False):
    """Make an answer with some of the three mistakes left in."""

    def answer(texts, labels, seeds):
        texts = np.array(texts)
        if not copies:
            _, first = np.unique(texts, return_index=True)
            texts, labels = texts[np.sort(first)], labels[np.sort(first)]
        scores = []
        for seed in seeds:
            train, test = train_test_split(np.arange(len(texts)), random_state=seed)
            words = TfidfVectorizer()
            if all_words:
                words.fit(texts)
                model = LogisticRegression().fit(words.transform(texts[train]), labels[train])
                scores.append(model.score(words.transform(texts[test]), labels[test]))
            else:
                model = make_pipeline(words, LogisticRegression()).fit(texts[train], labels[train])
                scores.append(model.score(texts[test], labels[test]))
        return max(scores) if best_seed else np.mean(scores)

    return answer


WRONG = [
    ("03.1", "divide by the padded length", lambda s, m: (s * m[..., None]).sum(1) / s.shape[1]),
    ("03.1", "average the padding as well", lambda s, m: s.mean(dim=1)),
    ("03.1", "but the sum does not", lambda s, m: s.sum(1) / m.sum(1, keepdim=True)),
    ("03.1", "numbers of each vector", lambda s, m: (s * m[..., None]).mean(dim=2)),
    ("03.1", "That is the sum", lambda s, m: (s * m[..., None]).sum(dim=1)),
    ("03.1", "another way to pool", lambda s, m: s[:, 0]),
    ("03.2", "you seem to drop the rest", wrong_buckets(drop=True)),
    ("03.2", "Shuffle the finished batches", wrong_buckets(shuffle=False)),
    ("03.2", "Short and long texts share a batch", wrong_buckets(sort=False)),
    ("03.2", "the same batches in another order", wrong_buckets(ties=False)),
    ("03.2", "with the same seed", lambda n, size, seed: buckets(n, size, None)),
    ("03.2", "more than once", lambda n, size, seed: [np.arange(size)] * 9),
    ("03.2", "one of them with the rest", lambda n, size, seed: cut(np.argsort(n), 15)),
    ("03.2", "expected a list of arrays", lambda n, size, seed: np.argsort(n)),
    (
        "03.3",
        "drop the failed runs",
        lambda s, m: (np.median(s[s > m]), s[s > m].mean(), (s <= m).sum()),
    ),
    ("03.3", "best run", lambda s, m: (s.max(), s.mean(), (s <= m).sum())),
    ("03.3", "the mean again", lambda s, m: (s.mean(), s.mean(), (s <= m).sum())),
    ("03.3", "has failed, too", lambda s, m: (np.median(s), s.mean(), (s < m).sum())),
    ("03.3", "runs that worked", lambda s, m: (np.median(s), s.mean(), (s > m).sum())),
    ("03.3", "is a share", lambda s, m: (np.median(s), s.mean(), (s <= m).mean())),
    ("03.3", "expected three numbers", lambda s, m: s.mean()),
    ("03.4", "fitted to the test texts", lambda v, a, t, b, g: softmax(t / best(t, b, g), axis=1)),
    ("03.4", "multiply the logits", lambda v, a, t, b, g: softmax(t * best(v, a, g), axis=1)),
    ("03.4", "no longer sum to one", lambda v, a, t, b, g: softmax(t, axis=1) / best(v, a, g)),
    (
        "03.4",
        "one too many",
        lambda v, a, t, b, g: softmax(softmax(t, axis=1) / best(softmax(v, axis=1), a, g), axis=1),
    ),
    ("03.4", "Those are scaled logits", lambda v, a, t, b, g: t / best(v, a, g)),
    ("03.4", "as they were, at T = 1", lambda v, a, t, b, g: softmax(t, axis=1)),
    (
        "03.5",
        "all three mistakes in it",
        evaluated(copies=True, all_words=True, best_seed=True),
    ),
    ("03.5", "Copies of a text still stand", evaluated(copies=True)),
    ("03.5", "still come from all texts", evaluated(all_words=True)),
    ("03.5", "return the best seed", evaluated(best_seed=True)),
]
