"""fastai's side: `Learner` with its one-cycle policy, and `vision_learner` as it comes."""

from __future__ import annotations

import time

from fastai.callback.core import Callback, CancelValidException
from fastai.callback.schedule import Learner  # this one has fit_one_cycle
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.data.transforms import Normalize
from fastai.layers import params
from fastai.losses import CrossEntropyLossFlat
from fastai.vision.augment import Resize
from fastai.vision.data import ImageDataLoaders
from fastai.vision.learner import vision_learner
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from companion.device import stopwatch
from companion.models.vision import create_network
from tests.benchmarks import tasks


class NoValidation(Callback):
    """Leave out the pass over validation examples, which no other side does."""

    def before_validate(self) -> None:
        """Stop it before it begins."""
        raise CancelValidException


def tuned(spec: dict, upto: str | None) -> dict:
    """Train what is above `upto`; the pictures are tensors already."""
    task, net = tasks.cells(spec), tasks.timm_network(spec, upto)
    data = TensorDataset(*tasks.as_tensors(task, task.train))
    loaders = DataLoaders(*[DataLoader(data, spec["batch"], shuffle=True) for _ in range(2)])
    learner = Learner(
        loaders, net, loss_func=CrossEntropyLossFlat(), splitter=two_parts, cbs=NoValidation()
    )
    if upto is not None:
        learner.freeze()
    net(loaders.one_batch()[0])
    with learner.no_bar(), learner.no_logging(), stopwatch() as seconds:
        learner.fit_one_cycle(spec["epochs"], spec["rate"])
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


def two_parts(net: nn.Sequential) -> list[list[nn.Parameter]]:
    """Return the parameters of what may be frozen, and of what trains."""
    return [params(part) for part in net if len(params(part))]


def head_only(spec: dict) -> dict:
    """Train the last layer; fastai goes on training the BatchNorms below it."""
    return tuned(spec, upto="pool")


def top_third(spec: dict) -> dict:
    """Train the blocks that hold the last third of the work."""
    return tuned(spec, upto=tasks.TWO_THIRDS)


def everything(spec: dict) -> dict:
    """Train the whole network."""
    return tuned(spec, upto=None)


def out_of_the_box(spec: dict) -> dict:
    """Train the head of `vision_learner` on files, with fastai's own batch size, rate and head."""
    task = tasks.cells(spec)
    paths, labels = tasks.picture_files(spec)
    names = [task.data.classes[label] for label in labels]
    with stopwatch() as seconds:
        loaders = ImageDataLoaders.from_lists(
            paths[0].parent,
            paths,
            names,
            item_tfms=Resize(spec["size"]),
            batch_tfms=Normalize.from_stats(tasks.MEAN, tasks.STD),
        )
        learner = vision_learner(loaders, "tf_efficientnet_lite0", pretrained=False)
        weights = create_network(tasks.BACKBONE, size=spec["size"], pretrained=True, seed=0)
        learner.model[0].model.load_state_dict(weights.state_dict(), strict=False)
        learner.freeze()
        learner.fit_one_cycle(spec["epochs"])
    places = [list(loaders.vocab).index(name) for name in task.data.classes]  # fastai sorts them
    net = nn.Sequential(learner.model, Reordered(places))
    return {"seconds": seconds(), "accuracy": tasks.judged(net, task)}


class Reordered(nn.Module):
    """The last step of a network whose classes stand in another order."""

    def __init__(self, places: list[int]) -> None:
        super().__init__()
        self.places = places

    def forward(self, logits: Tensor) -> Tensor:
        """Map scores (B, C) in the one order to scores in the other."""
        return logits[:, self.places]


def first_pictures(spec: dict) -> dict:
    """Read every picture once, with fastai's own number of processes."""
    return {"seconds": pictures_read(spec)[0]}


def later_pictures(spec: dict) -> dict:
    """Read every picture again."""
    return {"seconds": pictures_read(spec)[1]}


class Waiting(Callback):
    """Note how long each batch took to come."""

    def __init__(self) -> None:
        self.waits: list[float] = []  # seconds

    def before_train(self) -> None:
        """Wait for the first batch from here on."""
        self.mark = time.perf_counter()

    def before_batch(self) -> None:
        """Note the wait that is over."""
        self.waits.append(time.perf_counter() - self.mark)

    def after_batch(self) -> None:
        """Wait for the next batch from here on."""
        self.mark = time.perf_counter()


def training_from_files(spec: dict) -> dict:
    """Train the whole network on files; the second epoch counts."""
    net, waiting = tasks.timm_network(spec, None), Waiting()
    loss, callbacks = CrossEntropyLossFlat(), [NoValidation(), waiting]
    learner = Learner(file_loaders(spec), net, loss_func=loss, cbs=callbacks)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(1, spec["rate"])
        waiting.waits.clear()
        with stopwatch() as seconds:
            learner.fit_one_cycle(1, spec["rate"])
    return {"seconds": seconds(), "waiting": sum(waiting.waits) / seconds()}


def file_loaders(spec: dict) -> DataLoaders:
    """Return batches of picture files, with fastai's own number of processes."""
    paths, labels = tasks.picture_files(spec)
    return ImageDataLoaders.from_lists(
        paths[0].parent,
        paths,
        labels.tolist(),
        valid_pct=0,
        bs=spec["batch"],
        item_tfms=Resize(spec["size"]),
        batch_tfms=Normalize.from_stats(tasks.MEAN, tasks.STD),
    )


def pictures_read(spec: dict) -> tuple[float, float]:
    """Return the seconds of the first and of a later epoch of reading."""
    loaders = file_loaders(spec)
    times = []
    for _ in range(2):
        with stopwatch() as seconds:
            for _ in loaders.train:
                pass
        times.append(seconds())
    return times[0], times[1]


def importing(spec: dict) -> dict:
    """Import as fastai's own pages do."""
    return {"seconds": tasks.seconds_of_process("from fastai.vision.all import *")}


def first_answer(spec: dict) -> dict:
    """Import, load a network, and let it answer."""
    return {"seconds": tasks.seconds_to_answer("from fastai.vision.all import *", spec)}
