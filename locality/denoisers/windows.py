"""Windows of images: their sizes at each noise level, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import EllipsisType

import torch

from locality.denoisers.grids import WINDOWS
from locality.denoisers.levels import Levels

Corner = tuple[int, int]  # top, left
Region = tuple[EllipsisType | slice, ...]  # of images


def cut(side: float, image_shape: torch.Size) -> int:
    """A window's side, at most the image's."""
    return min(int(side), max(image_shape[-2:]))  # larger windows are all the image


def sides_of(window: Levels, image_shape: torch.Size) -> set[int]:
    """All sides that are used at some noise level."""
    return {cut(side, image_shape) for side in window.values.tolist()}


def windows(given: int | Mapping[float, int]) -> Levels:
    """Sides of a square window, in pixels."""
    return Levels("window", given, WINDOWS.good, "a whole number of pixels from 1")


def window_size(side: int, image_shape: torch.Size) -> tuple[int, int]:
    """Height and width of a window, which the image cuts."""
    return min(side, image_shape[-2]), min(side, image_shape[-1])


def corners(
    size: tuple[int, int],  # height and width of a window
    image_shape: torch.Size,
    places: int,  # along each side, at most
) -> list[tuple[int, Corner]]:
    """The windows, as (place, top left pixel): a step of a third of a window, and the image's far ends.

    Neighbouring windows share a place, and so a mixture, where there are more of them than places.
    """
    sides = []
    for own, whole in zip(size, image_shape[-2:], strict=True):
        starts = sorted({*range(0, whole - own + 1, max(1, own // 3)), whole - own})
        most = min(places, len(starts))
        sides.append([(k * most // len(starts), start) for k, start in enumerate(starts)])
    rows, columns = sides
    across = columns[-1][0] + 1
    return [(row * across + column, (top, left)) for row, top in rows for column, left in columns]


def by_place(windows: Sequence[tuple[int, Corner]]) -> dict[int, list[Corner]]:
    """The windows of each place."""
    groups: dict[int, list[Corner]] = {}
    for place, corner in windows:
        groups.setdefault(place, []).append(corner)
    return groups


def region(
    corner: Corner,
    size: tuple[int, int],  # height and width
) -> Region:
    """A window's pixels: `images[region(corner, size)]`."""
    return (..., *(slice(start, start + length) for start, length in zip(corner, size, strict=True)))
