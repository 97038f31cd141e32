"""Killed at any moment and started again, training ends with the same weights, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from companion.transfer.checkpoint import load_checkpoint, save_checkpoint
from companion.transfer.freeze import freeze
from tests.transfer.test_fit import small_net, state_hash, toy_model, train

# Micro-batches to let each run make before it is killed (two to a step, 160 in all); None: killed
# in the middle of the first checkpoint it writes.
KILLS = (11, 21, None, 3, 27, 18, None, 33, 9, 25)


def start(folder: Path, root: Path, *words: str) -> subprocess.Popen:
    words = tuple(sorted(words, key=lambda word: word != "slow"))
    command = [sys.executable, "-m", "tests.transfer.resumable", str(folder), *words]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def run_until_killed(folder: Path, root: Path, pieces: int | None, *words: str) -> int:
    """Run the program, kill it, and return the step it had resumed from."""
    process = start(folder, root, *words, *(["slow"] if pieces is None else []))
    wanted = "half written" if pieces is None else f"piece {pieces}"
    resumed = -1
    for line in process.stdout:
        if line.startswith("resumed"):
            resumed = int(line.split()[1])
        if line.strip() == wanted:
            process.kill()
            break
    assert process.wait() == -9, "it ended before it was killed"
    return resumed


def run_to_the_end(folder: Path, root: Path, *words: str) -> str:
    with start(folder, root, *words) as process:
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    return lines[-1]


@pytest.mark.slow
def test_ten_kills_and_the_same_weights(
    tmp_path: Path, root: Path, measured: Callable[[str], None]
) -> None:
    expected = run_to_the_end(tmp_path / "straight", root)
    resumed = [run_until_killed(tmp_path / "killed", root, pieces) for pieces in KILLS]
    ended = run_to_the_end(tmp_path / "killed", root)
    measured(f"{len(resumed)} kills, resumed from steps {resumed}: {ended[:21]}...")
    assert len(resumed) == 10 and KILLS.count(None) == 2
    assert sum(step > 0 for step in resumed) >= 6
    steps = load_checkpoint(tmp_path / "straight")["progress"]["step"]
    assert steps >= 60 and max(resumed) > steps / 2
    assert ended == expected and expected.startswith("done ")


@pytest.mark.slow
def test_a_network_for_text_resumes_exactly_too(tmp_path: Path, root: Path) -> None:
    """Length buckets, stored activations, dropout and Adam's own step counter included."""
    expected = run_to_the_end(tmp_path / "straight", root, "text")
    resumed = [
        run_until_killed(tmp_path / "killed", root, pieces, "text") for pieces in (27, None, 45)
    ]
    assert run_to_the_end(tmp_path / "killed", root, "text") == expected
    assert sum(step > 0 for step in resumed) >= 2
    assert expected.startswith("done ")


@pytest.mark.slow
def test_further_pre_training_resumes_exactly_too(tmp_path: Path, root: Path) -> None:
    """Masks of the epoch, batches of equal tokens, words tied to their embeddings."""
    expected = run_to_the_end(tmp_path / "straight", root, "masked")
    resumed = [
        run_until_killed(tmp_path / "killed", root, pieces, "masked") for pieces in (19, None, 23)
    ]
    assert run_to_the_end(tmp_path / "killed", root, "masked") == expected
    assert sum(step > 0 for step in resumed) >= 2
    assert expected.startswith("done ")


def test_a_finished_training_started_again_gives_the_same_at_once(tmp_path: Path) -> None:
    first, again = small_net(), small_net()
    records = train(first, checkpoint=tmp_path)
    assert train(again, checkpoint=tmp_path) == records
    assert state_hash(first) == state_hash(again)


def test_a_truncated_last_checkpoint_is_refused_and_the_previous_used(tmp_path: Path) -> None:
    straight = small_net()
    train(straight)
    train(small_net(), checkpoint=tmp_path)
    last = tmp_path / "last.pt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    model = small_net()
    with pytest.warns(
        UserWarning, match=r"last\.pt is not a whole checkpoint .* from previous\.pt"
    ):
        train(model, checkpoint=tmp_path)
    assert state_hash(model) == state_hash(straight)


def test_a_flipped_byte_in_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    train(small_net(), checkpoint=tmp_path)
    last = tmp_path / "last.pt"
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    with pytest.warns(UserWarning, match="is not a whole checkpoint"):
        assert load_checkpoint(tmp_path)["progress"]["step"] < 12


def test_killed_between_the_two_renames_the_previous_one_stands(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"n": torch.tensor(1)})
    shutil.move(tmp_path / "last.pt", tmp_path / "previous.pt")
    assert load_checkpoint(tmp_path)["n"] == 1
    assert load_checkpoint(tmp_path / "nothing here") is None


def test_a_checkpoint_of_another_model_or_plan_is_refused(tmp_path: Path) -> None:
    model = small_net()
    train(model, checkpoint=tmp_path)
    before = state_hash(toy_model("vit"))
    other = toy_model("vit")
    freeze(other, "norm")
    with pytest.raises(ValueError, match="belongs to another training .model: expected vit"):
        train(other, checkpoint=tmp_path)
    assert state_hash(other) == before  # nothing was half loaded
    with pytest.raises(ValueError, match="belongs to another training .plan: expected"):
        train(small_net(), checkpoint=tmp_path, epochs=3)
    with torch.no_grad():
        model.layers[1][0].weight += 1
    freeze(model, "hidden")
    with pytest.raises(ValueError, match="frozen: expected 2 blocks"):
        train(model, checkpoint=tmp_path)


def test_validation_and_augmentation_follow_the_seed_not_the_session(tmp_path: Path) -> None:
    """A run cut in two at an epoch's end equals one in a piece, records included."""
    straight, cut = small_net(), small_net()
    scores = lambda model: float(np.float32(state_hash(model).count("a")))  # noqa: E731
    expected = train(straight, epochs=4, validate=scores)
    epochs = iter(range(10))

    def stops_once(model: torch.nn.Module) -> float:
        if next(epochs) == 2:
            raise KeyboardInterrupt
        return scores(model)

    with pytest.raises(KeyboardInterrupt):
        train(cut, epochs=4, validate=stops_once, checkpoint=tmp_path)
    fresh = small_net()
    assert train(fresh, epochs=4, validate=scores, checkpoint=tmp_path) == expected
    assert state_hash(fresh) == state_hash(straight)
