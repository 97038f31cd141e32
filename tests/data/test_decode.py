"""Every kind of picture file that people have, and what becomes of it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from companion.data.decode import UnreadablePicture, is_grey, open_upright

RAMP = (np.arange(32 * 32).reshape(32, 32) * 64).astype(np.uint16)  # 0 to 65,472


def saved(picture: Image.Image, how: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, how, **options)
    return file.getvalue()


def test_grey_of_16_bits_is_scaled_and_not_clipped() -> None:
    picture, done = open_upright(saved(Image.fromarray(RAMP), "PNG"), "x")
    assert done == ("16 bits, scaled to 8",)
    np.testing.assert_allclose(np.asarray(picture)[..., 1], RAMP / 257, atol=0.5)


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    picture = Image.fromarray(np.tile(np.array([0, 1], np.uint8), (8, 4)), "P")
    picture.putpalette([0, 0, 0, 10, 200, 30])
    found, done = open_upright(saved(picture, "PNG", transparency=0), "x")
    assert done == ("transparent, laid on white",)
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 200, 30)]
    found, done = open_upright(saved(picture, "PNG"), "x")
    assert done == () and found.getpixel((0, 0)) == (0, 0, 0)


def test_half_transparent_colour_is_mixed_with_white() -> None:
    found, _ = open_upright(saved(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG"), "x")
    assert found.getpixel((0, 0)) == (255, 127, 127)


def test_a_cmyk_jpeg_keeps_its_colour() -> None:
    found, done = open_upright(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"), "x")
    assert done == ("CMYK, made RGB",) and found.mode == "RGB"
    assert np.abs(np.subtract(found.getpixel((5, 5)), (255, 0, 0))).max() < 8


@pytest.mark.parametrize("mark, turned", [(1, False), (6, True), (8, True)])
def test_a_photo_is_shown_the_way_up_that_it_was_taken(mark: int, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = mark
    found, done = open_upright(saved(Image.new("RGB", (60, 30)), "JPEG", exif=exif), "x")
    assert found.size == ((30, 60) if turned else (60, 30))
    assert done == (("turned upright by its EXIF mark",) if turned else ())


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    gif = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found, done = open_upright(gif, "x")
    assert found.getpixel((3, 3)) == (255, 0, 0) and done == ("animation, first frame read",)


def test_a_photo_of_20_megapixels_is_decoded_small_where_that_is_enough() -> None:
    photo = saved(Image.linear_gradient("L").resize((5472, 3648)).convert("RGB"), "JPEG")
    found, _ = open_upright(photo, "x", least=224)
    assert 448 <= min(found.size) < 1000
    whole, _ = open_upright(photo, "x")
    assert whole.size == (5472, 3648)
    small = [np.asarray(p.resize((32, 32)), dtype=float) for p in (found, whole)]
    assert np.abs(small[0] - small[1]).max() < 3


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "an empty file"), (b"hello", "something else"), (None, "image file is truncated (")],
)
def test_what_is_no_picture_is_refused_by_name(content: bytes | None, found: str) -> None:
    if content is None:
        content = saved(Image.effect_noise((200, 200), 50), "JPEG")[:3000]
    with pytest.raises(UnreadablePicture) as caught:
        open_upright(content, "dark/cell7.jpg")
    assert str(caught.value).startswith(
        "cannot read the picture dark/cell7.jpg: expected a whole PNG, JPEG, GIF, WebP, BMP or "
        f"TIFF file, found {found}"
    )
    assert str(caught.value).endswith(". Replace the file, or leave it out.")


def test_a_file_that_claims_to_be_huge_is_not_decoded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "bomb.png"
    path.write_bytes(saved(Image.new("L", (20, 20)), "PNG"))
    with pytest.raises(UnreadablePicture, match="found Image size .400 pixels. exceeds limit"):
        open_upright(path, "bomb.png")


def test_grey_is_told_from_colour() -> None:
    grey = Image.linear_gradient("L").convert("RGB")
    assert is_grey(grey) and is_grey(Image.open(io.BytesIO(saved(grey, "JPEG"))))
    assert not is_grey(Image.new("RGB", (80, 80), (120, 110, 120)))
