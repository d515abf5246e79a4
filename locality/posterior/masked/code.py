"""Masks as sums of table rows: what a scan executes, and how much of it there is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from locality.posterior.masked.table import BOX, DIRECT, FLAT
from locality.posterior.vectors.kernel import kernel

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
    places = mask.shape[1]
    visits = _reads(mask, basis, width, plane) / len(mask) / _WORTHWHILE
    tiles = max(1, int(min(visits, places / _SMALLEST)))
    tile = min(-(-places // tiles), _LARGEST)
    counts = np.zeros((2, -(-places // tile) * len(mask) + 1), np.int64)
    none = np.empty(0, np.uint16)
    _walk(mask, basis, width, plane, tile, counts, none, none, False)
    starts = counts.cumsum(1)
    plus, minus = (np.empty(total, np.uint16) for total in starts[:, -1])
    _walk(mask, basis, width, plane, tile, starts.copy(), plus, minus, True)
    return Code(tile, plus, starts[0], minus, starts[1], inverted)


def lookups(mask: np.ndarray, basis: int, width: int, plane: int) -> int:
    """How many table rows the code reads."""
    inverted, sparser = _sparser(mask) if basis == DIRECT else (np.zeros(1, bool), mask)
    return _reads(sparser, basis, width, plane) + int(inverted.sum())


def _sparser(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have fewer places outside than inside, and the mask with the outside of those."""
    inverted = 2 * np.count_nonzero(mask, axis=1) > mask.shape[1] + 1
    return inverted, mask ^ inverted[:, None].astype(mask.dtype)


def _reads(mask: np.ndarray, basis: int, width: int, plane: int) -> int:
    if basis == DIRECT:
        return int(np.count_nonzero(mask))
    counts, none = np.zeros((2, len(mask) + 1), np.int64), np.empty(0, np.uint16)
    _walk(mask, basis, width, plane, mask.shape[1], counts, none, none, False)
    return int(counts.sum())


@kernel
def _walk(
    mask: Any,
    basis: int,
    width: int,
    plane: int,
    tile: int,
    cursors: Any,  # [2, T R + 1] counted up: one past each number of rows, or where each is written
    plus: Any,
    minus: Any,
    write: bool,
) -> None:
    """Count the table rows that each mask row adds and subtracts in each tile, or write them down."""
    for u in range(mask.shape[0]):
        for p in range(mask.shape[1]):
            value = _coefficient(mask[u], p, basis, width, plane)
            at = p // tile * mask.shape[0] + u + (0 if write else 1)
            for _ in range(value):
                if write:
                    plus[cursors[0, at]] = p % tile
                cursors[0, at] += 1
            for _ in range(-value):
                if write:
                    minus[cursors[1, at]] = p % tile
                cursors[1, at] += 1


@kernel
def _coefficient(row: Any, p: int, basis: int, width: int, plane: int) -> Any:  # int
    """How often table row p counts: the mask, differenced along what the table was cumulated."""
    here = np.int64(row[p])
    if basis == DIRECT:
        return here
    if basis == FLAT:
        return here - (np.int64(row[p + 1]) if p + 1 < len(row) else 0)
    last = (p + 1) % width == 0
    value = here - (0 if last else np.int64(row[p + 1]))
    if basis == BOX and p % plane + width < plane:
        value -= np.int64(row[p + width]) - (0 if last else np.int64(row[p + width + 1]))
    return value
