"""The weights of one line of pixels at one shift, and the sums that they go into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from locality.posterior.compiled.boxes import LANES, add, add_product, segments
from locality.posterior.compiled.exponential import FAST, weights

NOTHING = -1e30  # the reference of a sum that has no terms yet
_NEGLIGIBLE = 60.0  # nats
_HEADROOM = 20.0  # nats that a weight may exceed its reference by, before the reference moves


@njit(nogil=True, cache=True, fastmath=FAST)
def take(
    lines: Any,
    block: Any,
    count: int,
    y: int,
    move: Any,
    columns: Any,
    reference: Any,
    peaks: Any,
    totals: Any,
) -> None:
    """Add the weights of one line of pixels at one shift."""
    distances, w = lines[3], lines[4]
    weighted = totals[0]
    begin, end = columns[0] * LANES, columns[1] * LANES
    top = _largest(distances[begin:end], reference[y, begin:end])
    if top < -_NEGLIGIBLE:
        return
    if top > _HEADROOM:
        _raise(distances, y, columns, reference, peaks, totals)
    _exponentials(lines, count, y, begin, end, reference)
    add(w[begin:end], weighted[0, y, begin:end], 1)
    add_product(w[begin:end], w[begin:end], weighted[1, y, begin:end])
    add_product(w[begin:end], distances[begin:end], weighted[2, y, begin:end])
    row = (y + move[0]) % block.shape[1]
    for first, last, offset in segments(move[1], columns[0], columns[1], block.shape[2] // LANES):
        for c in range(block.shape[0]):
            shifted = block[c, row, first + offset : last + offset]
            add_product(w[first:last], shifted, weighted[3 + c, y, first:last])


@njit(nogil=True, cache=True, fastmath=FAST)
def normalise(lines: Any, count: int, y: int, columns: Any, reference: Any) -> bool:
    """The weights of one line of pixels at one shift, given the log-partition; false if they are nothing."""
    distances = lines[3]
    begin, end = columns[0] * LANES, columns[1] * LANES
    if _largest(distances[begin:end], reference[y, begin:end]) < -_NEGLIGIBLE:
        return False
    _exponentials(lines, count, y, begin, end, reference)
    return True


@njit(nogil=True, cache=True, fastmath=FAST)
def flush(totals: Any) -> None:
    """Move the sums of the lanes into float64."""
    weighted, state, sums = totals
    for y in range(weighted.shape[1]):
        for i in range(weighted.shape[2]):
            for k in range(3):
                state[k, y, i // LANES] += weighted[k, y, i]
            for c in range(sums.shape[0]):
                sums[c, y, i // LANES] += weighted[3 + c, y, i]
    weighted[:] = 0


@njit(nogil=True, cache=True, fastmath=FAST)
def _exponentials(lines: Any, count: int, y: int, begin: int, end: int, reference: Any) -> None:
    """Turn distances into logits relative to the reference, and these into weights."""
    distances, w, bits = lines[3], lines[4], lines[5]
    _relative(distances[begin:end], reference[y, begin:end])
    weights(distances[begin:end], distances[0] * 0, w[begin:end], bits[begin:end])
    if count < LANES:
        for i in range(begin, end):
            if i % LANES >= count:
                w[i] = 0


@njit(nogil=True, cache=True, fastmath=FAST)
def _largest(distances: Any, reference: Any) -> float:
    """The largest logit, relative to the references."""
    least = distances[0] + reference[0]
    for i in range(distances.shape[0]):
        value = distances[i] + reference[i]
        if value < least:
            least = value
    return -least


@njit(nogil=True, cache=True, fastmath=FAST)
def _relative(distances: Any, reference: Any) -> None:
    """Distances become logits relative to the references, in place."""
    for i in range(distances.shape[0]):
        distances[i] = -distances[i] - reference[i]


@njit(nogil=True, cache=True, fastmath=FAST)
def _raise(distances: Any, y: int, columns: Any, reference: Any, peaks: Any, totals: Any) -> None:
    """Move the references of a line up to its largest logits, and the sums with them."""
    weighted, state, sums = totals
    for x in range(columns[0], columns[1]):
        lanes = slice(x * LANES, (x + 1) * LANES)
        top = -distances[x * LANES]
        for i in range(x * LANES, (x + 1) * LANES):
            top = max(top, -distances[i])
        if top <= reference[y, x * LANES]:
            continue
        shift = 0.0 if peaks[y, x] == NOTHING else peaks[y, x] - top
        scale = 0.0 if peaks[y, x] == NOTHING else np.exp(shift)
        state[2, y, x] = (state[2, y, x] + state[0, y, x] * shift) * scale
        state[1, y, x] *= scale * scale
        state[0, y, x] *= scale
        for i in range(x * LANES, (x + 1) * LANES):
            weighted[2, y, i] = (weighted[2, y, i] + weighted[0, y, i] * shift) * scale
            weighted[1, y, i] *= scale * scale
            weighted[0, y, i] *= scale
        for c in range(sums.shape[0]):
            sums[c, y, x] *= scale
            for i in range(x * LANES, (x + 1) * LANES):
                weighted[3 + c, y, i] *= scale
        peaks[y, x] = top
        reference[y, lanes] = top
