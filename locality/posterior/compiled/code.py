"""Masks as sums of table rows: what a scan executes, and how much of it there is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from locality.posterior.compiled.table import BOX, DIRECT, FLAT, ROW


class Code(NamedTuple):
    """Which table rows add up to the sum over each mask row, as indices; P is the row of zeros or totals."""

    plus: np.ndarray  # uint32: added
    minus: np.ndarray  # uint32: subtracted, pair by pair
    pair_starts: np.ndarray  # [R + 1] int64
    single: np.ndarray  # uint32: added alone
    single_starts: np.ndarray  # [R + 1] int64
    inverted: np.ndarray  # [R] bool: the sum is the total without what was added up


def encode(mask: np.ndarray, basis: int, width: int, plane: int) -> Code:
    """The code of a mask [R, P] in a basis."""
    inverted = np.zeros(len(mask), bool)
    if basis == DIRECT:
        inverted, mask = _sparser(mask)
    counts = count(mask, basis, width, plane)
    none = np.zeros(len(mask) + 1, np.int64)
    starts = np.concatenate([none[:1], np.cumsum(counts.max(1))])
    if basis == DIRECT:
        index = np.empty(starts[-1], np.uint32)
        _emit(mask, basis, width, plane, starts, index, index[:0])
        return Code(index[:0], index[:0], none, index, starts, inverted)
    plus, minus = (np.full(starts[-1], mask.shape[1], np.uint32) for _ in range(2))
    _emit(mask, basis, width, plane, starts, plus, minus)
    return Code(plus, minus, starts, plus[:0], none, inverted)


def lookups(mask: np.ndarray, basis: int, width: int, plane: int) -> int:
    """How many table rows the code reads."""
    if basis == DIRECT:
        inside = np.count_nonzero(mask, axis=1)
        return int(np.minimum(inside, mask.shape[1] + 1 - inside).sum())
    return int(2 * count(mask, basis, width, plane).max(1).sum())


def _sparser(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have fewer places outside than inside, and the mask with the outside of those."""
    inverted = 2 * np.count_nonzero(mask, axis=1) > mask.shape[1] + 1
    return inverted, mask ^ inverted[:, None].astype(mask.dtype)


@njit(cache=True)
def count(mask: Any, basis: int, width: int, plane: int) -> Any:  # [R, 2] rows added and subtracted
    """How many table rows each mask row adds and subtracts."""
    counts = np.zeros((mask.shape[0], 2), np.int64)
    for u in range(mask.shape[0]):
        for p in range(mask.shape[1]):
            value = _coefficient(mask[u], p, basis, width, plane)
            counts[u, 0] += max(value, 0)
            counts[u, 1] += max(-value, 0)
    return counts


@njit(cache=True)
def _emit(mask: Any, basis: int, width: int, plane: int, starts: Any, plus: Any, minus: Any) -> None:
    for u in range(mask.shape[0]):
        added = subtracted = starts[u]
        for p in range(mask.shape[1]):
            value = _coefficient(mask[u], p, basis, width, plane)
            for _ in range(value):
                plus[added] = p
                added += 1
            for _ in range(-value):
                minus[subtracted] = p
                subtracted += 1


@njit(cache=True)
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


BASES = (DIRECT, ROW, FLAT, BOX)
