"""Lines of images and of differences, and their box filters, for the scan over shifts.

A line is one row of the image times the images of a block, flat: inner loops are long and contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from locality.posterior.compiled.exponential import FAST

LANES = 16  # images of a block: the running sums look back this far, which no vector may exceed


@njit(nogil=True, cache=True)
def span(shift: int, size: int, radius: int, wraps: bool) -> Any:  # [first, last)
    """The lines or columns whose patch may be compared with the one `shift` further on."""
    if wraps:
        return (0, size) if shift >= 0 else (0, 0)
    if shift == 0:
        return 0, size
    # Both patches must be whole: those that the border cuts are compared with their like alone.
    return max(radius, radius - shift), min(size - radius, size - radius - shift)


@njit(nogil=True, cache=True)
def segments(
    shift: int, first: int, last: int, size: int
) -> Any:  # ((first, last, offset), ...) in flat units
    """Columns first..last in two pieces, and where the shifted ones lie relative to them, wrapping around."""
    cut = min(max(size - shift, first), last)
    return (
        (first * LANES, cut * LANES, shift * LANES),
        (cut * LANES, last * LANES, (shift - size) * LANES),
    )


@njit(nogil=True, cache=True, fastmath=FAST)
def read_planes(bank: Any, first: int, count: int, block: Any) -> None:
    """Fill `block [C, H, W lanes]` with `count` images; lanes past them repeat the last."""
    images, levels, offset = bank
    for j in range(LANES):
        image = images[first + min(j, count - 1)]
        for c in range(block.shape[0]):
            for y in range(block.shape[1]):
                for x in range(image.shape[2]):
                    block[c, y, x * LANES + j] = image[c, y, x] / levels + offset


@njit(nogil=True, cache=True, fastmath=FAST)
def spread_line(plane: Any, out: Any) -> None:
    """`out[y, x lanes + j] = plane[y, x]`."""
    for y in range(plane.shape[0]):
        for i in range(out.shape[1]):
            out[y, i] = plane[y, i // LANES]


@njit(nogil=True, cache=True, fastmath=FAST)
def spread_planes(planes: Any, out: Any) -> None:
    """The same for every channel."""
    for c in range(planes.shape[0]):
        spread_line(planes[c], out[c])


@njit(nogil=True, cache=True, fastmath=FAST)
def work_lines(x: Any, radius: int, bits: Any) -> Any:
    """(differences [H, f], padded window sums, their running sums, distances [f], weights [f], bits [f])."""
    height, width = x.shape[2:]
    flat, pad = width * LANES, 2 * radius * LANES
    return (
        np.empty((height, flat), x.dtype),
        np.zeros(flat + pad, x.dtype),
        np.zeros(flat + pad + LANES, x.dtype),
        np.empty(flat, x.dtype),
        np.empty(flat, x.dtype),
        bits,
    )


@njit(nogil=True, cache=True, fastmath=FAST)
def shifted_squares(
    block: Any, query: Any, shift: Any, scale: float, move: Any, wraps: bool, out: Any
) -> None:
    """`out[y, x] = scale sum_c |query[c, y, x] - block[c, y + dy, x + dx]|^2 - shift[y, x]`, 0 outside."""
    dy, dx = move
    channels, height, flat = block.shape
    width = flat // LANES
    first, last = (0, width) if wraps else (max(0, -dx), min(width, width - dx))
    factor = block[0, 0, 0] * 0 + scale
    for y in range(height):
        row = (y + dy) % height
        if not wraps and (y + dy != row or first > 0 or last < width):
            out[y, :] = 0
        if not wraps and y + dy != row:
            continue
        for begin, end, offset in segments(dx, first, last, width):
            line = out[y, begin:end]
            line[:] = 0
            add(shift[y, begin:end], line, -1)
            for c in range(channels):
                shifted = block[c, row, begin + offset : end + offset]
                add_square(query[c, y, begin:end], shifted, factor, line)


@njit(nogil=True, cache=True, fastmath=FAST)
def box_line(lines: Any, y: int, fresh: bool, radius: int, wraps: bool) -> None:
    """Put the sums of the windows centred on line y into `lines[3]`.

    Unless `fresh`, the last call was for the line above: one line enters and one leaves. Columns are summed
    from running sums over the padded line.
    """
    source, padded, running, out = lines[0], lines[1], lines[2], lines[3]
    height, flat = source.shape
    pad = radius * LANES
    middle = padded[pad : pad + flat]
    if fresh:
        middle[:] = 0
        for row in range(y - radius, y + radius + 1):
            if wraps or 0 <= row < height:
                add(source[row % height], middle, 1)
    else:
        if wraps or y + radius < height:
            add(source[(y + radius) % height], middle, 1)
        if wraps or y - radius - 1 >= 0:
            add(source[(y - radius - 1) % height], middle, -1)
    if wraps:
        for i in range(pad):
            padded[i] = middle[(i - pad) % flat]
            padded[pad + flat + i] = middle[i % flat]
    for i in range(padded.shape[0]):
        running[i + LANES] = running[i] + padded[i]
    out[:] = running[(2 * radius + 1) * LANES :]
    add(running[:flat], out, -1)


@njit(nogil=True, cache=True, fastmath=FAST)
def add(line: Any, total: Any, sign: int) -> None:
    """`total += sign line`, sign 1 or -1."""
    if sign > 0:
        for i in range(total.shape[0]):
            total[i] += line[i]
    else:
        for i in range(total.shape[0]):
            total[i] -= line[i]


@njit(nogil=True, cache=True, fastmath=FAST)
def add_product(a: Any, b: Any, total: Any) -> None:
    """`total += a b`."""
    for i in range(total.shape[0]):
        total[i] += a[i] * b[i]


@njit(nogil=True, cache=True, fastmath=FAST)
def subtract_product(a: Any, b: Any, total: Any) -> None:
    """`total -= a b`."""
    for i in range(total.shape[0]):
        total[i] -= a[i] * b[i]


@njit(nogil=True, cache=True, fastmath=FAST)
def add_square(a: Any, b: Any, scale: Any, total: Any) -> None:
    """`total += scale (a - b)^2`."""
    for i in range(total.shape[0]):
        difference = a[i] - b[i]
        total[i] += difference * difference * scale
