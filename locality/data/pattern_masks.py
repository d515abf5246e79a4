"""Shapes to inject: functions `(size) -> mask [size, size]`, 1 on the pattern and 0 elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from locality.data.errors import DataDamaged, DataNotFound
from locality.data.picture_files import open_picture

# Drawn for images of about this many pixels; in images twice as large each pixel is a square of 2 x 2, and
# so on.
_DRAWN_FOR = 16
_W = (
    "#...#",
    "#...#",
    "#.#.#",
    "##.##",
    "#...#",
)
_TWO_POINTS = ("#......#",)
_CROSS = (
    "..#..",
    "..#..",
    "#####",
    "..#..",
    "..#..",
)


def letter_w(size: int) -> Tensor:  # [size, size] float32
    """The letter W in the middle: 13 pixels at 16 x 16."""
    return _centred(_W, size)


def two_points(size: int) -> Tensor:  # [size, size] float32
    """Two points half an image apart, so that what joins them is neither near nor a shape."""
    return _centred(_TWO_POINTS, size)


def cross(size: int) -> Tensor:  # [size, size] float32
    """An upright cross in the middle: 9 pixels at 16 x 16."""
    return _centred(_CROSS, size)


def from_png(
    path: str | Path,
    height: int,
    width: int,
) -> Tensor:  # [height, width] float32 in [0, 1]
    """A mask from a picture: white is 1, black is 0, averaged down (or repeated) to the size of the images.

    What is transparent is 0, half transparent white 1/2. Where all that is seen is black, as of black strokes
    on nothing, what is opaque is 1. Colours count by their luma (ITU-R 601), grey of 16 bits in full. Raises
    DataNotFound, or DataDamaged for what `open_picture` refuses, for CMYK and other kinds of pixels, and for
    a picture that is black all over; both name the file.
    """
    if not Path(path).is_file():
        raise DataNotFound(f"pattern: no file {path}; give the path of a PNG, or a function (size) -> mask")
    try:
        levels = _levels(Path(path), open_picture(Path(path)))
    except DataDamaged as error:
        raise DataDamaged(f"pattern: {error}") from error
    if not np.asarray(levels).any():
        raise DataDamaged(f"pattern: {path} is black all over; its white is the pattern, so invert it")
    return torch.from_numpy(np.array(levels.resize((width, height), Image.Resampling.BOX)))


def _levels(path: Path, picture: Image.Image) -> Image.Image:
    """The picture as floats from 0 to 1."""
    transparent = picture.has_transparency_data
    if picture.mode == "I;16" and not transparent:
        return Image.fromarray(np.asarray(picture).astype(np.float32) / 65535)
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise DataDamaged(
            f"{path} has pixels of a kind that is not read ({picture.mode}); save it as grey or RGB"
        )
    if not transparent:
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.float32) / 255)
    colour = picture.convert("RGBA")
    grey, alpha = (
        np.asarray(part).astype(np.float32) / 255 for part in (colour.convert("L"), colour.getchannel("A"))
    )
    seen = grey * alpha
    return Image.fromarray(seen if seen.any() or alpha.min() == alpha.max() else alpha)


def _centred(drawing: tuple[str, ...], size: int) -> Tensor:
    points = torch.tensor([[float(mark == "#") for mark in row] for row in drawing])
    scale = max(1, round(size / _DRAWN_FOR))
    points = points.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    height, width = points.shape
    if size < max(height, width):
        raise ValueError(
            f"pattern: this shape wants {max(height, width)} pixels or more, got images of {size}"
        )
    mask = torch.zeros(size, size)
    top, left = (size - height) // 2, (size - width) // 2
    mask[top : top + height, left : left + width] = points
    return mask
