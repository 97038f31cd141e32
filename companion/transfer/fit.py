"""The training loop: one function that can be read from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from companion.data.examples import Fetch
from companion.device import reseed, step_seed
from companion.models.heads import label_loss
from companion.transfer.checkpoint import identity
from companion.transfer.order import Order, shard
from companion.transfer.plumbing import accelerated, own_random_state
from companion.transfer.predict import refuse_judged
from companion.transfer.processes import teamwork
from companion.transfer.progress import (
    load_progress,
    look_at_losses,
    look_every,
    note_score,
    progress_bar,
    save_progress,
)
from companion.transfer.schedule import make_optimizer, rate_factor, set_rates
from companion.transfer.step import Loss, parts_of, pieces_of, smaller_micro_batch, train_step


@dataclass(frozen=True)
class FitConfig:
    """How long and by which rules to train; the rates stand in the parameter groups."""

    epochs: int = 10
    optimizer: str = "adamw"  # or "adamw-uncorrected", or "sgd" with momentum 0.9
    schedule: str = "cosine"  # of the rates after warm-up: cosine, linear or constant
    warmup: float = 0.1  # share of all steps in which the rates rise from 0
    clip: float = 1.0  # largest norm of the gradient; 0 for no limit
    micro_batch: int | None = None  # most examples at once in a process; None: its whole share
    micro_tokens: int | None = None  # most tokens at once, in texts of about one length
    precision: str = "auto"  # auto, no (fp32), bf16 or fp16
    patience: int | None = None  # epochs without a better score before stopping early
    keep_best: bool = True  # end with the weights of the best epoch, where there is a score
    save_every: int = 0  # steps between checkpoints, besides the one after each epoch
    seed: int = 0
    progress: bool = True


def fit(
    model: nn.Module,
    fetch: Fetch,
    order: Order,
    groups: list[dict],
    config: FitConfig | None = None,
    *,
    loss: Loss = label_loss,
    validate: Callable[[nn.Module], float] | None = None,
    checkpoint: Path | str | None = None,
) -> list[dict]:
    """Train `model` in place and return one record per step: step, epoch, loss, rate, and score.

    `fetch` turns the ids of a batch into inputs, `order` gives the batches of an epoch, `groups`
    (see `parameter_groups`) say what trains at which rate. `validate` scores the model after each
    epoch, higher is better. With a folder `checkpoint`, training that was killed goes on where it
    stopped, and ends with the same weights, bit for bit on a CPU.

    Under `torchrun` or `accelerate launch` each process works on its share of every batch, and
    without dropout the losses are those of a single process to float order. BatchNorm that trains
    sees only its process's share. All run `validate`, and the main process's score counts. Another
    number of processes may continue a checkpoint.

    Raises:
        ConnectionError: another process of this training ended.
        FloatingPointError: the loss is no number any more.
        MemoryError: memory ran out and the batch cannot be cut.
        ValueError: a setting is wrong, the checkpoint belongs to another training, or the model
            was already scored on a test part.
    """
    config = config or FitConfig()
    refuse_judged(model)
    folder = Path(checkpoint) if checkpoint else None
    per_epoch = len(order(0))
    steps = config.epochs * per_epoch
    optimizer = make_optimizer(config.optimizer, groups)
    looks, batches = look_every(fetch.device), []
    with (
        accelerated(optimizer, config.precision, fetch.device) as (accelerator, optim),
        teamwork(folder) as team,
        progress_bar(steps, config.progress) as bar,
        own_random_state(fetch.device),
    ):
        known = folder or team.world > 1  # or nobody asks whose training it is
        mark = identity(model, describe(config, groups, per_epoch)) if known else {}
        run = load_progress(folder, model, optim, accelerator.scaler, mark)
        bar.update(run.step)
        while run.step < steps and not run.finished:
            epoch, at = divmod(run.step, per_epoch)
            batches = order(epoch) if at == 0 or not batches else batches
            ids = batches[at]
            factor = rate_factor(run.step, steps, config.warmup, config.schedule)
            rate = set_rates(optim, factor)
            model.train()
            reseed(step_seed(config.seed, run.step, team.rank), fetch.device)
            share = shard(ids, team.rank, team.world)
            size = run.micro_batch or config.micro_batch or len(ids)
            parts = parts_of(share, fetch, size, config.micro_tokens)
            pieces = pieces_of(parts, loss, fetch, model, epoch)
            value = train_step(accelerator, model, optim, pieces, len(ids), config.clip)
            if value is None:  # memory ran out: the same step again, in smaller pieces
                largest = len(shard(ids, 0, team.world))  # so that all processes cut alike
                run.micro_batch = smaller_micro_batch(model, loss, min(size, largest))
                continue
            run.records.append({"step": run.step, "epoch": epoch, "loss": value, "rate": rate})
            run.step += 1
            bar.update()
            epoch_ends = run.step % per_epoch == 0
            saves = epoch_ends or (config.save_every and run.step % config.save_every == 0)
            if saves or run.step % looks == 0:
                look_at_losses(run, bar)
            if epoch_ends and validate is not None:
                note_score(run, validate(model), model, config.patience, config.keep_best)
            if folder and saves:
                save_progress(folder, run, model, optim, accelerator.scaler, mark)
        if run.best_state is not None:
            model.load_state_dict(run.best_state, strict=False)
    model.eval()
    return run.records


def describe(config: FitConfig, groups: list[dict], per_epoch: int) -> str:
    """Return in words all of a plan that decides the weights it ends with."""
    settings = asdict(config)
    # These may differ between a run and its continuation without changing what is learned.
    for name in ("progress", "save_every", "micro_batch", "micro_tokens"):
        settings.pop(name)
    rates = [(g.get("name"), g["lr"], g.get("weight_decay"), len(g["params"])) for g in groups]
    return f"{settings}, {per_epoch} steps an epoch, rates {rates}"
