"""How far a training has come: what is kept beside the weights, so that it can go on."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from companion.transfer.checkpoint import check_identity, load_checkpoint, save_checkpoint
from companion.transfer.freeze import changing, changing_state
from companion.transfer.processes import check_alike, copy_from_main, from_main, team


@dataclass
class Progress:
    """How far a training has come; all of it goes into the checkpoint."""

    step: int = 0
    micro_batch: int | None = None  # in force; smaller than asked for after memory ran out
    records: list[dict] = field(default_factory=list)
    best_score: float = -math.inf
    best_state: dict[str, torch.Tensor] | None = None
    epochs_waited: int = 0  # since the best score
    finished: bool = False


def note_score(
    run: Progress, score: float, model: nn.Module, patience: int | None, keep_best: bool
) -> None:
    """Record an epoch's score, keep the weights if it is the best, and say whether to stop."""
    score = from_main(score)  # processes that differ in the last bit would stop apart
    run.records[-1]["score"] = score
    if score > run.best_score:
        run.best_score, run.epochs_waited = score, 0
        run.best_state = changing_state(model) if keep_best else None
    else:
        run.epochs_waited += 1
    if patience is not None and run.epochs_waited >= patience:
        run.finished = True


def look_every(device: torch.device) -> int:
    """Return the number of steps between looks at the loss: on a GPU a look stalls the queue."""
    return 1 if device.type == "cpu" else 10


def look_at_losses(run: Progress, bar: tqdm) -> None:
    """Turn the losses since the last look into numbers, check them, and show the newest.

    Raises:
        FloatingPointError: one is no number any more; the message says what to try.
    """
    for record in reversed(run.records):
        if isinstance(record["loss"], float):
            break
        record["loss"] = float(record["loss"])
    newest = run.records[-1]
    scores = [r["score"] for r in run.records if "score" in r]
    shown = {"score": f"{scores[-1]:.3f}"} if scores else {}
    bar.set_postfix(loss=f"{newest['loss']:.4f}", rate=f"{newest['rate']:.1e}", **shown)
    wrong = [r for r in run.records if not math.isfinite(r["loss"])]
    if wrong:
        raise FloatingPointError(
            f"the loss became {wrong[0]['loss']} at step {wrong[0]['step']}, with a learning rate "
            f"of {wrong[0]['rate']:.2g}. Try a tenth of the rate, a longer warm-up or clip=1.0; if "
            "it stays, look for NaN in the inputs. Checkpoints from before that step are good."
        )


def progress_bar(steps: int, wanted: bool) -> tqdm:
    """Return a bar over `steps` with the time left; silent where nobody could see it move."""
    wanted = wanted and team().rank == 0
    where_seen = False if "ipykernel" in sys.modules else None  # None: only on a terminal
    return tqdm(total=steps, unit="step", disable=where_seen if wanted else True, leave=False)


def save_progress(
    folder: Path, run: Progress, model: nn.Module, optimizer: Optimizer, scaler: object, mark: dict
) -> None:
    """Write a checkpoint: progress, the weights that can change, optimiser and gradient scaler.

    The main process writes, and the others wait for it.
    """
    if team().rank:
        from_main(None)  # waits
        return
    content = {
        "identity": mark,
        "progress": dict(vars(run)),
        "model": changing_state(model),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler is not None else None,
    }
    save_checkpoint(folder, content)
    from_main(None)


def load_progress(
    folder: Path | None, model: nn.Module, optimizer: Optimizer, scaler: object, mark: dict
) -> Progress:
    """Return where training stopped and put model and optimiser there; a fresh start if nowhere.

    All processes read the same file and start from the main process's weights.

    Raises:
        ValueError: the checkpoint belongs to another model or plan, or processes differ in theirs.
    """
    check_alike(mark)
    with warnings.catch_warnings():
        if team().rank:
            warnings.simplefilter("ignore")  # the main process says it
        content = load_checkpoint(folder) if folder is not None else None
    if content is not None:
        check_identity(content["identity"], mark, folder)
    run = Progress(**(content["progress"] if content else {}))
    check_alike({"checkpoint": f"step {run.step}"})
    if content is not None:
        model.load_state_dict(content["model"], strict=False)  # the frozen part: compared by hash
        optimizer.load_state_dict(content["optimizer"])
        if scaler is not None and content["scaler"]:
            scaler.load_state_dict(content["scaler"])
    copy_from_main(list(changing(model).values()))
    return run
