"""Plain PyTorch as its tutorial on transfer learning does it: no gradient for the frozen part."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset

from companion.device import stopwatch
from tests.benchmarks import tasks
from tests.benchmarks.picture_files import PictureFiles


def tuned(spec: dict, upto: str | None) -> dict:
    """Train what is above `upto`; the pictures are tensors already, so that nothing waits."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto)
    data = TensorDataset(*tasks.as_tensors(task, task.train))
    loader = DataLoader(data, spec["batch"], shuffle=True)
    net[0].requires_grad_(False)
    net(next(iter(loader))[0])
    with stopwatch() as seconds:
        train(net, loader, spec["epochs"], spec["rate"])
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def train(net: nn.Module, loader: Iterable, epochs: int, rate: float) -> float:
    """Train the parameters that ask for a gradient, and return the last loss."""
    optimizer = AdamW([p for p in net.parameters() if p.requires_grad], lr=rate)
    schedule = CosineAnnealingLR(optimizer, epochs * len(loader))
    net.train()
    for _ in range(epochs):
        for pictures, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(pictures), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
    return loss.item()


def head_only(spec: dict) -> dict:
    """Train the last layer."""
    return tuned(spec, upto="pool")


def top_third(spec: dict) -> dict:
    """Train the blocks that hold the last third of the work."""
    return tuned(spec, upto=tasks.TWO_THIRDS)


def everything(spec: dict) -> dict:
    """Train the whole network."""
    return tuned(spec, upto=None)


def probe_sweep(spec: dict) -> dict:
    """Train ten heads at ten rates, and keep the one with the lowest last loss."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto="pool")
    loader = DataLoader(
        TensorDataset(*tasks.as_tensors(task, task.train)), spec["batch"], shuffle=True
    )
    net[0].requires_grad_(False)
    start, best = deepcopy(net.state_dict()), None
    net(next(iter(loader))[0])
    with stopwatch() as seconds:
        for rate in tasks.RATES:
            net.load_state_dict(start)
            loss = train(net, loader, spec["epochs"], rate)
            if best is None or loss < best[0]:
                best = (loss, deepcopy(net.state_dict()))
    net.load_state_dict(best[1])
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def first_pictures(spec: dict) -> dict:
    """Read every picture once, on as many processes as there are cores."""
    return {"seconds": pictures_read(spec)[0]}


def later_pictures(spec: dict) -> dict:
    """Read every picture again."""
    return {"seconds": pictures_read(spec)[1]}


def training_from_files(spec: dict) -> dict:
    """Train the whole network on files; the second epoch counts."""
    net, loader = tasks.timm_network(spec, None), tasks.Timed(file_loader(spec))
    train(net, loader, 1, spec["rate"])
    loader.waits.clear()
    with stopwatch() as seconds:
        train(net, loader, 1, spec["rate"])
    return {"seconds": seconds(), "waiting": sum(loader.waits) / seconds()}


def file_loader(spec: dict) -> DataLoader:
    """Return batches of picture files, read by as many processes as there are cores."""
    return DataLoader(
        PictureFiles(spec),
        spec["batch"],
        shuffle=True,
        num_workers=torch.get_num_threads(),
        persistent_workers=True,
    )


def pictures_read(spec: dict) -> tuple[float, float]:
    """Return the seconds of the first and of a later epoch of reading."""
    loader = file_loader(spec)
    times = []
    for _ in range(2):
        with stopwatch() as seconds:
            for _ in loader:
                pass
        times.append(seconds())
    return times[0], times[1]
