"""Colour pictures of everyday things, cut into pieces: to look at, not to train on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from companion.data.vision import Pictures, digest_of

# What is to be seen -> package and file. All are in the public domain, but for the temple and the
# flower, which are CC BY 2.0 (danielbuechele, vultilion).
SOURCES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "retina": ("skimage", "data/retina.jpg"),
    "galaxies": ("skimage", "data/hubble_deep_field.jpg"),
    "tissue": ("skimage", "data/ihc.png"),
    "temple": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
PIECES = 12  # of each picture
SHARE = 0.55  # of a picture's shorter side: the side of a piece
SIDE = 128  # pixels of a piece


def load_colour_pieces(seed: int = 0) -> Pictures:
    """Return 12 square pieces of each of nine colour pictures, 128 x 128 pixels.

    Labels say which picture a piece is from. Every other piece has its colours swapped (red to
    green to blue to red), and `kinds` says so: "as taken" or "swapped". Where the pieces lie is
    drawn from `seed`.

    Raises:
        FileNotFoundError: scikit-image or scikit-learn is not installed.
    """
    rng = np.random.default_rng(seed)
    pictures = [picture_of(name) for name in SOURCES]
    pieces = np.stack([cut_piece(p, rng) for p in pictures for _ in range(PIECES)])
    swapped = np.arange(len(pieces)) % 2 == 1
    pieces[swapped] = pieces[swapped][:, [2, 0, 1]]
    return Pictures(
        name="colour pieces",
        pixels=pieces,
        labels=np.repeat(np.arange(len(SOURCES)), PIECES),
        classes=tuple(SOURCES),
        groups=np.repeat(np.arange(len(SOURCES)), PIECES),
        kinds=np.where(swapped, "swapped", "as taken"),
        digest=digest_of(pieces.tobytes()),
    )


def picture_of(name: str) -> Image.Image:
    """Return one of the pictures, read as a file of its package, which is not imported."""
    package, file = SOURCES[name]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"the picture of the {name} is part of the package {package}, which is not installed. "
            "Run `pip install scikit-image scikit-learn`."
        )
    return Image.open(Path(spec.submodule_search_locations[0], file)).convert("RGB")


def cut_piece(picture: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Return a square piece (3, 128, 128) uint8 of `picture`, from a place drawn at random."""
    side = round(SHARE * min(picture.size))
    left, top = (int(rng.integers(0, length - side + 1)) for length in picture.size)
    piece = picture.resize((SIDE, SIDE), box=(left, top, left + side, top + side))
    return np.asarray(piece).transpose(2, 0, 1)
