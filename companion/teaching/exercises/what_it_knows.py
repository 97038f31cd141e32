"""The exercises of lesson 01: a probe of a block, neighbours, labels saved, scores, three bugs."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="01.1",
        title="Five neighbours",
        goal="Find the five examples most like a query, by the cosine, the most like first.",
        difficulty="easy",
        minutes=8,
        answer="five_neighbours",
        shows="likeness is the angle between two embeddings, not their length, and a query is no "
        "neighbour of itself.",
        hints=(
            "The cosine of two vectors is their product divided by both lengths. What is left of "
            "a vector that you divide by its own length?",
            "units = features / np.linalg.norm(features, axis=1, keepdims=True). Then units @ "
            "units[query] holds the cosine of every example with the query.",
            "Set the query's own cosine to -np.inf, then np.argsort(-cosines)[:5].",
        ),
        verify=later("what_it_knows_rules", "neighbours"),
    ),
    Exercise(
        id="01.2",
        title="Probe a block",
        goal="Fit a logistic regression to what leaves one block, and predict with it.",
        difficulty="medium",
        minutes=12,
        answer="probe_block",
        shows="your probe reads the block that was asked for, of a network in eval mode, and its "
        "scaler has seen the training pictures only.",
        hints=(
            "Three steps: run the pictures through model[: upto + 1], average each map, fit. In "
            "which mode is the network when it comes to you?",
            "model.eval() and torch.no_grad() first. x.mean(dim=(2, 3)) turns maps (N, C, H, W) "
            "into (N, C), and .numpy() makes an array of them.",
            "make_pipeline(StandardScaler(), LogisticRegression()).fit(train features, labels) "
            "fits both on the training part; .predict_proba(test features)[:, 1] asks it.",
        ),
        verify=later("what_it_knows_probe", "probing"),
    ),
    Exercise(
        id="01.3",
        title="Score the collapse",
        goal="Give accuracy, balanced accuracy and AUROC of one set of predictions.",
        difficulty="medium",
        minutes=10,
        answer="three_scores",
        shows="accuracy can look well when one class is never named; balanced accuracy and AUROC "
        "each say something that it does not.",
        hints=(
            "Answer 1 where the chance is at least one half. Balanced accuracy is the mean of two "
            "shares: of the ones that were answered 1, of the zeros that were answered 0.",
            "AUROC asks the chances, not the answers: in what share of all pairs (a one, a zero) "
            "does the one have the higher chance? A tie counts a half.",
            "ones, zeros = chances[labels == 1], chances[labels == 0]; compare ones[:, None] with "
            "zeros[None, :] and take the mean of (greater) + 0.5 * (equal).",
        ),
        verify=later("what_it_knows_rules", "scoring"),
    ),
    Exercise(
        id="01.4",
        title="Labels saved",
        goal="Read off a learning curve how many labels reach a given score.",
        difficulty="medium",
        minutes=12,
        answer="labels_needed",
        shows="the mean curve decides, labels count by their ratio, and beyond the last point "
        "nothing is claimed.",
        hints=(
            "First the mean over seeds. Then: between which two numbers of labels does the mean "
            "curve first reach the target?",
            "From 50 to 100 labels is as far as from 100 to 200. So go along the curve in "
            "np.log(labels), and come back with np.exp.",
            "With i the first place that reaches the target: share = (target - mean[i-1]) / "
            "(mean[i] - mean[i-1]); the answer is labels[i-1] * (labels[i] / labels[i-1]) ** "
            "share. No such i: math.inf. i = 0: labels[0].",
        ),
        verify=later("what_it_knows_rules", "saving"),
    ),
    Exercise(
        id="01.5",
        title="Find the bug: three of them",
        goal="Mend the search for the best block: three mistakes, each of which makes the number "
        "untrue.",
        difficulty="medium",
        minutes=12,
        answer="honest_auroc",
        shows="the scaler knows the training part only, validation chooses the block, and AUROC "
        "is asked of the chances.",
        hints=(
            "Ask of each line: which cells may it look at? And what does AUROC need to rank?",
            "fit of the scaler belongs to the training part. The test part may not say which "
            "block is best. predict() gives 0 or 1; what gives more?",
            "For each block: pipeline.fit(features[train], labels[train]); its AUROC on "
            "validation chooses. Report the AUROC of that block on test, from "
            "predict_proba(...)[:, 1].",
        ),
        verify=later("what_it_knows_bug", "searching"),
    ),
)
