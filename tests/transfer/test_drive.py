"""Checkpoints on a mounted drive that drops off, as Google Drive does on Colab (errno 107).

The drive is a real mount (tests/transfer/mounted.py), and its server is really killed: the errors
are the kernel's own. Where no mount can be made, these tests are skipped.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from companion.transfer import checkpoint
from companion.transfer.checkpoint import load_checkpoint, newest_in, save_checkpoint, spare_folder
from tests.transfer.test_fit import small_net, state_hash, train

OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare folders lie beside the cache: let it be the test's own."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))


def tell(story: str, folder: Path, root: Path) -> list[str]:
    """Run a story of dropped.py and return the lines it prints."""
    if not shutil.which("unshare") or not Path("/dev/fuse").exists():
        pytest.skip("expected unshare and /dev/fuse, to mount a drive, found one of them missing")
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True).returncode:
        pytest.skip("expected to make a mount namespace, found that this system forbids it")
    folder.mkdir()
    command = [*OWN_MOUNTS, sys.executable, "-m", "tests.transfer.dropped", str(folder), story]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.fixture(scope="module")
def undisturbed() -> str:
    """The weights of the same training without a drive."""
    model = small_net()
    train(model)
    return state_hash(model)


@pytest.mark.slow
def test_a_drive_that_drops_and_comes_back_costs_nothing(
    tmp_path: Path, root: Path, undisturbed: str
) -> None:
    """Two checkpoints fail with one warning; the next is on the drive, and the spare ones go."""
    lines = tell("comes back", tmp_path / "course", root)
    warned = [line for line in lines if line.startswith("warned")]
    assert len(warned) == 2, lines
    run = tmp_path / "course" / "content" / "MyDrive" / "run"
    assert warned[0].startswith(
        f"warned expected to write a checkpoint into {run}, found that it cannot be written "
        "([Errno 107] Transport endpoint is not connected"
    )
    assert f"kept on this machine, in {spare_folder(run)}, until" in warned[0]
    assert 'drive.mount("/content/drive", force_remount=True)' in warned[0]
    assert warned[1] == f"warned {run} can be written again: the newest checkpoint is there."
    assert lines[-3:] == [f"done {undisturbed}", "drive 12", "spare nothing"]


@pytest.mark.slow
def test_killed_while_the_drive_is_away_it_goes_on_from_the_newer_place(
    tmp_path: Path, root: Path, undisturbed: str
) -> None:
    lines = tell("killed", tmp_path / "course", root)
    run = tmp_path / "course" / "content" / "MyDrive" / "run"
    assert lines[0].startswith(f"warned expected to write a checkpoint into {run}")
    assert lines[1:3] == ["drive errno 107", "spare 8"]
    # started while the drive is away: refused, because nobody can know what it holds
    assert lines[3] == (
        f"refused [Errno 107] expected to read the checkpoints in {run}, found that the folder "
        "does not answer (Transport endpoint is not connected). Nothing is lost. On Colab run: "
        'from google.colab import drive; drive.mount("/content/drive", force_remount=True); then '
        "run this cell again."
    )
    assert lines[4:6] == ["drive 4", "spare 8"]
    assert lines[6] == (
        f"warned expected the newest checkpoint in {run}, found one of step 4 there and one of "
        f"step 8 in {spare_folder(run)}, from when that folder could not be written. Training "
        "goes on from the newer one, and its next checkpoint goes to the first folder. To start "
        "over, delete both."
    )
    assert lines[7].startswith("warned") and "can be written again" in lines[7]
    assert lines[8:] == [f"done {undisturbed}", "drive 12", "spare nothing"]


def test_a_drive_that_is_not_mounted_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new machine has no drive yet: training from the start would not find what is there."""
    monkeypatch.setattr(checkpoint, "DRIVE", tmp_path / "drive")
    model = small_net()
    before = state_hash(model)
    with pytest.raises(OSError, match="expected Google Drive at .*, found that it is not mounted"):
        train(model, checkpoint=tmp_path / "drive" / "MyDrive" / "run")
    assert state_hash(model) == before
    assert not (tmp_path / "drive").exists(), "a folder here would be in the way of the mount"


def test_a_drive_that_is_unmounted_in_between_gets_no_folder_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "DRIVE", tmp_path / "drive")
    run = tmp_path / "drive" / "MyDrive" / "run"
    with pytest.warns(UserWarning, match="found that it is not mounted"):
        save_checkpoint(run, at_step(1))
    assert not (tmp_path / "drive").exists()
    assert newest_in(spare_folder(run)) == at_step(1)


def at_step(step: int) -> dict:
    return {"progress": {"step": step}}


def test_a_folder_that_no_one_may_write_loses_no_training(tmp_path: Path) -> None:
    """Anything in the way will do; here a file stands where the folder should be."""
    (tmp_path / "run").write_text("", "utf-8")
    with pytest.warns(UserWarning, match="expected to write a checkpoint into") as said:
        save_checkpoint(tmp_path / "run", at_step(1))
        save_checkpoint(tmp_path / "run", at_step(2))
    assert len(said) == 1
    (tmp_path / "run").unlink()
    with pytest.warns(UserWarning, match="found none there and one of step 2 in"):
        assert load_checkpoint(tmp_path / "run") == at_step(2)


def test_a_new_failure_is_warned_of_again(tmp_path: Path) -> None:
    run, away = tmp_path / "run", tmp_path / "away"
    with pytest.warns(UserWarning) as said:
        for step in range(1, 5):
            if step % 2:
                run.write_text("", "utf-8")
            else:
                run.unlink()
            save_checkpoint(run, at_step(step))
            if run.is_dir():
                shutil.move(run, away / str(step))
    assert ["cannot" in str(one.message) for one in said] == [True, False, True, False]


def test_an_older_spare_checkpoint_is_left_alone(tmp_path: Path) -> None:
    """The folder was written elsewhere since, or the spare one could not be taken away."""
    save_checkpoint(tmp_path / "run", at_step(5))
    checkpoint.write_checkpoint(spare_folder(tmp_path / "run"), at_step(4))
    assert load_checkpoint(tmp_path / "run") == at_step(5)


def test_where_neither_place_can_be_written_it_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").write_text("", "utf-8")
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning), pytest.raises(OSError) as refused:
        save_checkpoint(tmp_path / "run", at_step(1))
    assert refused.value.errno in (errno.ENOTDIR, errno.EEXIST)


def test_two_folders_of_one_name_have_spare_folders_of_their_own(tmp_path: Path) -> None:
    one, other = spare_folder(tmp_path / "a" / "run"), spare_folder(tmp_path / "b" / "run")
    assert one != other and one.name.startswith("run-")
    assert one.parent.name == "transfer-learning-measured-checkpoints"
