"""The loop: learning, accumulation, early stop, precision, bad losses, memory, interruptions."""

from __future__ import annotations

import contextlib
import inspect
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from companion.data.examples import Batch
from companion.data.splits import Split
from companion.data.vision import PictureFetch
from companion.evidence.metrics import accuracy
from companion.models.blocks import Blocks
from companion.models.heads import label_loss
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import in_sequence, shuffled
from companion.transfer.predict import predict, scorer
from companion.transfer.schedule import rate_factor
from tests.toys import state_hash, toy_model, toy_pictures

CPU = torch.device("cpu")
IDS = np.arange(48)
HELD_OUT = Split(IDS, np.arange(48, 80), np.arange(0))
FETCH = PictureFetch(toy_pictures(80), device=CPU)
QUICK = {"progress": False, "warmup": 0.0}


def small_net() -> Blocks:
    """Return a network without BatchNorm, so that its batches may be cut."""
    torch.manual_seed(0)
    layers = {
        "shrink": nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), Scale()),
        "hidden": nn.Sequential(nn.Linear(64, 32), nn.LayerNorm(32), nn.GELU()),
        "head": nn.Sequential(nn.Dropout(0.0), nn.Linear(32, 2)),
    }
    return Blocks(layers, "small")


class Scale(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float() / 255


class FloatFetch(PictureFetch):
    """Serves floats, which is what the small net pools."""

    def __call__(self, ids: np.ndarray, epoch: int | None = None) -> Batch:
        batch = super().__call__(ids, epoch)
        return batch._replace(inputs=batch.inputs.float())


FLOATS = FloatFetch(toy_pictures(80), device=CPU)


def train(model: Blocks, **options: object) -> list[dict]:
    settings = {k: options.pop(k) for k in list(options) if k in FitConfig.__dataclass_fields__}
    config = FitConfig(**(QUICK | {"epochs": 2} | settings))
    fetch, order = options.pop("fetch", FLOATS), options.pop("order", shuffled(IDS, 8))
    groups = parameter_groups(model, options.pop("rate", 1e-2))
    return fit(model, fetch, order, groups, config, **options)


def test_it_learns_and_the_loop_is_short() -> None:
    model = small_net()
    records = train(model, epochs=12, validate=scorer(FLOATS, HELD_OUT, accuracy))
    assert records[-1]["score"] > 0.9 and records[-1]["loss"] < records[0]["loss"] / 3
    assert [r["step"] for r in records] == list(range(72))
    assert len(inspect.getsource(fit).splitlines()) <= 80
    assert not model.training


def test_sgd_and_constant_schedule() -> None:
    records = train(small_net(), optimizer="sgd", schedule="constant", rate=0.1, epochs=8)
    assert records[-1]["loss"] < records[0]["loss"] and records[-1]["rate"] == 0.1


def test_schedules() -> None:
    cosine = [rate_factor(s, 100, 0.1, "cosine") for s in range(100)]
    assert cosine[0] == 0.1 and cosine[9] == 1.0 == max(cosine) and cosine[-1] < 0.001
    assert rate_factor(55, 100, 0.1, "linear") == pytest.approx(0.5)
    assert rate_factor(99, 100, 0.0, "constant") == 1.0


def test_micro_batches_give_the_gradient_of_the_whole_batch() -> None:
    whole, cut = small_net(), small_net()
    losses = [r["loss"] for r in train(whole)]
    np.testing.assert_allclose([r["loss"] for r in train(cut, micro_batch=3)], losses, rtol=1e-5)
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_short_last_batch_weighs_each_example_alike() -> None:
    """The recorded loss of a step is a mean over its examples, however many there are."""
    model = small_net()
    records = train(model, order=in_sequence(np.arange(10), 8), rate=1e-12, epochs=1)
    logits = torch.from_numpy(predict(model, FLOATS, np.arange(10)))
    each = nn.functional.cross_entropy(logits, FLOATS.targets(np.arange(10)), reduction="none")
    expected = [each[:8].mean().item(), each[8:].mean().item()]
    np.testing.assert_allclose([r["loss"] for r in records], expected, rtol=1e-5)


def test_losses_that_count_tokens_are_divided_by_tokens() -> None:
    def three_tokens_each(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        summed, n = label_loss(model, batch)
        return 3 * summed, 3 * n

    plain, tokens = small_net(), small_net()
    expected = [r["loss"] for r in train(plain)]
    found = [r["loss"] for r in train(tokens, loss=three_tokens_each, micro_batch=5)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_early_stopping_keeps_the_best_weights() -> None:
    scores = iter([0.5, 0.9, 0.7, 0.6, 0.99])
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append(state_hash(model))
        return next(scores)

    model = small_net()
    records = train(model, epochs=5, patience=2, validate=validate)
    assert [r["score"] for r in records if "score" in r] == [0.5, 0.9, 0.7, 0.6]
    assert state_hash(model) == seen[1]


def test_a_loss_that_is_no_number_stops_with_step_and_rate() -> None:
    def explodes(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        summed, n = label_loss(model, batch)
        return summed * (math.nan if 5 in batch.ids else 1.0), n

    with pytest.raises(
        FloatingPointError, match=r"became nan at step \d+, with a learning rate of"
    ):
        train(small_net(), loss=explodes)


def test_a_second_fit_in_another_precision() -> None:
    model = small_net()
    train(model, precision="no")
    seen = []

    def spying(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        seen.append(model(batch.inputs).dtype)
        return label_loss(model, batch)

    train(model, precision="bf16", loss=spying)
    assert set(seen) == {torch.bfloat16}
    seen.clear()
    train(model, precision="no", loss=spying)
    assert set(seen) == {torch.float32}
    assert model(FLOATS(IDS[:2]).inputs).dtype == torch.float32
    assert not {"forward", "_original_forward"} & set(model.__dict__)


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_fit_after_one_that_was_stopped(error: BaseException) -> None:
    def stops(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        raise error

    model = small_net()
    with pytest.raises(type(error)):
        train(model, loss=stops, precision="bf16")
    assert not torch.is_autocast_enabled("cpu"), "as Accelerate 1.0 would leave it"
    assert len(train(model, precision="no")) == 12


def test_fit_leaves_the_random_state_alone() -> None:
    model = small_net()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(model)
    assert torch.equal(torch.rand(3), expected)


def out_of_memory_above(size: int) -> tuple[list[int], object]:
    """Return a loss that needs more memory than there is for more than `size` examples."""
    tried = []

    def loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        tried.append(len(batch.ids))
        if len(batch.ids) > size:
            torch.empty(1 << 60, dtype=torch.uint8)  # a real refusal by the allocator
        return label_loss(model, batch)

    return tried, loss


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_batch(tmp_path: Path) -> None:
    expected = [r["loss"] for r in train(small_net())]
    tried, loss = out_of_memory_above(3)
    found = [r["loss"] for r in train(small_net(), loss=loss, checkpoint=tmp_path)]
    assert tried[:3] == [8, 4, 2] and set(tried[3:]) == {2}
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    kept = torch.load(tmp_path / "last.pt", weights_only=True)["progress"]
    assert kept["micro_batch"] == 2


def test_out_of_memory_is_an_error_where_cutting_would_change_what_is_learned() -> None:
    _, loss = out_of_memory_above(3)
    batchnorm = toy_model("resnet")
    with pytest.raises(MemoryError, match="BatchNorm in train mode sees the batch as a whole"):
        train(batchnorm, fetch=FETCH, loss=loss)
    freeze(batchnorm, "pool")  # frozen, it sees single examples
    assert len(train(batchnorm, fetch=FETCH, loss=loss)) == 12
    loss.additive = False
    with pytest.raises(MemoryError, match="its loss compares the examples of a batch"):
        train(small_net(), loss=loss)
    _, never = out_of_memory_above(0)
    with pytest.raises(MemoryError, match="one example alone does not fit"):
        train(small_net(), loss=never)


SHOW_BAR = """
from tests.transfer.test_fit import *
train(small_net(), progress=True, epochs=3, validate=scorer(FLOATS, HELD_OUT, accuracy))
"""


def test_the_progress_bar_shows_loss_score_and_rate(root: Path, tmp_path: Path) -> None:
    """A bar appears only where somebody can see it move: on a terminal, here a pseudo-terminal."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, "-c", SHOW_BAR]
    silent = subprocess.run(command, cwd=root, stderr=subprocess.PIPE, text=True, check=True)
    with (tmp_path / "seen").open("wb") as seen:
        process = subprocess.Popen(command, cwd=root, stderr=theirs)
        os.close(theirs)
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while data := os.read(ours, 4096):
                seen.write(data)
        assert process.wait() == 0
    shown = (tmp_path / "seen").read_text()
    assert silent.stderr == ""
    assert not [
        word for word in ("loss=", "rate=", "score=", "step", "18/18") if word not in shown
    ], shown
