"""The exercises of lesson 04: labels for tokens, entity F1, spans, a pattern, three bugs."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="04.1",
        title="Labels for tokens",
        goal="Give the first token of each word the word's label, and every other token -100.",
        difficulty="easy",
        minutes=8,
        answer="token_labels",
        shows="each word counts once, special tokens count never, and a word without a token "
        "shifts nothing.",
        hints=(
            "Walk over the tokens and remember the word of the token before. When is a token the "
            "first of its word?",
            "A token is the first of its word if its word is not None and not the word of the "
            "token before it. Look the label up by the word's place: labels[word].",
            "out, last = [], None; for word in words: out.append(-100 if word is None or word == "
            "last else labels[word]); last = word",
        ),
        verify=later("token_heads_tags", "labelling"),
    ),
    Exercise(
        id="04.2",
        title="Entity F1",
        goal="Score tags by whole names: right in kind and in both ends, over all texts together.",
        difficulty="hard",
        minutes=20,
        answer="entity_f1",
        shows="a name is right as a whole or not at all, a stray I- begins one, and all texts are "
        "counted together.",
        hints=(
            "Two steps: from a row of tags to a set of (kind, start, end), then count what both "
            "rows have in common.",
            "A tag begins a name if it is B-, or if it is I- and the tag before it is not of the "
            "same kind. Add up right, found and true over all texts before you divide.",
            "F1 is 2 * right / (found + true), and 0 where both are 0. A name ends before the "
            "next tag that is O or begins another one.",
        ),
        verify=later("token_heads_tags", "scoring"),
    ),
    Exercise(
        id="04.3",
        title="Decode a span",
        goal="Return the best first and last token of an answer that may be given.",
        difficulty="medium",
        minutes=12,
        answer="best_span",
        shows="both ends are chosen together, in order, within the text and within the length.",
        hints=(
            "The best start and the best end need not belong together. Score pairs.",
            "Two loops, over first and last. Which pairs may not be given? There are three "
            "reasons.",
            "legal = [(a, b) for a in range(T) for b in range(a, min(a + longest, T)) if "
            "context[a] and context[b]]; return max(legal, key=lambda p: starts[p[0]] + "
            "ends[p[1]])",
        ),
        verify=later("token_heads_spans", "decoding"),
    ),
    Exercise(
        id="04.4",
        title="Does e-mail need a net?",
        goal="Compare the network with a pattern that was chosen fairly, question by question.",
        difficulty="medium",
        minutes=15,
        answer="network_minus_pattern",
        shows="the pattern is chosen on training questions, and both are drawn together.",
        hints=(
            "First choose one pattern. Which of the two tables may you look at for that?",
            "The difference of each question is network - pattern. Then the mean of the "
            "differences of each row of draws.",
            "chosen = on_test[on_train.mean(axis=1).argmax()]; each = network['exact match'] - "
            "chosen; means = each[draws].mean(axis=1); low, high = np.percentile(means, [2.5, "
            "97.5])",
        ),
        verify=later("token_heads_spans", "comparing"),
    ),
    Exercise(
        id="04.5",
        title="Find the bug: three of them",
        goal="Mend the evaluation of answers: three mistakes, each of which makes the number "
        "untrue.",
        difficulty="medium",
        minutes=12,
        answer="honest_match",
        shows="every question is asked once, over all its windows, and any right answer counts.",
        hints=(
            "Ask of each line: would I know that tomorrow, when nobody has marked the answer?",
            "Which window holds the answer is part of the answer. The score is of questions, not "
            "of windows. And a question may have several right answers.",
            "For each question: the text of its window with the highest score; right if it equals "
            "any of its truths once both are normalised. A question without windows counts 0.",
        ),
        verify=later("token_heads_bug", "evaluating"),
    ),
)
