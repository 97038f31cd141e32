"""The exercises of the refreshers: one for each ten-minute part."""

from __future__ import annotations

from companion.teaching.exercise import Exercise, later
from companion.teaching.exercises import refreshers_layers as layers
from companion.teaching.exercises import refreshers_rules as rules

EXERCISES = (
    Exercise(
        id="R.1",
        title="Steps downhill",
        goal="Take a number of gradient steps on a loss, without an optimiser.",
        difficulty="easy",
        minutes=5,
        answer="descend",
        shows="each step went against a fresh gradient, and its length was the rate times it.",
        hints=(
            "The gradient points to where the loss grows. Which way do you step, and how far?",
            "In a loop: loss_of(w).backward() fills w.grad. The step belongs inside "
            "`with torch.no_grad():` and changes w in place.",
            "After `w -= rate * w.grad` set `w.grad = None`: backward() adds to what it finds.",
        ),
        verify=later("refreshers_descent", "verify"),
    ),
    Exercise(
        id="R.2",
        title="Cross-entropy from logits",
        goal="From logits and labels, give the mean cross-entropy, also where logits are large.",
        difficulty="medium",
        minutes=6,
        answer="cross_entropy",
        shows="the loss is the mean of minus the log of each right class's probability, and "
        "subtracting the largest logit kept it finite.",
        hints=(
            "Only differences between the logits of a row count. What may you subtract from each "
            "row so that no power overflows?",
            "With z = logits - logits.max(axis=1, keepdims=True), the log of each probability is "
            "z - np.log(np.exp(z).sum(axis=1, keepdims=True)).",
            "logs[np.arange(len(labels)), labels] takes one column from each row. Then minus, and "
            "the mean.",
        ),
        verify=rules.loss,
    ),
    Exercise(
        id="R.3",
        title="BatchNorm in both modes",
        goal="Give BatchNorm's output in train mode and in eval mode.",
        difficulty="easy",
        minutes=5,
        answer="batchnorm",
        shows="in train mode an answer depends on its batch, in eval mode on the running numbers "
        "alone.",
        hints=(
            "The two modes differ only in which mean and which variance they use. Which are they?",
            "A row of x is an example, a column is a channel. x.mean(axis=0) gives one mean for "
            "each channel; x.var(axis=0) its variance.",
            "(x - mean) / np.sqrt(var + eps) * weight + bias, with the batch's own mean and var "
            "if training, else with the running ones.",
        ),
        verify=layers.norm,
    ),
    Exercise(
        id="R.4",
        title="One attention head",
        goal="From queries, keys, values and a mask, give what the head passes on.",
        difficulty="medium",
        minutes=6,
        answer="attend",
        shows="each query shared itself out among the keys it may see, and took that mix of their "
        "values.",
        hints=(
            "Four steps: score every query against every key, hide, share out, mix.",
            "The scores are queries @ keys.T, divided by np.sqrt(keys.shape[1]). Hide before you "
            "share out: np.where(mask, scores, -np.inf).",
            "Softmax along each row (axis=1): powers = np.exp(scores), divided by "
            "powers.sum(axis=1, keepdims=True). The mix is weights @ values.",
        ),
        verify=layers.head,
    ),
    Exercise(
        id="R.5",
        title="One step of AdamW",
        goal="Take one step of AdamW for one weight, with its two running means.",
        difficulty="medium",
        minutes=6,
        answer="adamw_step",
        shows="both means were corrected for their start at 0, and the decay shrank the weight "
        "directly.",
        hints=(
            "In this order: renew both means, correct both, take the step, shrink the weight. "
            "Return the means as they were before the correction.",
            "mean = 0.9 * mean + 0.1 * gradient, and in the same way square, with 0.999 and 0.001 "
            "and gradient**2. Corrected: mean / (1 - 0.9**step), square / (1 - 0.999**step).",
            "w - rate * corrected_mean / (corrected_square**0.5 + 1e-8) - rate * decay * w",
        ),
        verify=rules.adamw,
    ),
    Exercise(
        id="R.6",
        title="The middle 95 %",
        goal="From the means of many resamples, give the ends of the 95 % interval.",
        difficulty="easy",
        minutes=4,
        answer="middle_95",
        shows="an interval by resampling is the middle part of what the resampled means did.",
        hints=(
            "The interval holds 95 % of the resampled means. How much is left over on each side?",
            "np.percentile(means, p) gives the value below which p percent of the means lie.",
            "np.percentile(means, [2.5, 97.5]) gives both ends at once.",
        ),
        verify=rules.middle,
    ),
)
