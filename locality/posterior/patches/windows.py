"""Squared differences of all windows, moving down and along the image.

For one vertical shift of the candidates and some horizontal ones, a table holds for each column of the query
the squared differences of one column of a window: `columns [W, shifts lanes]`, the lanes being the images of
a block. Going down a line, one row enters the sums and one leaves; along the line, a window is the sum of
neighbouring rows of the table. Neither depends on the size of the window.

Arguments that travel together are tuples:
    window   (radius, wraps): half the patch, and whether images wrap around
    shifts   (first, count): the horizontal ones
"""

from __future__ import annotations

from typing import Any

from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import add_squares, slide


@kernel
def span(shift: int, size: int, radius: int, wraps: bool) -> Any:  # [first, last)
    """The lines whose patch may be compared with the one `shift` further down."""
    if wraps:  # and a shift upwards is one of those down
        return (0, size) if shift >= 0 else (0, 0)
    if shift == 0:
        return 0, size
    # Both patches must be whole: those that the border cuts are compared with their like alone.
    return max(radius, radius - shift), min(size - radius, size - radius - shift)


@kernel
def horizontal_shifts(width: int, window: Any) -> Any:  # [first, last)
    """The shifts at which some pixel has a candidate."""
    radius, wraps = window
    most = max(0, width - 2 * radius - 1)
    return (0, width) if wraps else (-most, most + 1)


@kernel
def allowed(q: int, width: int, window: Any, shifts: Any) -> Any:  # [first, last), of places among the shifts
    """Where a pixel of column q has candidates; see `span`."""
    radius, wraps = window
    first, count = shifts
    if wraps:
        return 0, count
    whole = radius <= q < width - radius
    low, high = (radius - q, width - radius - q) if whole else (0, 1)
    return max(0, low - first), min(count, high - first)


@kernel
def pieces(q: int, width: int, wraps: bool, shifts: Any) -> Any:  # ((first, last, column of the first), ...)
    """The places of column q whose shifted column exists, in two pieces that do not wrap around."""
    first, count = shifts
    if not wraps:
        low = max(0, -first - q)
        return (low, min(count, width - first - q), q + first + low), (0, 0, 0)
    start = (q + first) % width
    cut = min(count, width - start)
    return (0, cut, start), (cut, count, 0)


@kernel
def move_down(
    block: Any,
    x: Any,
    r: Any,
    b: int,
    scale: Any,
    move: Any,
    fresh: bool,
    window: Any,
    shifts: Any,
    columns: Any,
) -> None:
    """Let `columns` hold the sums around line y, move = (y, dy); unless `fresh`, they hold those of y - 1."""
    y, dy = move
    radius, wraps = window
    if fresh:
        columns[:] = 0
        for row in range(y - radius, y + radius + 1):
            _add_row(block, x, r, b, scale, (row, dy), wraps, shifts, columns)
    else:
        _add_row(block, x, r, b, scale, (y + radius, dy), wraps, shifts, columns)
        _add_row(block, x, r, b, -scale, (y - radius - 1, dy), wraps, shifts, columns)


@kernel
def _add_row(
    block: Any, x: Any, r: Any, b: int, scale: Any, move: Any, wraps: bool, shifts: Any, columns: Any
) -> None:
    """Add `scale |x - X|^2 - r` of line y and of the images' line y + dy; take it off if scale < 0."""
    channels, height, width, lanes = block.shape
    if not wraps and not 0 <= move[0] < height:
        return
    y, below = move[0] % height, (move[0] + move[1]) % height
    sign = -1 if scale > 0 else 1
    for q in range(width):
        for first, last, column in pieces(q, width, wraps, shifts):
            at = (below * width + column) * lanes
            line, length = (q * shifts[1] + first) * lanes, (last - first) * lanes
            plane, pixel = height * width, (b * channels * height + y) * width + q
            base, length = sign * r[b, y, q], max(0, length)
            add_squares(
                block, at, plane * lanes, x, pixel, plane, channels, scale, base, columns, line, length
            )


@kernel
def box(lines: Any, count: int, k: int, fresh: bool, window: Any, nothing: Any, sums: Any) -> None:
    """Let `sums` be that of the lines within the radius of line k; unless `fresh`, it is that around k - 1.

    `lines [count, ...]` are as long as `sums`; `nothing` is zero, and no shorter.
    """
    radius, wraps = window
    length = sums.size
    if fresh:
        sums[:] = 0
        for line in range(k - radius, k + radius + 1):
            if wraps or 0 <= line < count:
                slide(lines, line % count * length, nothing, 0, sums, 0, length)
        return
    enters, leaves = k + radius, k - radius - 1
    if wraps or (enters < count and leaves >= 0):
        slide(lines, enters % count * length, lines, leaves % count * length, sums, 0, length)
    elif enters < count:
        slide(lines, enters * length, nothing, 0, sums, 0, length)
    elif leaves >= 0:
        slide(nothing, 0, lines, leaves * length, sums, 0, length)
