"""The scan over every patch at every location, a block of images and a vertical shift at a time.

Arguments that travel together are tuples, besides those of `windows`:
    bank     (images [N, n] as they rest, levels, offset): a value v reads as v / levels + offset
    queries  (x [B, C, H, W], r [B, H, W]) in the working type, and scale [B]
    pixel    (b, y, q), and dy: a query, a line and a column of it, and the vertical shift of its candidates
"""

from __future__ import annotations

from typing import Any

import numpy as np

from locality.posterior.patches.windows import (
    allowed,
    box,
    horizontal_shifts,
    move_down,
    pieces,
    span,
)
from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import dot, least, moments, respond
from locality.posterior.vectors.llvm import STEP
from locality.posterior.vectors.reading import aligned, read_block
from locality.posterior.vectors.softmax import NEGLIGIBLE, merge, normalise

_LANES = 64  # the most images of a block
_LINE = 2048  # numbers of a line, long enough that what it costs besides does not count
_SHORT = 512  # the most of a derivative's line, of which it keeps one for every pixel
_KEPT = 2**19  # numbers kept so, if a line of one shift lets them be so few


@kernel
def forward(
    bank: Any,
    first: int,  # of the images to scan
    last: int,
    queries: Any,
    window: Any,
    state: Any,  # [B, H, W, 4] float64: the running softmax of every pixel, as in `softmax`
    sums: Any,  # [B, C, H, W] float64: sums of weight * value
) -> None:
    """Merge the patches of images first..last into the running softmax of every pixel."""
    images, levels, offset = bank
    x, r, scale = queries
    _, channels, height, width = x.shape
    ends = horizontal_shifts(width, window)
    for start in range(first, last, _LANES):
        count = min(_LANES, last - start)
        lanes = -(-count // STEP) * STEP
        block = aligned((channels, height, width, lanes), x)
        read_block(images, start, last, levels, offset, block.reshape((-1, lanes)))
        for left in range(ends[0], ends[1], _LINE // lanes):
            shifts = (left, min(_LINE // lanes, ends[1] - left))
            columns, line = aligned((width, shifts[1] * lanes), x), (shifts[1] * lanes,)
            distances, w, none = aligned(line, x), aligned(line, x), np.zeros(line, x.dtype)
            for b in range(len(x)):
                factor = x.dtype.type(scale[b])
                for dy in range(1 - height, height):
                    rows = span(dy, height, window[0], window[1])
                    for y in range(rows[0], rows[1]):
                        move_down(block, x, r, b, factor, (y, dy), y == rows[0], window, shifts, columns)
                        for q in range(width):
                            box(columns, width, q, q == 0, window, none, distances)
                            places = allowed(q, width, window, shifts)
                            at, length = places[0] * lanes, max(0, places[1] - places[0]) * lanes
                            top, kept = -least(distances, at, length), state[b, y, q]
                            peak = top if kept[1] == 0 else max(kept[0], np.float64(top))
                            if length == 0 or top < peak - NEGLIGIBLE:
                                continue
                            shrink = merge(distances, at, w, at, length, peak, (lanes, count), kept)
                            for c in range(channels):
                                sums[b, c, y, q] *= shrink
                            _add_values(block, (b, y, q), dy, places, w, window[1], shifts, sums)


@kernel
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
) -> None:
    """The transpose of the windows, applied to the weights of the patches of images first..last."""
    images, levels, offset = bank
    x, r, scale = queries
    _, channels, height, width = x.shape
    ends = horizontal_shifts(width, window)
    for start in range(first, last, _LANES):
        count = min(_LANES, last - start)
        lanes = -(-count // STEP) * STEP
        block = aligned((channels, height, width, lanes), x)
        read_block(images, start, last, levels, offset, block.reshape((-1, lanes)))
        together = max(1, min(_SHORT, _KEPT // (height * width)) // lanes)
        for left in range(ends[0], ends[1], together):
            shifts = (left, min(together, ends[1] - left))
            columns, line = aligned((width, shifts[1] * lanes), x), (shifts[1] * lanes,)
            responses = aligned((height, width, shifts[1] * lanes), x)
            distances, w, none = aligned(line, x), aligned(line, x), np.zeros_like(columns)
            for b in range(len(x)):
                factor = x.dtype.type(scale[b])
                for dy in range(1 - height, height):
                    rows, some = span(dy, height, window[0], window[1]), False
                    if rows[0] >= rows[1]:
                        continue
                    responses[:] = 0
                    for y in range(rows[0], rows[1]):
                        move_down(block, x, r, b, factor, (y, dy), y == rows[0], window, shifts, columns)
                        for q in range(width):
                            box(columns, width, q, q == 0, window, none, distances)
                            places, known = allowed(q, width, window, shifts), evidence[b, y, q]
                            at, length = places[0] * lanes, max(0, places[1] - places[0]) * lanes
                            if length > 0 and normalise(distances, at, w, at, length, (lanes, count), known):
                                some = True
                                _respond(
                                    block, g, means, (b, y, q), dy, places, w, window[1], shifts, responses
                                )
                    if some:
                        for y in range(height):
                            box(responses, height, y, y == 0, window, none, columns)
                            for q in range(width):
                                box(columns, width, q, q == 0, window, none, distances)
                                _gather(block, centre, (b, y, q), dy, distances, window[1], shifts, sums)


@kernel
def _add_values(
    block: Any, pixel: Any, dy: int, places: Any, w: Any, wraps: bool, shifts: Any, sums: Any
) -> None:
    """`sums += w . X`, of the candidates of one pixel."""
    b, y, q = pixel
    channels, height, width, lanes = block.shape
    for low, high, column in pieces(q, width, wraps, shifts):
        first, last = max(low, places[0]), min(high, places[1])
        for c in range(channels):
            at = ((c * height + (y + dy) % height) * width + column + first - low) * lanes
            sums[b, c, y, q] += dot(w, first * lanes, block, at, max(0, last - first) * lanes)


@kernel
def _respond(
    block: Any, g: Any, means: Any, pixel: Any, dy: int, places: Any, w: Any, wraps: bool, shifts: Any,
    responses: Any,
) -> None:  # fmt: skip
    """`w (g . X - mean)`, of the candidates of one pixel."""
    b, y, q = pixel
    channels, height, width, lanes = block.shape
    mean, at, plane = g.dtype.type(means[b, y, q]), (b * channels * height + y) * width + q, height * width
    for low, high, column in pieces(q, width, wraps, shifts):
        first, last = max(low, places[0]), min(high, places[1])
        values = ((y + dy) % height * width + column + first - low) * lanes
        out, line = ((y * width + q) * shifts[1] + first) * lanes, first * lanes
        length = max(0, last - first) * lanes
        respond(block, values, plane * lanes, g, at, plane, channels, mean, w, line, responses, out, length)


@kernel
def _gather(
    block: Any, centre: Any, pixel: Any, dy: int, collected: Any, wraps: bool, shifts: Any, sums: Any
) -> None:
    """`sums += collected . (X - centre)`, of the shifted images at one pixel."""
    b, y, q = pixel
    channels, height, width, lanes = block.shape
    for low, high, column in pieces(q, width, wraps, shifts):
        for c in range(channels):
            at = ((c * height + (y + dy) % height) * width + column) * lanes
            length = max(0, high - low) * lanes
            sums[b, c, y, q] += moments(collected, low * lanes, block, at, centre[b, c, y, q], length)[2]
