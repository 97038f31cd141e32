"""One picture file of any usual kind, upright and in 8-bit colour, and what was done to it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # the modes of grey PNG and TIFF files
_TURNED = 0x0112  # the EXIF tag that says how the camera was held


class UnreadablePicture(ValueError):
    """A file that is no whole picture; `found` says what it is instead."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(
            f"cannot read the picture {name}: expected a whole PNG, JPEG, GIF, WebP, BMP or TIFF "
            f"file, found {found}. Replace the file, or leave it out."
        )
        self.found = found


def open_upright(
    source: Path | bytes, name: str, *, least: int | None = None
) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture as RGB, the way up that it was taken, and what was done to it in words.

    `name` is how messages call it. With `least`, a JPEG whose sides are more than twice as long as
    that many pixels may be decoded at a half, a quarter or an eighth of its size: it takes less
    memory and time. Grey of 16 bits is scaled to 8, transparent places become white, CMYK becomes
    RGB, of an animation the first frame is read.

    Raises:
        UnreadablePicture: the file is empty, truncated, no picture, or larger than Pillow decodes.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            done = list(what_differs(picture))
            if least:
                picture.draft("RGB", (2 * least, 2 * least))
            upright = ImageOps.exif_transpose(picture)
            return in_colour(upright), tuple(done)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(name, what_was_found(source, error)) from error


def what_differs(picture: Image.Image) -> list[str]:
    """Return what has to be done to an opened picture before a network can read it, in words."""
    found = []
    if getattr(picture, "n_frames", 1) > 1:
        found.append("animation, first frame read")
    if picture.mode in SIXTEEN_BITS:
        found.append("16 bits, scaled to 8")
    if picture.mode == "CMYK":
        found.append("CMYK, made RGB")
    if picture.has_transparency_data:
        found.append("transparent, laid on white")
    if picture.getexif().get(_TURNED, 1) != 1:
        found.append("turned upright by its EXIF mark")
    return found


def in_colour(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode as RGB."""
    if picture.mode in SIXTEEN_BITS:
        grey = np.asarray(picture).astype(np.float64) / 257  # 65,535 becomes 255
        return Image.fromarray(grey.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return picture.convert("RGB")


def is_grey(picture: Image.Image) -> bool:
    """Say whether an RGB picture holds nothing but greys, up to what JPEG adds."""
    small = np.asarray(picture.resize((64, 64), Image.Resampling.BOX)).astype(np.int16)
    return int(np.ptp(small, axis=2).max()) <= 4


def what_was_found(source: Path | bytes, error: Exception) -> str:
    """Return what is wrong with a file in words that are no address in memory."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size == 0:
        return "an empty file"
    if isinstance(error, UnidentifiedImageError):
        return "something else"
    return str(error).split(" <")[0]


def middle_square(picture: Image.Image, side: int) -> np.ndarray:
    """Return the middle square of a picture in colour, uint8 (3, side, side)."""
    fitted = ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC)
    return np.array(fitted).transpose(2, 0, 1)
