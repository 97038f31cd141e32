"""The `Trainer` of transformers: its defaults, with its own reports and checkpoints left out."""

from __future__ import annotations

import tempfile
from copy import deepcopy

import torch
from datasets import Dataset, disable_progress_bars
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset as Pairs
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

from companion.data.assets import asset_path
from companion.data.examples import Batch
from companion.device import stopwatch
from companion.experiments import on_rules
from tests.benchmarks import tasks

IMPORTS = "from transformers import AutoModelForImageClassification, Trainer, TrainingArguments"
MINILM = str(asset_path("minilm-l6"))
disable_progress_bars()
logging.set_verbosity_error()
logging.disable_progress_bar()


class Classifier(nn.Module):
    """A picture network of two parts that returns its loss, as the `Trainer` wants it."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss and the scores of a batch."""
        logits = self.net(pictures)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


class Cells(Pairs):
    """Pictures that are tensors already, by the names of `Classifier.forward`."""

    def __init__(self, task: tasks.Task) -> None:
        self.pictures, self.labels = tasks.as_tensors(task, task.train)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        return {"pictures": self.pictures[i], "labels": self.labels[i]}


def train(
    model: nn.Module, data: Pairs | Dataset, spec: dict, rate: float, collator: object = None
) -> float:
    """Train with the `Trainer`, and return the mean loss that it reports."""
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=spec["batch"],
            num_train_epochs=spec.get("epochs", 1),
            learning_rate=rate,
            seed=spec["seed"],
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = Trainer(model, settings, train_dataset=data, data_collator=collator)
        return trainer.train().training_loss


def tuned_pictures(spec: dict, upto: str | None) -> dict:
    """Train what is above `upto` of the picture network."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto)
    net[0].requires_grad_(False)
    data = Cells(task)
    net(data.pictures[: spec["batch"]])
    with stopwatch() as seconds:
        train(Classifier(net), data, spec, spec["rate"])
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def head_only(spec: dict) -> dict:
    """Train the last layer."""
    return tuned_pictures(spec, upto="pool")


def top_third(spec: dict) -> dict:
    """Train the blocks that hold the last third of the work."""
    return tuned_pictures(spec, upto=tasks.TWO_THIRDS)


def everything(spec: dict) -> dict:
    """Train the whole network."""
    return tuned_pictures(spec, upto=None)


def probe_sweep(spec: dict) -> dict:
    """Train ten heads at ten rates, and keep the one with the lowest mean loss."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto="pool")
    net[0].requires_grad_(False)
    data, start, best = Cells(task), deepcopy(net.state_dict()), None
    net(data.pictures[: spec["batch"]])
    with stopwatch() as seconds:
        for rate in tasks.RATES:
            net.load_state_dict(start)
            loss = train(Classifier(net), data, spec, rate)
            if best is None or loss < best[0]:
                best = (loss, deepcopy(net.state_dict()))
    net.load_state_dict(best[1])
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def tuned_texts(spec: dict, trained_layers: int | None) -> dict:
    """Train the upper layers and the head, or all; tokenising is part of the time."""
    task, tokenizer = tasks.rules(spec), AutoTokenizer.from_pretrained(MINILM)
    torch.manual_seed(spec["seed"])
    kinds = len(on_rules.KINDS)
    net = AutoModelForSequenceClassification.from_pretrained(MINILM, num_labels=kinds)
    if trained_layers is not None:
        net.bert.embeddings.requires_grad_(False)
        net.bert.encoder.layer[:-trained_layers].requires_grad_(False)
    net(**tokenizer(list(task.data.texts[:4]), padding=True, truncation=True, return_tensors="pt"))
    with stopwatch() as seconds:
        data = tokenised(tokenizer, task, spec["cap"])
        train(net, data, spec, spec["rate"], DataCollatorWithPadding(tokenizer))
    return {"seconds": seconds(), "accuracy": judged_texts(net, tokenizer, task, spec["cap"])}


def tokenised(tokenizer: PreTrainedTokenizerBase, task: tasks.Task, cap: int) -> Dataset:
    """Return the training texts as token ids."""
    texts = [task.data.texts[i] for i in task.train]
    rows = Dataset.from_dict({"text": texts, "labels": task.labels(task.train).tolist()})
    ids = rows.map(
        lambda some: tokenizer(some["text"], truncation=True, max_length=cap), batched=True
    )
    return ids.remove_columns("text")


@torch.no_grad()
def judged_texts(
    net: nn.Module, tokenizer: PreTrainedTokenizerBase, task: tasks.Task, cap: int
) -> float:
    """Return the balanced accuracy on the test texts."""
    net.eval()
    parts = task.test.reshape(-1, 20)
    found = []
    for ids in parts:
        texts = [task.data.texts[i] for i in ids]
        rows = tokenizer(texts, padding=True, truncation=True, max_length=cap, return_tensors="pt")
        found.append(net(**rows).logits)
    return tasks.accuracy(task.labels(task.test), torch.cat(found).numpy())


def all_of_text(spec: dict) -> dict:
    """Train the whole network."""
    return tuned_texts(spec, trained_layers=None)


def top_of_text(spec: dict) -> dict:
    """Train the last two of six layers."""
    return tuned_texts(spec, trained_layers=2)


def masked_words(spec: dict) -> dict:
    """Read licence rules once, joined and cut into pieces of equal length, as its script does."""
    texts, held = tasks.sequences(spec)
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    torch.manual_seed(spec["seed"])
    net = AutoModelForMaskedLM.from_pretrained(MINILM)
    net(torch.ones(spec["batch"], tasks.LENGTH, dtype=torch.long))
    with stopwatch() as seconds:
        data = joined(tokenizer, texts)
        train(net, data, spec, spec["rate"], DataCollatorForLanguageModeling(tokenizer))
    net.eval()
    return {
        "seconds": seconds(),
        "accuracy": tasks.guessed(lambda batch: guesses(net, batch), held, tokenizer),
    }


def joined(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> Dataset:
    """Return all texts one after the other, cut into pieces of LENGTH tokens."""
    ids = sum(tokenizer(texts)["input_ids"], [])
    whole = len(ids) // tasks.LENGTH * tasks.LENGTH
    pieces = [ids[i : i + tasks.LENGTH] for i in range(0, whole, tasks.LENGTH)]
    return Dataset.from_dict({"input_ids": pieces})


def guesses(net: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the tokens (B, T) that a network finds likeliest."""
    mask = batch.inputs.mask.long()
    return net(input_ids=batch.inputs.values, attention_mask=mask).logits.argmax(dim=-1)


def importing(spec: dict) -> dict:
    """Import what fine-tuning takes."""
    return {"seconds": tasks.seconds_of_process(IMPORTS)}


def first_answer(spec: dict) -> dict:
    """Import, load a network, and let it answer."""
    return {"seconds": tasks.seconds_to_answer(IMPORTS, spec)}
