"""Picture files of every kind: each is read as its format says, or refused in one line that names it."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from locality.data import DataDamaged, PatternInjection
from locality.data.image_folders import read_image
from locality.data.pattern_masks import from_png
from locality.data.picture_files import open_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
RGB = Image.fromarray(PIXELS)


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG file, spelled out: Pillow writes no colours of 16 bits."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep(channels: int, colour: int) -> bytes:
    row = b"\0" + np.full(40 * channels, 0x80FF, ">u2").tobytes()
    return png(40, 40, 16, colour, 40 * row)


# How each orientation is undone, by numpy: rows, columns, and whether they change places (EXIF 2.32, 0x0112).
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_turned_as_their_exif_says(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"turned.{suffix}"
    RGB.save(path, exif=exif(orientation), **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as stored:
        expected = UPRIGHT[orientation](np.asarray(stored.convert("RGB")))
    assert np.array_equal(np.asarray(open_picture(path)), expected)


def several(path: Path) -> None:
    RGB.save(
        path, format="MPO" if path.suffix == ".jpg" else None, save_all=True, append_images=[RGB.rotate(90)]
    )


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "animated PNG": ("a.png", several, "has 2 pictures in it"),
    "animated WebP": ("a.webp", several, "has 2 pictures in it"),
    "stereo JPEG": ("a.jpg", several, "has 2 pictures in it"),
    "GIF by another name": ("a.png", lambda p: RGB.save(p, format="GIF"), "or no PNG, JPEG, WebP or BMP"),
    "TIFF by another name": ("a.jpg", lambda p: RGB.save(p, format="TIFF"), "or no PNG, JPEG, WebP or BMP"),
    "RGB of 16 bits": ("a.png", lambda p: p.write_bytes(deep(3, 2)), "has 16 bits a channel"),
    "RGBA of 16 bits": ("a.png", lambda p: p.write_bytes(deep(4, 6)), "has 16 bits a channel"),
    "grey with alpha of 16 bits": ("a.png", lambda p: p.write_bytes(deep(2, 4)), "has 16 bits a channel"),
    "no pixels": ("a.png", lambda p: p.write_bytes(png(0, 40, 8, 2, b"")), "damaged"),
    "a bomb": ("a.png", lambda p: p.write_bytes(png(10**5, 10**5, 8, 2, b"")), "claims to be huge"),
    "a bomb of text": (
        "a.png",
        lambda p: p.write_bytes(png(9, 9, 8, 2, b"", chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**27))))),
        "damaged",
    ),
    "BMP of 77 bits": ("a.bmp", lambda p: _patched(p, 28, struct.pack("<H", 77)), "damaged"),
    "BMP of another head": ("a.bmp", lambda p: _patched(p, 14, struct.pack("<I", 99)), "damaged"),
    "nothing": ("a.jpg", lambda p: p.touch(), "damaged"),
    "a pointer of git LFS": ("a.png", lambda p: p.write_text("version https://git-lfs"), "damaged"),
    "a name of two lines": ("a\nb.png", lambda p: p.write_text("x"), "damaged"),
    "a name that is no UTF-8": (os.fsdecode(b"caf\xe9.png"), lambda p: p.write_text("x"), "damaged"),
}


def _patched(path: Path, at: int, content: bytes) -> None:
    RGB.save(path)
    whole = bytearray(path.read_bytes())
    whole[at : at + len(content)] = content
    path.write_bytes(whole)


READERS = {"image": lambda path: read_image(path, 32), "mask": lambda path: from_png(path, 8, 8)}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_one_picture_of_8_bits_is_refused_by_name(tmp_path: Path, kind: str, reader: str) -> None:
    name, make, message = REFUSED[kind]
    make(tmp_path / name)
    with pytest.raises(DataDamaged, match=message) as caught:
        READERS[reader](tmp_path / name)
    shown = name.replace("\n", "\\n").replace(os.fsdecode(b"\xe9"), "\\xe9")
    assert f"{tmp_path / shown} " in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "tRNS"])
def test_images_of_other_modes_than_rgb_are_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    if mode == "tRNS":
        RGB.save(path, transparency=(1, 2, 3))
    else:
        (Image.fromarray(PIXELS[..., 0].astype(np.uint16)) if mode == "I;16" else RGB.convert(mode)).save(
            path
        )
    with pytest.raises(DataDamaged, match=r"a\.(png|jpg) is no RGB image"):
        read_image(path, 32)


def test_no_damage_to_a_png_gives_other_pixels_and_no_file_gives_a_traceback(tmp_path: Path) -> None:
    """One byte of a PNG changed: the same pixels, or an error. JPEG, WebP and BMP have no checksums."""
    draw, path = random.Random(0), tmp_path / "a.png"
    for suffix in ("png", "jpg", "webp", "bmp"):
        RGB.save(tmp_path / f"whole.{suffix}")
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        for trial in range(50):
            content = bytearray(whole)
            if trial % 5 == 0:
                content = content[: draw.randrange(len(whole))]
            else:
                content[draw.randrange(len(whole) if trial % 2 else 64)] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
            found, error = tried(path)
            assert error is None or (error.isprintable() and error.startswith(f"{path} "))
            assert found is None or suffix != "png" or np.array_equal(found, PIXELS)


def tried(path: Path) -> tuple[np.ndarray | None, str | None]:
    """The pixels, or the message."""
    try:
        return np.asarray(open_picture(path)), None
    except DataDamaged as error:
        return None, str(error)


def square(mode: str, nothing: object, white: object) -> Image.Image:
    """4 x 4 white pixels of 16 x 16."""
    picture = Image.new(mode, (16, 16), nothing)  # type: ignore[arg-type]
    picture.paste(white, (2, 3, 6, 7))  # type: ignore[arg-type]
    return picture


def palette() -> Image.Image:
    picture = square("P", 0, 1)
    picture.putpalette([255] * 6)
    return picture


MASKS: dict[str, tuple[Callable[[], Image.Image], dict, float]] = {
    "white on transparent white": (lambda: square("RGBA", (255,) * 3 + (0,), (255,) * 4), {}, 1),
    "white on transparent black": (lambda: square("RGBA", (0,) * 4, (255,) * 4), {}, 1),
    "black on transparent black": (lambda: square("RGBA", (0,) * 4, (0, 0, 0, 255)), {}, 1),
    "half transparent": (lambda: square("RGBA", (255,) * 3 + (0,), (255,) * 3 + (51,)), {}, 0.2),
    "grey with alpha": (lambda: square("LA", (255, 0), (255, 255)), {}, 1),
    "a transparent entry of a palette": (palette, {"transparency": 0}, 1),
    "a transparent grey": (lambda: square("L", 254, 255), {"transparency": 254}, 1),
    "one bit": (lambda: square("1", 0, 1), {}, 1),
    "colour": (lambda: square("RGB", (0, 0, 0), (255, 255, 255)), {}, 1),
    "16 bits": (lambda: Image.fromarray(np.asarray(square("L", 0, 1)).astype(np.uint16) * 13107), {}, 0.2),
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_pattern_is_what_is_white_and_seen(tmp_path: Path, kind: str) -> None:
    make, settings, level = MASKS[kind]
    path = tmp_path / "w.png"
    make().save(path, **settings)
    mask = PatternInjection(path).mask(16, 16)
    expected = torch.zeros(16, 16)
    expected[3:7, 2:6] = level
    torch.testing.assert_close(mask, expected, atol=1e-6, rtol=0)
    halves = PatternInjection(path).mask(8, 8)  # averaged down: a row of the square has half a pixel
    torch.testing.assert_close(halves.sum(), expected.sum() / 4, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_a_black_picture_is_no_pattern_and_is_named(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "w.png"
    Image.new(mode, (16, 16), 0 if mode == "L" else (0, 0, 0, 255)).save(path)
    with pytest.raises(DataDamaged, match=r"pattern: .*w\.png is black all over; .* invert it"):
        PatternInjection(path).mask(16, 16)
