"""Shapes to inject: functions `(size) -> mask [size, size]`, 1 on the pattern and 0 elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from locality.data.errors import DataDamaged, DataNotFound

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

    Raises DataNotFound or DataDamaged naming the file.
    """
    if not Path(path).is_file():
        raise DataNotFound(f"pattern: no file {path}; give the path of a PNG, or a function (size) -> mask")
    try:
        grey = Image.open(path).convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # Pillow says SyntaxError of a broken PNG
        raise DataDamaged(f"pattern: cannot read {path} ({error}); save it again as PNG") from error
    return torch.from_numpy(np.array(grey.resize((width, height), Image.Resampling.BOX))).float() / 255


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
