"""The exercises of lesson 05: hiding tokens, a fall in loss, leaks, a replication, a bug."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="05.1",
        title="Hide tokens",
        goal="Choose 15 % of the tokens to be guessed, and hide them as BERT does.",
        difficulty="medium",
        minutes=15,
        answer="hide",
        shows="special tokens are never asked for, the loss is on the chosen ones alone, and of "
        "those most are masked, some swapped and some left.",
        hints=(
            "Two draws: one decides which tokens are to be guessed, the other what becomes of "
            "those.",
            "chosen = (rng.random(len(tokens)) < 0.15) & ~special. Then a second rng.random of "
            "the same length: below 0.8 the mask, from 0.8 to 0.9 another token, else nothing.",
            "shown = tokens.copy(); kind = rng.random(len(tokens)); shown[chosen & (kind < 0.8)] "
            "= mask; swap = chosen & (kind >= 0.8) & (kind < 0.9); shown[swap] = "
            "rng.integers(vocabulary, size=swap.sum()); return shown, np.where(chosen, tokens, "
            "-100)",
        ),
        verify=later("domain_text_hiding", "hiding"),
    ),
    Exercise(
        id="05.2",
        title="Is the fall adaptation?",
        goal="Return how much of the fall in loss is owed to the domain.",
        difficulty="easy",
        minutes=8,
        answer="gain",
        shows="a new head's learning is left out, held-out text is asked, and both networks "
        "guess the same tokens.",
        hints=(
            "Which two of the losses differ in nothing but the reading?",
            "Both on held-out text, both under the same masks, both with a head that had learned.",
            'return losses["warmed head, held out"] - losses["after, held out"]',
        ),
        verify=later("domain_text_evidence", "gaining"),
    ),
    Exercise(
        id="05.3",
        title="Find the leak",
        goal="Return the places of test texts that stand, nearly or exactly, in one training text.",
        difficulty="medium",
        minutes=15,
        answer="leaks",
        shows="copies with other capitals, signs or a changed word are found, and texts that "
        "share a phrase are let go.",
        hints=(
            "Bring both sides to the same form first: small letters, words only. re.findall(r'\\w+'"
            ", text.lower()) does it.",
            "A set of runs per text: {tuple(words[i : i + 3]) for i in range(len(words) - 2)}. "
            "Compare the test text with each training text, one at a time.",
            "The share is len(test_runs & train_runs) / len(test_runs). A test text leaks if any "
            "training text gives at least 0.7.",
        ),
        verify=later("domain_text_evidence", "finding_leaks"),
    ),
    Exercise(
        id="05.4",
        title="Judge a replication",
        goal="Return the 95 % interval of a difference between two sets of runs that are not "
        "paired.",
        difficulty="medium",
        minutes=12,
        answer="welch",
        shows="each set keeps its own spread, divided by n - 1, and few runs cost many degrees "
        "of freedom.",
        hints=(
            "The runs are not paired: nobody says that the first of one belongs to the first of "
            "the other. Their spreads differ too. Welch's interval is made for that.",
            "Variance of the difference: v = var(a)/n + var(b)/m, with ddof=1. Half-width: "
            "stats.t.ppf(0.975, df) * sqrt(v).",
            "scipy has it: stats.ttest_ind(after, before, equal_var=False).confidence_interval()"
            " gives low and high.",
        ),
        verify=later("domain_text_evidence", "judging"),
    ),
    Exercise(
        id="05.5",
        title="Find the bug: letters win",
        goal="Mend the perplexity so that it can compare two vocabularies.",
        difficulty="medium",
        minutes=10,
        answer="fair_perplexity",
        shows="the nats of a text add up, however it is cut, and are divided by its words, which "
        "the cutting cannot change.",
        hints=(
            "How many guesses does one word take, letter by letter, and how many piece by piece?",
            "Add up the losses of all tokens of all texts. Then divide by something that is the "
            "same for both vocabularies.",
            "nats = sum(loss.sum() for loss in losses); words = sum(len(text.split()) for text in "
            "texts); return np.exp(nats / words)",
        ),
        verify=later("domain_text_bug", "comparing"),
    ),
)
