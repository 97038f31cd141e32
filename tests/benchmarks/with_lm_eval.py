"""lm-evaluation-harness's side: its scoring of label words after a whole few-shot prompt."""

from __future__ import annotations

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer

from companion.device import stopwatch
from companion.models.text import checkpoint_folder
from tests.benchmarks import tasks

BATCH = 8  # as many questions at once as the companion takes


def in_context(spec: dict) -> dict:
    """Score the topics of some articles, each behind all demonstrations."""
    prompt, texts, labels = tasks.prompt(spec)
    folder = checkpoint_folder("smollm2_135m", weights=True)
    net = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = HFLM(pretrained=net, tokenizer=tokenizer, batch_size=BATCH, device="cpu")
    asked = [
        Instance("loglikelihood", {}, (prompt.whole(text), prompt.answer(label)), place)
        for text in texts
        for place, label in enumerate(range(len(prompt.words)))
    ]
    model.loglikelihood(asked[:1], disable_tqdm=True)
    with stopwatch() as seconds:
        found = model.loglikelihood(asked, disable_tqdm=True)
    scores = np.array([score for score, _ in found]).reshape(len(texts), len(prompt.words))
    return {"seconds": seconds(), "accuracy": tasks.accuracy(labels, scores)}
