"""Lightning's side: its `Trainer` with the callback `BackboneFinetuning`."""

from __future__ import annotations

import logging
import tempfile
import warnings

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import BackboneFinetuning
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from companion.device import stopwatch
from tests.benchmarks import tasks
from tests.benchmarks.picture_files import PictureFiles

IMPORTS = "import lightning; from lightning.pytorch.callbacks import BackboneFinetuning"
NEVER = 10**6  # the epoch in which the backbone thaws
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


class Tuned(LightningModule):
    """A network of two parts, named as the callback wants them."""

    def __init__(self, net: nn.Sequential, rate: float) -> None:
        super().__init__()
        self.backbone, self.head = net
        self.rate = rate

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        """Return the loss of a batch."""
        return F.cross_entropy(self.head(self.backbone(batch[0])), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of what trains, as the callback's page says."""
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=self.rate)


def tuned(spec: dict, upto: str | None) -> dict:
    """Train what is above `upto`; the pictures are tensors already."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto)
    data = TensorDataset(*tasks.as_tensors(task, task.train))
    loader = DataLoader(data, spec["batch"], shuffle=True)
    trainer = Trainer(
        max_epochs=spec["epochs"],
        callbacks=[] if upto is None else [BackboneFinetuning(unfreeze_backbone_at_epoch=NEVER)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    net(next(iter(loader))[0])
    with stopwatch() as seconds:
        trainer.fit(Tuned(net, spec["rate"]), loader)
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def head_only(spec: dict) -> dict:
    """Train the last layer."""
    return tuned(spec, upto="pool")


def top_third(spec: dict) -> dict:
    """Train the blocks that hold the last third of the work."""
    return tuned(spec, upto=tasks.TWO_THIRDS)


def everything(spec: dict) -> dict:
    """Train the whole network."""
    return tuned(spec, upto=None)


def out_of_the_box(spec: dict) -> dict:
    """Train the last layer on files with the `Trainer` as it comes; rate and batch have to be set.

    Its bar, its table of layers, its log and its checkpoint belong to that.
    """
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto="pool")
    with tempfile.TemporaryDirectory() as folder, stopwatch() as seconds:
        loader = DataLoader(PictureFiles(spec), spec["batch"], shuffle=True)
        trainer = Trainer(
            max_epochs=spec["epochs"],
            callbacks=[BackboneFinetuning(unfreeze_backbone_at_epoch=NEVER)],
            default_root_dir=folder,
        )
        trainer.fit(Tuned(net, tasks.USUAL_RATE), loader)
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def importing(spec: dict) -> dict:
    """Import what fine-tuning takes: Lightning, and a network to tune."""
    return {"seconds": tasks.seconds_of_process(f"{IMPORTS}; import timm")}


def first_answer(spec: dict) -> dict:
    """Import, load a network, and let it answer."""
    return {"seconds": tasks.seconds_to_answer(IMPORTS, spec)}
