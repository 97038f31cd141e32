"""Augmentation on the device, in batches, with a draw of its own for every example."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Augment:
    """What may vary between two views of one picture. Each default changes nothing."""

    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False  # by 0, 90, 180 or 270 degrees; square pictures only
    rotate: float = 0.0  # by up to this many degrees either way
    zoom: float = 0.0  # by a factor within 1 - zoom and 1 + zoom
    brightness: float = 0.0  # shift by up to this share of the full range
    contrast: float = 0.0  # scale about the mean by a factor within 1 - and 1 + this


CELL_FLIPS = Augment(flip_horizontal=True, flip_vertical=True)
COLUMNS = 8  # draws kept for one example; more than any Augment uses


def draws(ids: np.ndarray, *, seed: int, epoch: int) -> torch.Tensor:
    """Return uniform numbers in [0, 1), (B, 8), fixed by (seed, epoch, example id) alone.

    SplitMix64 (Steele et al. 2014) over a counter made of the three: what an example draws does
    not depend on the other examples of its batch, nor on the order of the batches.
    """
    with np.errstate(over="ignore"):
        key = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(epoch)
        key = mix(key + np.uint64(0x632BE59BD9B4E019))
        rows = mix(key ^ np.asarray(ids).astype(np.uint64))
        columns = np.arange(1, COLUMNS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        bits = mix(rows[:, None] + columns[None, :])  # (B, 8)
    return torch.from_numpy((bits >> np.uint64(11)).astype(np.float64) / 2**53).float()


def mix(z: np.ndarray) -> np.ndarray:
    """Scramble 64-bit counters (the finaliser of SplitMix64)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def augment(
    pictures: torch.Tensor, how: Augment, ids: np.ndarray, *, seed: int, epoch: int
) -> torch.Tensor:
    """Return one augmented view of each picture (B, C, H, W), values still 0 to 255.

    Flips and quarter turns keep uint8; the others return floats.
    """
    u = draws(ids, seed=seed, epoch=epoch).to(pictures.device)  # (B, 8)
    if how.flip_horizontal:
        pictures = where(u[:, 0] < 0.5, pictures.flip(-1), pictures)
    if how.flip_vertical:
        pictures = where(u[:, 1] < 0.5, pictures.flip(-2), pictures)
    if how.quarter_turns:
        turns = (u[:, 2] * 4).long()
        for k in (1, 2, 3):
            pictures = where(turns == k, pictures.rot90(k, (-2, -1)), pictures)
    if how.rotate or how.zoom:
        pictures = rotate_and_zoom(pictures, how, u[:, 3:5])
    if how.brightness or how.contrast:
        pictures = change_light(pictures, how, u[:, 5:7])
    return pictures


def where(chosen: torch.Tensor, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
    """Take each picture from `yes` where its entry of `chosen` (B,) is true, else from `no`."""
    return torch.where(chosen.view(-1, 1, 1, 1), yes, no)


def rotate_and_zoom(pictures: torch.Tensor, how: Augment, u: torch.Tensor) -> torch.Tensor:
    """Turn and scale each picture about its centre by its own draws `u` (B, 2)."""
    angle = (2 * u[:, 0] - 1) * math.radians(how.rotate)
    scale = 1 + (2 * u[:, 1] - 1) * how.zoom
    cos, sin, zero = angle.cos() / scale, angle.sin() / scale, torch.zeros_like(angle)
    theta = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)  # theta (B, 2, 3)
    return F.grid_sample(pictures.float(), grid, padding_mode="reflection", align_corners=False)


def change_light(pictures: torch.Tensor, how: Augment, u: torch.Tensor) -> torch.Tensor:
    """Change brightness and contrast of each picture by its own draws `u` (B, 2)."""
    shift = (2 * u[:, 0] - 1) * how.brightness * 255
    factor = 1 + (2 * u[:, 1] - 1) * how.contrast
    x = pictures.float()
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    shift, factor = (v.view(-1, 1, 1, 1) for v in (shift, factor))
    return ((x - mean) * factor + mean + shift).clamp(0, 255)
