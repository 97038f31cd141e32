"""The exercises of lesson 03: pooling, batches, ten runs, temperature, three bugs."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later

EXERCISES = (
    Exercise(
        id="03.1",
        title="The masked mean",
        goal="Average the vectors of each text over its own tokens, and over no padding.",
        difficulty="easy",
        minutes=6,
        answer="masked_mean",
        shows="the vector of a text is the same, however far its batch is padded.",
        hints=(
            "Two things must not count the padding: the sum above the line and the number below.",
            "mask[..., None] has the shape (B, T, 1), so that it can be multiplied with the "
            "states.",
            "(states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)",
        ),
        verify=later("fine_tuning_bert_rules", "pooling"),
    ),
    Exercise(
        id="03.2",
        title="Batches of like length",
        goal="Cut the places of N texts into batches of like length, in random order.",
        difficulty="medium",
        minutes=12,
        answer="length_batches",
        shows="every text comes once, little is padded, and neither the order of the batches nor "
        "that of equals is fixed.",
        hints=(
            "Four steps: shuffle all places, sort them by length, cut, shuffle the batches. Why "
            "does the first step come before the sorting?",
            "A stable sort keeps the order of equals, so that chance decides among them: "
            "places[np.argsort(lengths[places], kind='stable')].",
            "rng = np.random.default_rng(seed); cut with [places[i : i + size] for i in range(0, "
            "len(places), size)]; then [batches[i] for i in rng.permutation(len(batches))].",
        ),
        verify=later("fine_tuning_bert_rules", "batching"),
    ),
    Exercise(
        id="03.3",
        title="Ten runs",
        goal="Sum up the runs of one recipe: median, mean, and how many failed.",
        difficulty="easy",
        minutes=6,
        answer="summarise",
        shows="every run counts, the failed ones too, and their number is told.",
        hints=(
            "A failed run is a run. Which of the three numbers may leave it out?",
            "None of them. failed counts the runs whose score is at most the majority's.",
            "np.median(scores), np.mean(scores), (scores <= majority).sum()",
        ),
        verify=later("fine_tuning_bert_rules", "summing_up"),
    ),
    Exercise(
        id="03.4",
        title="One temperature",
        goal="Choose the temperature on validation texts, and give the scaled chances of the test "
        "texts.",
        difficulty="medium",
        minutes=12,
        answer="scaled_chances",
        shows="the temperature comes from validation, it divides the logits, and no answer "
        "changes.",
        hints=(
            "Which T of the grid gives the lowest mean negative log-chance of the right answers? "
            "And on which texts may you ask that?",
            "scipy.special.log_softmax(logits / T, axis=1) gives log-chances; take the ones of the "
            "right labels.",
            "losses = [-log_softmax(validation / t, axis=1)[np.arange(len(answers)), "
            "answers].mean() for t in grid]; then softmax(test / grid[np.argmin(losses)], axis=1).",
        ),
        verify=later("fine_tuning_bert_rules", "scaling"),
    ),
    Exercise(
        id="03.5",
        title="Find the bug: three of them",
        goal="Mend the evaluation of TF-IDF: three mistakes, each of which makes the number "
        "untrue.",
        difficulty="medium",
        minutes=12,
        answer="honest_accuracy",
        shows="copies go before the split, the words come from the training part, and all seeds "
        "count.",
        hints=(
            "Ask of each line: what does it know that it should not? And of the last: what would "
            "you get tomorrow, with another seed?",
            "A tweet that stands in both parts is not unseen. The vocabulary and its weights may "
            "come from the training texts alone. The best of several seeds is luck.",
            "kept = sorted({text: i for i, text in reversed(list(enumerate(texts)))}.values()) "
            "holds the first of each copy; fit the vectorizer inside the loop, on the training "
            "part; return np.mean(scores).",
        ),
        verify=later("fine_tuning_bert_bug", "evaluating"),
    ),
)
