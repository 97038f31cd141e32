"""Wrong answers to the exercises of lesson 05, as learners might write them."""

import re

import numpy as np
from scipy import stats

# 05.1: (tokens, special, mask, vocabulary, rng) -> shown, wanted ----------------------------------


def hider(
    *,
    rate=0.15,
    masked=0.8,
    swapped=0.1,
    specials=False,
    everywhere=False,
    in_place=False,
    lost=False,
    one_word=False,
    touch=False,
    seed=None,
):
    """Make an answer with some mistakes in it."""

    def hide(tokens, special, mask, vocabulary, rng):
        rng = np.random.default_rng(seed) if seed is not None else rng
        chosen = rng.random(len(tokens)) < rate
        if not specials:
            chosen &= ~special
        shown = tokens if in_place else tokens.copy()
        kind = rng.random(len(tokens))
        shown[chosen & (kind < masked)] = mask
        swap = chosen & (kind >= masked) & (kind < masked + swapped)
        shown[swap] = 77 if one_word else rng.integers(vocabulary, size=swap.sum())
        asked = chosen & (shown == mask) if lost else chosen
        if touch:
            shown[np.flatnonzero(~chosen & ~special)[:5]] = mask
        return shown, tokens if everywhere else np.where(asked, tokens, -100)

    return hide


def from_global(tokens, special, mask, vocabulary, rng):
    return hider()(tokens, special, mask, vocabulary, np.random.default_rng())


def of_the_chosen_only(tokens, special, mask, vocabulary, rng):
    shown, wanted = hider()(tokens, special, mask, vocabulary, rng)
    return shown[wanted != -100], wanted[wanted != -100]


def ten_of_the_rest(tokens, special, mask, vocabulary, rng):
    return hider(swapped=0.02)(tokens, special, mask, vocabulary, rng)


def not_asked_unless_masked(tokens, special, mask, vocabulary, rng):
    """Ask only for what is masked, and leave the swapped ones alone too."""
    return hider(lost=True, swapped=0.0)(tokens, special, mask, vocabulary, rng)


# 05.2: losses -> nats -----------------------------------------------------------------------------


def fall(before, after):
    return lambda losses: losses[before] - losses[after]


WARMED, AFTER = "warmed head, held out", "after, held out"


# 05.3: (train, test) -> places --------------------------------------------------------------------


def words(text):
    return re.findall(r"\w+", text.lower())


def runs(text, read=words, length=3):
    found = read(text)
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


def sharing(read=words, length=3):
    def leaks(train, test):
        known = [runs(text, read, length) for text in train]
        asked = [runs(text, read, length) for text in test]
        return [i for i, a in enumerate(asked) if any(len(a & k) / len(a) >= 0.7 for k in known)]

    return leaks


def in_the_pool(train, test):
    known = set().union(*(runs(text) for text in train))
    return [i for i, t in enumerate(test) if len(runs(t) & known) / len(runs(t)) >= 0.7]


def equal(read):
    return lambda train, test: [
        i for i, t in enumerate(test) if read(t) in {read(text) for text in train}
    ]


def twice(train, test):
    return [i for i, text in enumerate(test) if test.count(text) > 1]


# 05.4: (before, after) -> (low, high) -------------------------------------------------------------


def interval(before, after, *, ddof=1, factor=None):
    parts = [x.var(ddof=ddof) / len(x) for x in (before, after)]
    lower = sum(p**2 / (len(x) - 1) for p, x in zip(parts, (before, after), strict=True))
    factor = factor or stats.t.ppf(0.975, sum(parts) ** 2 / lower)
    middle, half = after.mean() - before.mean(), factor * np.sqrt(sum(parts))
    return middle - half, middle + half


def paired(before, after):
    gaps = after[: len(before)] - before
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return gaps.mean() - half, gaps.mean() + half


def pooled(before, after):
    return tuple(stats.ttest_ind(after, before).confidence_interval())


# 05.5: (losses, texts) -> perplexity --------------------------------------------------------------


def nats(losses):
    return sum(map(sum, losses))


def count(texts):
    return sum(len(text.split()) for text in texts)


def per_token(losses, texts=None):
    return np.exp(np.concatenate(losses).mean())


def per_word_of_each(losses, texts):
    return np.array([loss.sum() / len(t.split()) for loss, t in zip(losses, texts, strict=True)])


def times_tokens_per_word(losses, texts):
    return per_token(losses) * sum(len(loss) for loss in losses) / count(texts)


def different_words(texts):
    return len({word for text in texts for word in text.split()})


WRONG = [
    ("05.1", "expected two arrays", lambda t, s, m, v, r: hider()(t, s, m, v, r)[0]),
    ("05.1", "one number per token in both", of_the_chosen_only),
    ("05.1", "special tokens were hidden", hider(specials=True)),
    ("05.1", "an answer for every token", hider(everywhere=True)),
    ("05.1", "does not hold what stood there", hider(in_place=True)),
    ("05.1", "nobody asks for", hider(touch=True)),
    ("05.1", "they are guessed too", not_asked_unless_masked),
    ("05.1", "expected about 0.15", hider(rate=0.3)),
    ("05.1", "No later text holds mask tokens", hider(masked=1.0, swapped=0.0)),
    ("05.1", "10 % of what the mask left", ten_of_the_rest),
    ("05.1", "None is swapped", hider(swapped=0.0)),
    ("05.1", "None is left as it was", hider(swapped=0.2)),
    ("05.1", "one second draw for all three", hider(masked=0.5, swapped=0.25)),
    ("05.1", "from the whole vocabulary", hider(one_word=True)),
    ("05.1", "the same rng gave two results", from_global),
    ("05.1", "another rng chose the same", hider(seed=3)),
    ("05.2", "Most of that fall is the head", fall("new head, first step", AFTER)),
    ("05.2", "and you end on text", fall("new head, first step", "after, training")),
    ("05.2", "learned by heart", fall("warmed head, training", "after, training")),
    ("05.2", "the difference is of both", fall(WARMED, "after, training")),
    ("05.2", "guess the same ones", fall(WARMED, "after, held out, other masks")),
    ("05.2", "the wrong way round", fall(AFTER, WARMED)),
    ("05.2", "You divided", lambda losses: 1 - losses[AFTER] / losses[WARMED]),
    ("05.3", "exact copies only", equal(str)),
    ("05.3", "not the one with a changed word", equal(lambda text: " ".join(words(text)))),
    ("05.3", "Capitals and signs", sharing(read=str.split)),
    ("05.3", "sticks to a word", sharing(read=lambda text: text.lower().split())),
    ("05.3", "from one part to the other", twice),
    ("05.3", "You also report", lambda a, b: [*sharing()(a, b), *twice(a, b)]),
    ("05.3", "compare single words", sharing(length=1)),
    ("05.3", "the runs of all training texts", in_the_pool),
    ("05.3", "a list of places", lambda a, b: 3),
    ("05.4", "divides by n", lambda b, a: interval(b, a, ddof=0)),
    ("05.4", "for hundreds of runs. With five", lambda b, a: interval(b, a, factor=1.96)),
    ("05.4", "You paired the runs", paired),
    ("05.4", "one common spread", pooled),
    ("05.4", "the other way round", lambda b, a: interval(a, b)),
    ("05.4", "the interval of 90 %", lambda b, a: interval(b, a, factor=stats.t.ppf(0.95, 1e9))),
    ("05.4", "compare the best runs", lambda b, a: (a.max() - b.max(), a.max() - b.max())),
    ("05.5", "still the bug", per_token),
    ("05.5", "then over texts", lambda x, t: np.mean([per_token([loss]) for loss in x])),
    ("05.5", "then over texts", lambda x, t: np.exp(np.mean([loss.mean() for loss in x]))),
    ("05.5", "One odd text outweighs", lambda x, t: np.exp(per_word_of_each(x, t)).mean()),
    ("05.5", "the texts' nats per word", lambda x, t: np.exp(per_word_of_each(x, t).mean())),
    ("05.5", "multiply the perplexity", times_tokens_per_word),
    ("05.5", "A perplexity is exp of that", lambda x, t: nats(x) / count(t)),
    ("05.5", "a chance, below 1", lambda x, t: np.exp(-nats(x) / count(t))),
    ("05.5", "raise 2", lambda x, t: 2 ** (nats(x) / count(t))),
    ("05.5", "the number of texts", lambda x, t: np.exp(nats(x) / len(t))),
    ("05.5", "count equal words once", lambda x, t: np.exp(nats(x) / different_words(t))),
    ("05.5", "You seem to divide by letters", lambda x, t: np.exp(nats(x) / sum(map(len, t)))),
    (
        "05.5",
        "You seem to divide by letters",
        lambda x, t: np.exp(nats(x) / sum(len(text.replace(" ", "")) for text in t)),
    ),
    ("05.5", "expected one number", lambda x, t: np.exp(per_word_of_each(x, t))),
]
