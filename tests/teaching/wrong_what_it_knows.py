"""Wrong answers to the exercises of lesson 01, as learners might write them."""

import math

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# 01.1: (features, query) -> places ---------------------------------------------------------------


def cosines(features, query):
    norms = np.linalg.norm(features, axis=1)
    return features @ features[query] / norms / norms[query]


def without(likeness, query):
    return [i for i in np.argsort(-likeness) if i != query][:5]


# 01.2: (model, upto, train, labels, test) -> chances ---------------------------------------------


def probed(read, mode=False):
    """Make an answer: `read` gives the features of pictures, the network in train mode or not."""

    def answer(model, upto, train, labels, test):
        model.train(mode)
        with torch.no_grad():
            a, b = (read(model, upto, x).numpy() for x in (train, test))
        probe = make_pipeline(StandardScaler(), LogisticRegression()).fit(a, labels)
        return probe.predict_proba(b)[:, 1]

    return answer


def after_block(model, upto, x):
    return model[: upto + 1](x).mean(dim=(2, 3))


def scaled_by_itself(model, upto, train, labels, test):
    model.eval()
    with torch.no_grad():
        a, b = (after_block(model, upto, x).numpy() for x in (train, test))
    probe = LogisticRegression().fit(StandardScaler().fit_transform(a), labels)
    return probe.predict_proba(StandardScaler().fit_transform(b))[:, 1]


def scaled_on_everything(model, upto, train, labels, test):
    model.eval()
    with torch.no_grad():
        a, b = (after_block(model, upto, x).numpy() for x in (train, test))
    scaler = StandardScaler().fit(np.concatenate([a, b]))
    probe = LogisticRegression().fit(scaler.transform(a), labels)
    return probe.predict_proba(scaler.transform(b))[:, 1]


right_probe = probed(after_block)

# 01.3: (labels, chances) -> three scores ---------------------------------------------------------


def said(chances):
    return (chances >= 0.5).astype(int)


def best_threshold(labels, chances):
    cuts = [(chances >= cut).astype(int) for cut in sorted(set(chances.tolist()))]
    answers = max(cuts, key=lambda a: accuracy_score(labels, a))
    return (
        accuracy_score(labels, answers),
        balanced_accuracy_score(labels, answers),
        roc_auc_score(labels, chances),
    )


# 01.4: (labels, scores, target) -> number of labels ----------------------------------------------


def along(mean, labels, target, axis=np.log, back=np.exp):
    if target > mean.max():
        return math.inf
    i = int(np.flatnonzero(mean >= target)[0])
    if i == 0:
        return float(labels[0])
    ends = axis(labels[i - 1 : i + 1].astype(float))
    return float(back(np.interp(target, mean[i - 1 : i + 1], ends)))


def same(x):
    return x


def extended(labels, scores, target):
    mean = scores.mean(axis=0)
    if target <= mean[-1]:
        return along(mean, labels, target)
    slope, level = np.polyfit(np.log(labels[-2:]), mean[-2:], 1)
    return float(np.exp((target - level) / slope))


# 01.5: (features, labels, train, validation, test) -> AUROC --------------------------------------


def searched(on_all=False, by_test=False, hard=False, report=False):
    """Make an answer with some of the three mistakes."""

    def answer(features, labels, train, validation, test):
        found = {}
        for block, x in features.items():
            scaler = StandardScaler().fit(x if on_all else x[train])
            probe = LogisticRegression().fit(scaler.transform(x[train]), labels[train])
            ask = probe.predict if hard else lambda z, probe=probe: probe.predict_proba(z)[:, 1]
            found[block] = {
                name: roc_auc_score(labels[ids], ask(scaler.transform(x[ids])))
                for name, ids in (("validation", validation), ("test", test))
            }
        chooser = "test" if by_test else "validation"
        best = max(found, key=lambda block: found[block][chooser])
        return found[best]["validation" if report else "test"]

    return answer


WRONG = [
    ("01.1", "its own neighbour", lambda f, q: np.argsort(-cosines(f, q))[:5]),
    ("01.1", "plain products", lambda f, q: without(f @ f[q], q)),
    ("01.1", "least like of them first", lambda f, q: without(cosines(f, q), q)[::-1]),
    ("01.1", "five least like", lambda f, q: np.argsort(cosines(f, q))[:5]),
    ("01.1", "distance between", lambda f, q: without(-np.linalg.norm(f - f[q], axis=1), q)),
    ("01.1", "Those are the cosines", lambda f, q: np.sort(cosines(f, q))[::-1][1:6]),
    ("01.1", "five places", lambda f, q: without(cosines(f, q), q)[:3]),
    ("01.2", "in train mode", probed(after_block, mode=True)),
    ("01.2", "what leaves the head", probed(lambda m, upto, x: m(x))),
    ("01.2", "one block too early", probed(lambda m, upto, x: m[:upto](x).mean(dim=(2, 3)))),
    ("01.2", "seen the test pictures", scaled_on_everything),
    ("01.2", "of their own", scaled_by_itself),
    ("01.2", "every place of a map", probed(lambda m, upto, x: m[: upto + 1](x).flatten(1))),
    ("01.2", "chances of class 0", lambda *case: 1 - right_probe(*case)),
    ("01.2", "Those are answers", lambda *case: np.round(right_probe(*case))),
    ("01.2", "one chance for each", lambda *case: right_probe(*case)[:3]),
    (
        "01.3",
        "asked of the answers",
        lambda y, p: (
            accuracy_score(y, said(p)),
            balanced_accuracy_score(y, said(p)),
            roc_auc_score(y, said(p)),
        ),
    ),
    (
        "01.3",
        "what really is 0 and 1",
        lambda y, p: (
            accuracy_score(y, said(p)),
            precision_score(y, said(p), average="macro", zero_division=0),
            roc_auc_score(y, p),
        ),
    ),
    ("01.3", "choose the threshold", best_threshold),
    (
        "01.3",
        "balanced accuracy is the accuracy",
        lambda y, p: (accuracy_score(y, said(p)),) * 2 + (roc_auc_score(y, p),),
    ),
    (
        "01.3",
        "turned round",
        lambda y, p: (
            accuracy_score(y, said(p)),
            balanced_accuracy_score(y, said(p)),
            roc_auc_score(y, -p),
        ),
    ),
    ("01.3", "three numbers", lambda y, p: accuracy_score(y, said(p))),
    ("01.4", "curve in labels", lambda n, s, t: along(s.mean(0), n, t, same, same)),
    ("01.4", "extend the curve", extended),
    ("01.4", "best seed at each", lambda n, s, t: along(s.max(0), n, t)),
    ("01.4", "first seed only", lambda n, s, t: along(s[0], n, t)),
    (
        "01.4",
        "that was tried and reached it",
        lambda n, s, t: next(
            (float(k) for k, m in zip(n, s.mean(0), strict=True) if m >= t), math.inf
        ),
    ),
    ("01.4", "says it was reached there", lambda n, s, t: min(along(s.mean(0), n, t), 1000.0)),
    ("01.4", "expected one number", lambda n, s, t: "more than 1000"),
    ("01.5", "all three mistakes in it", searched(True, True, True)),
    ("01.5", "scaler seems to be fitted to all cells", searched(on_all=True)),
    ("01.5", "You seem to choose the block by the test", searched(by_test=True)),
    ("01.5", "asked of answers, 0 or 1", searched(hard=True)),
    ("01.5", "validation score that chose", searched(report=True)),
]
