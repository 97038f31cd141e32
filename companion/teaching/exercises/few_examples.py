"""The exercises of lesson 06: prototypes, a label of two tokens, calibration, controls, a bug."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="06.1",
        title="Prototypes",
        goal="Give each query the class whose prototype points in the most alike direction.",
        difficulty="medium",
        minutes=12,
        answer="classify",
        shows="each example counts as a direction, each class has a mean of its own, and queries "
        "have no part in it.",
        hints=(
            "Bring every feature vector to length 1 first. Then average those of each class.",
            "units = support / np.linalg.norm(support, axis=1, keepdims=True); the means are "
            "brought to length 1, too. A product of unit vectors is their cosine.",
            "classes = np.unique(labels); means = np.stack([units[labels == c].mean(axis=0) for c "
            "in classes]); return classes[(queries @ unit(means).T).argmax(axis=1)]",
        ),
        verify=later("few_examples_rules", "classifying"),
    ),
    Exercise(
        id="06.2",
        title="Score a label of two tokens",
        goal="Return the log-probability of a label word after a prompt.",
        difficulty="medium",
        minutes=10,
        answer="label_score",
        shows="every token of the word counts, each is looked up one place before it stands, and "
        "the prompt's own tokens count for nothing.",
        hints=(
            "Row t says what comes after token t. So the token at place t was foretold by row "
            "t - 1.",
            "The word's tokens stand at start, start + 1, ... to the end. Add up, do not average.",
            "return sum(log_probs[t - 1, tokens[t]] for t in range(start, len(tokens)))",
        ),
        verify=later("few_examples_rules", "scoring"),
    ),
    Exercise(
        id="06.3",
        title="Contextual calibration",
        goal="Take the prompt's own bias from the probabilities of its labels.",
        difficulty="medium",
        minutes=12,
        answer="calibrate",
        shows="the bias comes from questions that ask nothing, it is divided out of "
        "probabilities, and each row sums to 1 again.",
        hints=(
            "First make probabilities among the labels: softmax of each row, of both arrays.",
            "Average the content-free rows. Divide each query's row by that average.",
            "p = softmax(scores); q = p / softmax(free).mean(axis=0); return q / q.sum(axis=1, "
            "keepdims=True)",
        ),
        verify=later("few_examples_rules", "calibrating"),
    ),
    Exercise(
        id="06.4",
        title="Did it use the labels?",
        goal="Say from the controls what the demonstrations did.",
        difficulty="hard",
        minutes=15,
        answer="what_it_used",
        shows="true labels are compared with random ones, demonstrations with none, each pair by "
        "its interval, and too little is called too little.",
        hints=(
            "Two questions, two paired differences: true labels minus random ones, and random ones "
            "minus none.",
            "The 95 % interval of a paired difference: mean -+ t(0.975, J - 1) * sd / sqrt(J), the "
            "sd with ddof=1. A difference counts if its low end is above delta.",
            "labels = low(true - random) > delta; format = low(random - zero) > delta. Both, one, "
            'or neither: "labels and format", "labels", "format", "cannot tell".',
        ),
        verify=later("few_examples_verdict", "telling"),
    ),
    Exercise(
        id="06.5",
        title="Find the bug: the best prompt",
        goal="Report the accuracy of the prompt that was chosen, without choosing on the test set.",
        difficulty="easy",
        minutes=8,
        answer="report",
        shows="validation chooses, and the test set is read once, for the one that was chosen.",
        hints=(
            "Which of the two rows was looked at to choose the prompt?",
            "The highest of ten test scores is high by luck as well.",
            "return test[int(np.argmax(validation))]",
        ),
        verify=later("few_examples_verdict", "reporting"),
    ),
)
