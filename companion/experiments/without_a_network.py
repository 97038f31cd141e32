"""Where is learning not worth it? Patterns and lists of names, chosen on training data alone."""

from __future__ import annotations

import numpy as np

from companion.evidence.answers import mean_score, token_f1
from companion.evidence.entities import entity_score
from companion.experiments import on_tokens, token_rates
from companion.models.patterns import PATTERNS, best_pattern, best_rule, first_match, tags_by_rule

SEEDS = 5
TEST_SHARE = on_tokens.TEST_SHARE


def specs(seeds: int = SEEDS, profile: str = "cpu") -> list[dict]:
    """Return both tasks, with as many labels as the networks have."""
    return [
        {"task": task, "arm": "rules", "n": token_rates.N[task], "seed": seed}
        for task in on_tokens.TASKS
        for seed in range(seeds)
    ]


def run(spec: dict) -> dict:
    """Choose rules on the training part; judge them on the test part."""
    task, seed = spec["task"], spec["seed"]
    split = on_tokens.split_of(task, seed)
    ids = on_tokens.training_ids(task, spec["n"], seed)
    judge = tags_of_tweets if task == "tags" else answers_on_licences
    chosen, found = judge(ids, split.validation), judge(ids, split.test)
    metric = on_tokens.METRICS[task]
    return on_tokens.result(task, found, chosen[metric], len(split.test), split)


def tags_of_tweets(ids: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """Return the scores on the tweets `asked` of the rule that is best on the tweets `ids`."""
    texts = on_tokens.tag_fetch().texts
    rule = best_rule(
        [texts.words[i] for i in ids],
        [texts.tags[i] for i in ids],
        lambda truth, found: entity_score(truth, found).f1,
    )
    return on_tokens.tag_scores([tags_by_rule(rule, texts.words[i]) for i in asked], asked)


def answers_on_licences(ids: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """Return the scores on the questions `asked` of the patterns that are best on `ids`."""
    questions = on_tokens.span_fetch().asked
    chosen = {}
    for kind, patterns in PATTERNS.items():
        mine = ids[questions.kinds[ids] == kind]
        contexts, truths = [questions.contexts[i] for i in mine], questions.truths(mine)
        chosen[kind] = best_pattern(
            patterns, contexts, truths, lambda found, right: mean_score(token_f1, found, right)
        )
    found = [first_match(chosen[questions.kinds[i]], questions.contexts[i]) for i in asked]
    return on_tokens.span_scores(found, asked)
