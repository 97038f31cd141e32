"""Wrong answers to the exercises of lesson 04, as learners might write them."""

import string

import numpy as np

# 04.1: (words, labels) -> labels of tokens --------------------------------------------------------


def every_token(words, labels):
    return [-100 if word is None else labels[word] for word in words]


def specials_are_o(words, labels):
    out, last = [], None
    for word in words:
        out.append(0 if word is None else -100 if word == last else labels[word])
        last = word
    return out


def all_else_is_o(words, labels):
    last, out = None, []
    for word in words:
        out.append(labels[word] if word is not None and word != last else 0)
        last = word
    return out


def inside(words, labels):
    out, last = [], None
    for word in words:
        if word is None:
            out.append(-100)
        elif word != last:
            out.append(labels[word])
        else:
            out.append({0: 0, 1: 2, 2: 2}[labels[word]])
        last = word
    return out


def as_they_come(words, labels):
    todo, out, last = iter(labels), [], None
    for word in words:
        out.append(-100 if word is None or word == last else next(todo))
        last = word
    return out


def last_token(words, labels):
    after = [*words[1:], None]
    pairs = zip(words, after, strict=True)
    return [labels[w] if w is not None and w != a else -100 for w, a in pairs]


def one_off(words, labels):
    out, last = [], None
    for word in words:
        out.append(-100 if word is None or word == last else labels[word - 1])
        last = word
    return out


# 04.2: (truth, answers) -> F1 ---------------------------------------------------------------------


def names(tags, *, stray=True, kinds=True):
    """Return the names in a row of tags; the mistakes can be switched on."""
    found, open_ = set(), None
    for i, tag in enumerate([*tags, "O"]):
        kind = tag[2:]
        goes_on = tag[0] == "I" and open_ and (open_[0] == kind or not kinds)
        if open_ and not goes_on:
            found.add((*open_, i))
            open_ = None
        if tag[0] == "B" or (tag[0] == "I" and not goes_on and stray):
            open_ = (kind, i)
    return found


def f1(truth, answers, read):
    right = sum(len(read(t) & read(a)) for t, a in zip(truth, answers, strict=True))
    total = sum(len(read(t)) + len(read(a)) for t, a in zip(truth, answers, strict=True))
    return 2 * right / total if total else 0.0


def by_text(truth, answers):
    return np.mean([f1([t], [a], names) for t, a in zip(truth, answers, strict=True)])


def share_of_words(truth, answers):
    flat = [np.concatenate(rows) for rows in (truth, answers)]
    return (flat[0] == flat[1]).mean()


def named_words(tags):
    return {(i, t) for i, t in enumerate(tags) if t != "O"}


def touching(truth, answers):
    right = total = 0
    for t, a in zip(truth, answers, strict=True):
        mine, theirs = names(t), names(a)
        total += len(mine) + len(theirs)
        right += sum(any(k == q and s < f and b < e for q, b, f in theirs) for k, s, e in mine)
    return 2 * right / total if total else 0.0


def share_right(truth, answers, of):
    pairs = list(zip(truth, answers, strict=True))
    right = sum(len(names(t) & names(a)) for t, a in pairs)
    total = sum(len(names(pair[of])) for pair in pairs)
    return right / total if total else 0.0


# 04.3: (starts, ends, context, longest) -> (first, last) ------------------------------------------


def pairs(starts, ends, context, longest):
    size = len(starts)
    for a in range(size):
        for b in range(a, min(a + longest, size)):
            if context[a] and context[b]:
                yield a, b


def chosen(starts, ends, candidates):
    return max(candidates, key=lambda p: starts[p[0]] + ends[p[1]])


def apart(starts, ends, context, longest):
    outside = np.where(context, 0, -1e9)
    return (starts + outside).argmax(), (ends + outside).argmax()


def start_first(starts, ends, context, longest):
    a = (starts + np.where(context, 0, -1e9)).argmax()
    return a, max(
        (q for p, q in pairs(starts, ends, context, longest) if p == a), key=ends.__getitem__
    )


def anywhere(starts, ends, context, longest):
    return chosen(starts, ends, pairs(starts, ends, [True] * len(starts), longest))


def too_long(more):
    return lambda s, e, c, n: chosen(s, e, pairs(s, e, c, n + more))


def product(starts, ends, context, longest):
    return max(pairs(starts, ends, context, longest), key=lambda p: starts[p[0]] * ends[p[1]])


def one_past(starts, ends, context, longest):
    a, b = chosen(starts, ends, pairs(starts, ends, context, longest))
    return a, b + 1


# 04.4: (network, on_train, on_test, draws) -> (difference, low, high) -----------------------------


def interval(mine, theirs, draws, other=None, tails=(2.5, 97.5)):
    means = mine[draws].mean(axis=1) - theirs[draws if other is None else other].mean(axis=1)
    return (mine.mean() - theirs.mean(), *np.percentile(means, tails))


def fair(on_train, on_test):
    return on_test[on_train.mean(axis=1).argmax()]


def chosen_on_test(network, on_train, on_test, draws):
    return interval(network["exact match"], on_test[on_test.mean(axis=1).argmax()], draws)


def two_scores(network, on_train, on_test, draws):
    return interval(network["token F1"], fair(on_train, on_test), draws)


def other_way(network, on_train, on_test, draws):
    return interval(fair(on_train, on_test), network["exact match"], draws)


def ninety(network, on_train, on_test, draws):
    return interval(network["exact match"], fair(on_train, on_test), draws, tails=(5, 95))


def unpaired(network, on_train, on_test, draws):
    return interval(network["exact match"], fair(on_train, on_test), draws, other=draws[::-1])


# 04.5: (windows, truths) -> exact match -----------------------------------------------------------


def plain(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(w for w in text.split() if w not in ("a", "an", "the"))


def evaluated(*, holding=False, each=False, first=False, lost=True):
    """Make an answer with some of the three mistakes left in."""

    def right(window, truths):
        wanted = truths[window[0]][:1] if first else truths[window[0]]
        return plain(window[1]) in [plain(t) for t in wanted]

    def answer(windows, truths):
        rows = [w for w in windows if w[3]] if holding else windows
        if each:
            return np.mean([right(w, truths) for w in rows])
        best = {}
        for w in sorted(rows, key=lambda w: w[2]):
            best[w[0]] = right(w, truths)
        return sum(best.values()) / (len(truths) if lost else len(best))

    return answer


WRONG = [
    ("04.1", "label every token of a word", every_token),
    ("04.1", "Special tokens got O", specials_are_o),
    ("04.1", "tokens that begin no word", all_else_is_o),
    ("04.1", "Some do it so", inside),
    ("04.1", "count the words as they come", as_they_come),
    ("04.1", "the last token of each word", last_token),
    ("04.1", "off by one", one_off),
    ("04.2", "share of words with the right tag", share_of_words),
    ("04.2", "F1 over words", lambda t, a: f1(t, a, named_words)),
    ("04.2", "if a part of it was", touching),
    ("04.2", "only where names begin", lambda t, a: f1(t, a, lambda r: {n[:2] for n in names(r)})),
    ("04.2", "leave the kind out", lambda t, a: f1(t, a, lambda r: {n[1:] for n in names(r)})),
    ("04.2", "You seem to drop it", lambda t, a: f1(t, a, lambda r: names(r, stray=False))),
    ("04.2", "I- of another kind go on", lambda t, a: f1(t, a, lambda r: names(r, kinds=False))),
    ("04.2", "average F1 over the texts", by_text),
    ("04.2", "That is the precision", lambda t, a: share_right(t, a, 1)),
    ("04.2", "That is the recall", lambda t, a: share_right(t, a, 0)),
    ("04.2", "a share from 0 to 1", lambda t, a: 100 * f1(t, a, names)),
    ("04.3", "in the question too", lambda s, e, c, n: (s.argmax(), e.argmax())),
    ("04.3", "apart from each other", apart),
    ("04.3", "fix the best start first", start_first),
    ("04.3", "or be a special token", anywhere),
    ("04.3", "longer than longest", too_long(99)),
    ("04.3", "one token too many", too_long(1)),
    ("04.3", "multiply the scores", product),
    ("04.3", "one past the answer", one_past),
    ("04.4", "chosen on the test questions", chosen_on_test),
    ("04.4", "Use one score for both", two_scores),
    ("04.4", "the other way round", other_way),
    ("04.4", "a 90 % interval", ninety),
    ("04.4", "not that of pairs", unpaired),
    ("04.4", "expected three numbers", lambda n, a, b, d: n["exact match"].mean()),
    ("04.5", "all three mistakes in it", evaluated(holding=True, each=True, first=True)),
    ("04.5", "Only windows that hold", evaluated(holding=True)),
    ("04.5", "Only windows that hold", evaluated(holding=True, lost=False)),
    ("04.5", "You seem to score windows", evaluated(each=True)),
    ("04.5", "Only the first right answer", evaluated(first=True)),
]
