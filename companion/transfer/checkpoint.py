"""Checkpoints: one file, written whole or not at all, with the one before kept beside it."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from companion.transfer.freeze import frozen_prefix


def save_checkpoint(folder: Path, content: dict) -> None:
    """Write `content` as `last.pt` in `folder`; what was the last becomes `previous.pt`.

    The file is complete on the disk before it takes its name, so a kill at any moment leaves at
    least one whole checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last, temporary = folder / "last.pt", folder / "next.tmp"
    with open(temporary, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    if last.exists():
        os.replace(last, folder / "previous.pt")
    os.replace(temporary, last)


def load_checkpoint(folder: Path) -> dict | None:
    """Return the newest whole checkpoint in `folder`, or None if there is none.

    A damaged file is refused with a warning and the one before it is used.
    """
    for name in ("last.pt", "previous.pt"):
        path = folder / name
        if not path.exists():
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
            instead = "the start" if name == "previous.pt" else "previous.pt, if it is there"
            warnings.warn(
                f"{path} is not a whole checkpoint ({error}). Training goes on from {instead}; "
                "delete the file if you do not need it.",
                stacklevel=2,
            )
    return None


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
