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
    metric = on_tokens.METRICS[task]
    if task == "tags":
        chosen = on_tokens.tag_scores(tags_of_tweets(ids, split.validation), split.validation)
        found = on_tokens.tag_scores(tags_of_tweets(ids, split.test), split.test)
        return on_tokens.result(task, found, chosen[metric], len(split.test), split)
    chosen = on_tokens.span_scores(answers_on_licences(ids, split.validation), split.validation)
    return on_tokens.judged_answers(answers_on_licences(ids, split.test), chosen[metric], split)


def tags_of_tweets(ids: np.ndarray, asked: np.ndarray) -> list[list[str]]:
    """Return the tags of the tweets `asked` by the rule that is best on the tweets `ids`."""
    texts = on_tokens.tag_fetch().texts
    rule = best_rule(
        [texts.words[i] for i in ids],
        [texts.tags[i] for i in ids],
        lambda truth, found: entity_score(truth, found).f1,
    )
    return [tags_by_rule(rule, texts.words[i]) for i in asked]


def answers_on_licences(ids: np.ndarray, asked: np.ndarray) -> list[str]:
    """Return the answers to the questions `asked` by the patterns that are best on `ids`."""
    questions = on_tokens.span_fetch().asked
    chosen = {}
    for kind, patterns in PATTERNS.items():
        mine = ids[questions.kinds[ids] == kind]
        contexts, truths = [questions.contexts[i] for i in mine], questions.truths(mine)
        chosen[kind] = best_pattern(
            patterns, contexts, truths, lambda found, right: mean_score(token_f1, found, right)
        )
    return [first_match(chosen[questions.kinds[i]], questions.contexts[i]) for i in asked]
