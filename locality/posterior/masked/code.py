"""Masks as sums of table rows: what a scan executes, and how much of it there is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from locality.posterior.masked.table import BOX, DIRECT, FLAT

_SMALLEST = 64  # table rows of a tile: 16 KiB, half the first-level cache
_LARGEST = 2**16  # what an index within a tile can tell apart
_WORTHWHILE = 48  # table rows to read for one visit to a tile, whose end a processor guesses wrong


class Code(NamedTuple):
    """Which table rows add up to the sum over each mask row; the table is read tile by tile.

    Those of mask row u in tile t are `starts[t R + u]` up to the next start, as indices within the tile.
    """

    tile: int  # table rows of a tile
    plus: np.ndarray  # uint16: added
    plus_starts: np.ndarray  # [T R + 1] int64
    minus: np.ndarray  # uint16: subtracted
    minus_starts: np.ndarray  # [T R + 1] int64
    inverted: np.ndarray  # [R] bool: the sum is the total without what was added up


def encode(mask: np.ndarray, basis: int, width: int, plane: int) -> Code:
    """The code of a mask [R, P] in a basis."""
    inverted = np.zeros(len(mask), bool)
    if basis == DIRECT:
        inverted, mask = _sparser(mask)
    value = _coefficients(mask, basis, width, plane)
    places = mask.shape[1]
    visits = _size(value) / len(mask) / _WORTHWHILE
    tiles = max(1, int(min(visits, places / _SMALLEST)))
    tile = min(-(-places // tiles), _LARGEST)
    parts = [value[:, start : start + tile] for start in range(0, places, tile)]
    plus, minus = _written(parts), _written([-part for part in parts])
    return Code(tile, *plus, *minus, inverted)


def lookups(mask: np.ndarray, basis: int, width: int, plane: int) -> int:
    """How many table rows the code reads."""
    inverted, sparser = _sparser(mask) if basis == DIRECT else (np.zeros(1, bool), mask)
    return _reads(sparser, basis, width, plane) + int(inverted.sum())


def _sparser(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have fewer places outside than inside, and the mask with the outside of those."""
    inverted = 2 * np.count_nonzero(mask, axis=1) > mask.shape[1] + 1
    return inverted, mask ^ inverted[:, None].astype(mask.dtype)


def _reads(mask: np.ndarray, basis: int, width: int, plane: int) -> int:
    return int(np.count_nonzero(mask)) if basis == DIRECT else _size(_coefficients(mask, basis, width, plane))


def _size(value: np.ndarray) -> int:
    return int(np.abs(value).sum(dtype=np.int64))


def _coefficients(mask: np.ndarray, basis: int, width: int, plane: int) -> np.ndarray:  # [R, P] int8
    """How often each table row counts: the mask, differenced along what the table was cumulated."""
    value = mask.astype(np.int8)
    if basis == FLAT:
        value[:, :-1] -= value[:, 1:]
    elif basis != DIRECT:
        planes = value.reshape(len(mask), -1, plane // width, width)
        planes[..., :-1] -= planes[..., 1:]
        if basis == BOX:
            planes[:, :, :-1] -= planes[:, :, 1:]
    return value


def _written(
    parts: list[np.ndarray],  # of each tile: [R, <= tile] int8; what is not above 0 counts for nothing
) -> tuple[np.ndarray, np.ndarray]:  # uint16 indices within tiles; [T R + 1] int64 where each row's begin
    """Tile by tile and row by row, each index as often as it counts."""
    indices, counts = [], []
    for part in parts:
        rows, places = np.nonzero(part > 0)
        times = part[rows, places]
        indices.append(np.repeat(places.astype(np.uint16), times))
        counts.append(np.bincount(rows, times, len(part)).astype(np.int64))
    return np.concatenate(indices), np.concatenate([np.zeros(1, np.int64), *counts]).cumsum()
