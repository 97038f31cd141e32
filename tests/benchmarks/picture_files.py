"""Picture files as a torch data set: opened and prepared each time they are asked for."""

from __future__ import annotations

import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms

from tests.benchmarks import tasks


class PictureFiles(Dataset):
    """The training cells as files, prepared as torchvision's pages do it."""

    def __init__(self, spec: dict) -> None:
        self.paths, self.labels = tasks.picture_files(spec)
        steps = [transforms.Resize((spec["size"], spec["size"])), transforms.ToTensor()]
        self.prepare = transforms.Compose([*steps, transforms.Normalize(tasks.MEAN, tasks.STD)])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.paths[i]) as picture:
            return self.prepare(picture.convert("RGB")), int(self.labels[i])
