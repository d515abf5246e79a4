"""Which output pixels are probed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from locality.denoisers.base import Pixel

PixelChoice = str | Sequence[Pixel]  # "centre", "all", "grid:<stride>", or (row, col) pairs


def choose_pixels(choice: PixelChoice, height: int, width: int) -> list[Pixel]:
    """The (row, col) pairs that a choice stands for; a grid is centred, its neighbours `stride` pixels apart.

    Raises ValueError for an unknown word, or a pixel outside the image.

    >>> choose_pixels("grid:4", 8, 8)
    [(2, 2), (2, 6), (6, 2), (6, 6)]
    """
    if not isinstance(choice, str):
        return _inside([(int(row), int(col)) for row, col in choice], height, width)
    if choice == "centre":
        return [(height // 2, width // 2)]
    stride = 1 if choice == "all" else _stride(choice)
    rows, columns = range(stride // 2, height, stride), range(stride // 2, width, stride)
    return _inside([(row, col) for row in rows for col in columns], height, width)


def _stride(choice: str) -> int:
    found = re.fullmatch(r"grid:([1-9]\d*)", choice)
    if found is None:
        raise ValueError(f"pixels: want 'centre', 'all', 'grid:<stride>' or (row, col) pairs, got {choice!r}")
    return int(cast(str, found[1]))


def _inside(pixels: list[Pixel], height: int, width: int) -> list[Pixel]:
    if not pixels:
        raise ValueError(f"pixels: want at least one inside {height} x {width}, got none")
    for row, col in pixels:
        if not (0 <= row < height and 0 <= col < width):
            raise ValueError(f"pixels: want (row, col) inside {height} x {width}, got ({row}, {col})")
    return pixels
