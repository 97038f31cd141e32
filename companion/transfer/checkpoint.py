"""Checkpoints: one file, written whole or not at all, with the one before kept beside it."""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import shutil
import warnings
import zipfile
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import nn

from companion.data.cache import CACHE_NAME
from companion.transfer.freeze import frozen_prefix

DRIVE = Path("/content/drive")  # where Colab's own instructions mount it
_REMOUNT = (
    "On Colab run: from google.colab import drive; "
    f'drive.mount("{DRIVE}", force_remount=True); then run this cell again'
)


def save_checkpoint(folder: Path, content: dict) -> None:
    """Write `content` as `last.pt` in `folder`; what was the last becomes `previous.pt`.

    Where the folder cannot be written, such as a mounted drive that dropped off, this is said once,
    the checkpoint is kept in `spare_folder(folder)`, and the next one tries the folder again.

    Raises:
        OSError: neither folder can be written.
    """
    spare = spare_folder(folder)
    try:
        write_checkpoint(folder, content)
    except (OSError, RuntimeError) as error:  # torch makes a RuntimeError of a write that failed
        if not spare.is_dir():
            warnings.warn(
                f"expected to write a checkpoint into {folder}, found that it cannot be written "
                f"({error}). Training goes on, and its checkpoints are kept on this machine, in "
                f"{spare}, until that folder can be written again. To mount a drive anew, stop "
                f"this cell. {_REMOUNT}: training goes on from the newest checkpoint.",
                stacklevel=2,
            )
        write_checkpoint(spare, content)
        return
    if spare.is_dir():
        shutil.rmtree(spare, ignore_errors=True)
        warnings.warn(
            f"{folder} can be written again: the newest checkpoint is there.", stacklevel=2
        )


def write_checkpoint(folder: Path, content: dict) -> None:
    """Write `content` into this folder and no other.

    The file is complete on the disk before it takes its name, so a kill at any moment leaves at
    least one whole checkpoint.

    Raises:
        OSError, RuntimeError: it cannot be written.
    """
    check_mounted(folder)
    folder.mkdir(parents=True, exist_ok=True)
    last, temporary = folder / "last.pt", folder / "next.tmp"
    with open(temporary, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    if last.exists():
        os.replace(last, folder / "previous.pt")
    os.replace(temporary, last)


def spare_folder(folder: Path) -> Path:
    """Return where checkpoints go while `folder` cannot be written: beside the cache, not in it."""
    moved = os.environ.get("COMPANION_CACHE")
    beside = Path(moved).expanduser() if moved else user_cache_path(CACHE_NAME).parent
    key = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return beside.absolute() / f"{CACHE_NAME}-checkpoints" / f"{folder.absolute().name}-{key}"


def check_mounted(folder: Path) -> None:
    """Check that a folder of Google Drive is there; a folder made without it is lost.

    Raises:
        OSError: the drive is not mounted.
    """
    if folder.absolute().is_relative_to(DRIVE) and not os.path.ismount(DRIVE):
        raise OSError(
            errno.ENOTCONN,
            f"expected Google Drive at {DRIVE}, found that it is not mounted. {_REMOUNT}.",
        )


def load_checkpoint(folder: Path) -> dict | None:
    """Return the newest whole checkpoint of `folder`, or None if there is none.

    A damaged file is refused with a warning and the one before it is used. Where the folder could
    not be written for a while, a newer one may lie in `spare_folder(folder)`: then that is used.

    Raises:
        OSError: the folder is there and does not answer. Starting over would cost what it holds.
    """
    check_mounted(folder)
    spare = spare_folder(folder)
    found, kept = newest_in(folder), newest_in(spare)
    if kept is None or (found is not None and step_of(found) >= step_of(kept)):
        return found
    there = f"one of step {step_of(found)}" if found else "none"
    warnings.warn(
        f"expected the newest checkpoint in {folder}, found {there} there and one of step "
        f"{step_of(kept)} in {spare}, from when that folder could not be written. Training goes on "
        "from the newer one, and its next checkpoint goes to the first folder. To start over, "
        "delete both.",
        stacklevel=2,
    )
    return kept


def step_of(content: dict) -> int:
    """Return the number of steps after which a checkpoint was written."""
    return content.get("progress", {}).get("step", 0)


def newest_in(folder: Path) -> dict | None:
    """Return the newest whole checkpoint in this folder and no other, or None if there is none.

    Raises:
        OSError: the folder is there and does not answer.
    """
    for name in ("last.pt", "previous.pt"):
        path = folder / name
        if name not in listed(folder):
            continue
        try:
            return read_checkpoint(path)
        except (
            OSError,
            RuntimeError,
            EOFError,
            zipfile.BadZipFile,
            pickle.UnpicklingError,
        ) as error:
            listed(folder)  # a folder that dropped off damaged nothing
            instead = "the start" if name == "previous.pt" else "previous.pt, if it is there"
            warnings.warn(
                f"{path} is not a whole checkpoint ({error}). Training goes on from {instead}; "
                "delete the file if you do not need it.",
                stacklevel=2,
            )
    return None


def listed(folder: Path) -> list[str]:
    """Return the names of what a folder holds: nothing, if there is no such folder.

    Raises:
        OSError: it is there and does not answer; the message says what to do.
    """
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OSError(
            error.errno,
            f"expected to read the checkpoints in {folder}, found that the folder does not answer "
            f"({error.strerror}). Nothing is lost. {_REMOUNT}.",
        ) from error


def read_checkpoint(path: Path) -> dict:
    """Return the content of one checkpoint file, every byte of it checked.

    Raises:
        BadZipFile, RuntimeError, OSError: it is truncated or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"{damaged} does not match its checksum")
    return torch.load(path, map_location="cpu", weights_only=True)


def identity(model: nn.Module, plan: str) -> dict[str, str]:
    """Say which training a checkpoint belongs to: the model's shapes, what is frozen, the plan."""
    frozen = frozen_prefix(model)
    shapes, weights = hashlib.sha256(), hashlib.sha256()
    for name, value in model.state_dict().items():
        shapes.update(f"{name} {tuple(value.shape)}".encode())
        if frozen and name.startswith(frozen):
            weights.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return {
        "model": f"{getattr(model, 'name', type(model).__name__)} {shapes.hexdigest()[:12]}",
        "frozen": f"{getattr(model, 'frozen', 0)} blocks {weights.hexdigest()[:12]}",
        "plan": plan,
    }


def check_identity(found: dict[str, str], expected: dict[str, str], folder: Path) -> None:
    """Check that a checkpoint belongs to this training.

    Raises:
        ValueError: it is another model's, froze something else, or followed another plan.
    """
    wrong = [key for key in expected if found.get(key) != expected[key]]
    if wrong:
        details = "; ".join(f"{k}: expected {expected[k]}, found {found.get(k)}" for k in wrong)
        raise ValueError(
            f"the checkpoint in {folder} belongs to another training ({details}). "
            "Give this one its own folder, or delete that folder to start over."
        )
