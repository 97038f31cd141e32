"""The exercises of lesson 00: a baseline, a fair draw, an interval, a verdict and a bug."""

from __future__ import annotations

from companion.teaching.exercise import Exercise
from companion.teaching.exercises import start_here_rules as rules
from companion.teaching.exercises.start_here_bug import evaluation
from companion.teaching.exercises.start_here_draw import fair_draw

EXERCISES = (
    Exercise(
        id="00.1",
        title="The majority baseline",
        goal="Score the model that has learned nothing: always the most common training label.",
        difficulty="easy",
        minutes=5,
        answer="majority_baseline",
        shows="the baseline is chosen on training labels and scored on test labels. Any accuracy "
        "in this course is read next to it.",
        hints=(
            "Two steps: which label is the most common in train_labels? How often is that label "
            "right in test_labels?",
            "np.unique(train_labels, return_counts=True) gives the labels and how often each "
            "stands there; np.argmax finds the largest count.",
            "With top = labels[np.argmax(counts)], the share of test labels equal to it is "
            "np.mean(test_labels == top).",
        ),
        verify=rules.baseline,
    ),
    Exercise(
        id="00.2",
        title="A fair draw of k per class",
        goal="Draw k labelled examples of every class at random, the same ones for the same seed.",
        difficulty="medium",
        minutes=10,
        answer="draw_per_class",
        shows="the draw is balanced, holds nothing twice, follows its seed, leaves the notebook's "
        "random state alone and refuses a class that is too small.",
        hints=(
            "Make one generator from the seed, then go through the classes: places of the class, "
            "k of them at random, join all at the end.",
            "rng = np.random.default_rng(seed) belongs to your function alone; "
            "np.flatnonzero(labels == c) gives the places of class c.",
            "rng.choice(places, size=k, replace=False) draws k different places and raises "
            "ValueError by itself where there are fewer; np.concatenate joins the parts.",
        ),
        verify=fair_draw,
    ),
    Exercise(
        id="00.3",
        title="The interval of a paired difference",
        goal="Give the 95 % t-interval of A - B from the scores of both on the same five seeds.",
        difficulty="medium",
        minutes=10,
        answer="paired_interval",
        shows="differences are taken seed by seed, and five of them deserve t = 2.776, not 1.96.",
        hints=(
            "Subtract first: five differences a - b. Everything after that is about these five "
            "numbers: their mean, their spread, their interval.",
            "Standard error = standard deviation with n - 1 (np.std(..., ddof=1)) divided by the "
            "square root of n.",
            "The interval is mean - t * se to mean + t * se with t = scipy.stats.t.ppf(0.975, 4), "
            "which is 2.776.",
        ),
        verify=rules.interval,
    ),
    Exercise(
        id="00.4",
        title="Read four results",
        goal='Turn an interval into a word for "A beats B by delta": supported, contradicted or '
        "undecided.",
        difficulty="easy",
        minutes=8,
        answer="verdict",
        shows="the four results read supported, undecided, contradicted, undecided. Every verdict "
        "of this course is made by this rule.",
        hints=(
            "Mark delta on a line and draw the interval on it. Is all of the interval above "
            "delta, all of it below, or does it hold values on both sides?",
            "All above means that even the low end is: low > delta. Which end says all below?",
            "Two ifs and a last return: supported if low > delta, contradicted if high < delta, "
            "else undecided. An end that equals delta decides nothing.",
        ),
        verify=rules.reading,
    ),
    Exercise(
        id="00.5",
        title="Find the bug: one model, three accuracies",
        goal="Mend the evaluation so that the accuracy does not depend on the batch size.",
        difficulty="medium",
        minutes=8,
        answer="evaluate_mended",
        shows="each picture counts once, whatever the batch size; two epochs or two models can "
        "now be compared.",
        hints=(
            "Take the ten pictures in batches of 4. How many pictures are in the last batch, and "
            "how much does each of them weigh in the result?",
            "A mean of means is the overall mean only if all parts are of the same size. What "
            "could you add up over the batches instead?",
            "Start with right = 0, add np.sum(predict(batch) == truth) in the loop, and return "
            "right / len(labels) after it.",
        ),
        verify=evaluation,
    ),
)
