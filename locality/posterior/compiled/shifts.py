"""The scan over every patch at every location: one shift of the candidates at a time.

For a shift s, `|patch of x at q - patch of X at q + s|^2` for all q at once is a box filter of the squared
differences of x and the shifted X: its cost does not grow with the patch. A row of the work arrays is one
line of the image times the images of a block, flat: inner loops are long, contiguous and vectorise.

Arguments that travel together are tuples:
    bank     (images [N, C, H, W] as they rest, levels, offset): a value v reads as v / levels + offset
    queries  (x [B, C, H, W], r [B, H, W], scale), in the working type
    window   (radius, wraps): half the patch, and whether images wrap around
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from locality.posterior.compiled.boxes import (
    LANES,
    add,
    add_product,
    box_line,
    read_planes,
    segments,
    shifted_squares,
    span,
    spread_line,
    spread_planes,
    subtract_product,
    work_lines,
)
from locality.posterior.compiled.exponential import FAST
from locality.posterior.compiled.line_weights import flush, normalise, take


@njit(nogil=True, cache=True, fastmath=FAST)
def forward(
    bank: Any,
    first: int,  # of the images to scan
    last: int,
    queries: Any,
    window: Any,
    peaks: Any,  # [B, H, W] float64: the reference of the sums, `NOTHING` at first
    state: Any,  # [B, 3, H, W] float64: sums of weights, of their squares, of weight * (logit - peak)
    sums: Any,  # [B, C, H, W] float64: sums of weight * value
    bits: Any,  # [W lanes] scratch: integers as wide as the working type
) -> None:
    """Merge the patches of images first..last into the running softmax of every pixel."""
    x, r, scale = queries
    radius, wraps = window
    channels, height, width = x.shape[1:]
    block = np.empty((channels, height, width * LANES), x.dtype)
    query = np.empty_like(block)
    shift = np.empty(block.shape[1:], x.dtype)
    reference = np.empty_like(shift)
    weighted = np.zeros((channels + 3, height, width * LANES), x.dtype)
    lines = work_lines(x, radius, bits)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        read_planes(bank, start, count, block)
        for b in range(x.shape[0]):
            spread_planes(x[b], query)
            spread_line(r[b], shift)
            spread_line(peaks[b], reference)
            totals = (weighted, state[b], sums[b])
            for dy in range(1 - height, height):
                rows = span(dy, height, radius, wraps)
                if rows[0] >= rows[1]:
                    continue
                for dx in range(1 - width, width):
                    columns = span(dx, width, radius, wraps)
                    if columns[0] >= columns[1]:
                        continue
                    shifted_squares(block, query, shift, scale, (dy, dx), wraps, lines[0])
                    for y in range(rows[0], rows[1]):
                        box_line(lines, y, y == rows[0], radius, wraps)
                        take(lines, block, count, y, (dy, dx), columns, reference, peaks[b], totals)
                flush(totals)


@njit(nogil=True, cache=True, fastmath=FAST)
def backward(
    bank: Any,
    first: int,
    last: int,
    queries: Any,
    window: Any,
    evidence: Any,  # [B, H, W] float64: log of the sum of the exponentials over all candidates
    g: Any,  # [B, C, H, W] the cotangent
    means: Any,  # [B, H, W] the weighted mean of g . X, per pixel
    centre: Any,  # [B, C, H, W] subtracted from the images: changes nothing but rounding
    sums: Any,  # [B, C, H, W] float64: sum_q,candidates weight (g_q . X_q - mean_q) (X_p - centre_p)
    bits: Any,  # [W lanes] scratch
) -> None:
    """The transpose of the windows, applied to the weights of the patches of images first..last."""
    x, r, scale = queries
    radius, wraps = window
    channels, height, width = x.shape[1:]
    block = np.empty((channels, height, width * LANES), x.dtype)
    query, probe, middle = np.empty_like(block), np.empty_like(block), np.empty_like(block)
    total = np.empty_like(block)
    shift, reference = np.empty(block.shape[1:], x.dtype), np.empty(block.shape[1:], x.dtype)
    mean, seen = np.empty_like(shift), np.empty_like(shift)
    lines = work_lines(x, radius, bits)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        read_planes(bank, start, count, block)
        for b in range(x.shape[0]):
            spread_planes(x[b], query)
            spread_planes(g[b], probe)
            spread_planes(centre[b], middle)
            spread_line(r[b], shift)
            spread_line(evidence[b], reference)
            spread_line(means[b], mean)
            total[:] = 0
            for dy in range(1 - height, height):
                rows = span(dy, height, radius, wraps)
                for dx in range(1 - width, width):
                    columns = span(dx, width, radius, wraps)
                    if rows[0] >= rows[1] or columns[0] >= columns[1]:
                        continue
                    shifted_squares(block, query, shift, scale, (dy, dx), wraps, lines[0])
                    seen[:] = 0
                    some = False
                    for y in range(rows[0], rows[1]):
                        box_line(lines, y, y == rows[0], radius, wraps)
                        if normalise(lines, count, y, columns, reference):
                            some = True
                            _probe(lines[4], block, y, (dy, dx), columns, probe, mean, seen)
                    if some:
                        lines[0][:] = seen
                        _gather(lines, block, middle, (dy, dx), radius, wraps, total)
            _collect(total, sums[b])


@njit(nogil=True, cache=True, fastmath=FAST)
def _probe(w: Any, block: Any, y: int, move: Any, columns: Any, probe: Any, mean: Any, seen: Any) -> None:
    """`seen = w (g . X - mean)`, for one line of pixels at one shift."""
    row = (y + move[0]) % block.shape[1]
    for first, last, offset in segments(move[1], columns[0], columns[1], block.shape[2] // LANES):
        line = seen[y, first:last]
        add(mean[y, first:last], line, -1)
        for c in range(block.shape[0]):
            add_product(probe[c, y, first:last], block[c, row, first + offset : last + offset], line)
        line *= w[first:last]


@njit(nogil=True, cache=True, fastmath=FAST)
def _gather(lines: Any, block: Any, middle: Any, move: Any, radius: int, wraps: bool, total: Any) -> None:
    """Each input collects from the windows that hold it, times what the shifted image has there."""
    channels, height, flat = block.shape
    width = flat // LANES
    dy, dx = move
    first, last = (0, width) if wraps else (max(0, -dx), min(width, width - dx))
    for y in range(height):
        box_line(lines, y, y == 0, radius, wraps)
        row = (y + dy) % height
        if not wraps and row != y + dy:
            continue
        for begin, end, offset in segments(dx, first, last, width):
            w = lines[3][begin:end]
            for c in range(channels):
                add_product(w, block[c, row, begin + offset : end + offset], total[c, y, begin:end])
                subtract_product(w, middle[c, y, begin:end], total[c, y, begin:end])


@njit(nogil=True, cache=True, fastmath=FAST)
def _collect(total: Any, sums: Any) -> None:
    """Add the lanes up in float64."""
    for c in range(total.shape[0]):
        for y in range(total.shape[1]):
            for i in range(total.shape[2]):
                sums[c, y, i // LANES] += total[c, y, i]
