"""Softmaxes over patches on the GPU: as in `passes`, and all shifts besides."""

from __future__ import annotations

import triton
import triton.language as tl

from locality.posterior.triton.passes import add_product, keep, terms, united


@triton.jit
def moved_by(place, down, right, height, width, WRAPS: tl.constexpr):
    """The place so far down and to the right, and whether there is one."""
    line = place // width + down
    column = place % width + right
    if WRAPS:  # shifts are from 0
        line = line % height
        column = column % width
    fits = (line >= 0) & (line < height) & (column >= 0) & (column < width) & (place < height * width)
    return line * width + column, fits


@triton.jit(do_not_specialize=["count", "each"])
def patch_softmaxes(
    images, x, shift, scale, which, starts, tiles, rows_out, sums_out,
    count, n, height, width, each, radius, shifts, across, first_down, first_right,
    WRAPS: tl.constexpr, PLANES: tl.constexpr, COLUMNS: tl.constexpr,
    IMAGES: tl.constexpr, PLACES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """As `softmaxes`, a row for each pixel, and every image in all shifts at which the pixel has a candidate.

    Shift s is `first_down + s // across` down and `first_right + s % across` to the right. Patches that the
    border cuts are compared with their like alone.
    """
    line = tl.program_id(0)
    b = tl.program_id(1).to(tl.int64)
    part = tl.program_id(2)
    places = height * width
    row = line * ROWS + tl.arange(0, ROWS)
    first = tl.load(starts + line)
    last = tl.load(starts + line + 1)
    entries = tl.arange(0, ROWS)[:, None] * PLACES + tl.arange(0, PLACES)[None, :]
    column = tl.arange(0, COLUMNS)
    peak = tl.full([ROWS], float("-inf"), tl.float32)
    weight = tl.zeros([ROWS], tl.float64)
    square = tl.zeros([ROWS], tl.float64)
    energy = tl.zeros([ROWS], tl.float64)
    sums = tl.zeros([ROWS, COLUMNS], tl.float64)
    y = row // width
    z = row % width
    end = tl.minimum((part + 1) * each, count)
    for start in range(part * each, end, IMAGES):
        image = start + tl.arange(0, IMAGES)
        there = image < end
        for s in range(shifts):
            down = first_down + s // across
            right = first_right + s % across
            distance = tl.zeros([ROWS, IMAGES], tl.float32)
            tile = tiles + first.to(tl.int64) * (ROWS * PLACES) + entries
            for t in range(first, last):
                place = tl.load(which + t) * PLACES + tl.arange(0, PLACES)
                moved, fits = moved_by(place, down, right, height, width, WRAPS)
                term = terms(
                    images, x, shift, scale, b, image, there, place, moved, fits,
                    n, places, PLANES, IMAGES, PLACES,
                )  # fmt: skip
                distance = add_product(distance, tl.load(tile), tl.trans(term))
                tile += ROWS * PLACES
            centre, met = moved_by(row, down, right, height, width, WRAPS)
            if not WRAPS:
                whole = (y >= radius) & (y + radius < height)
                like = (y + down >= radius) & (y + down + radius < height)
                met = met & ((down == 0) | (whole & like))
                whole = (z >= radius) & (z + radius < width)
                like = (z + right >= radius) & (z + right + radius < width)
                met = met & ((right == 0) | (whole & like))
            peak, weight, square, energy, w, shrink = united(
                peak, weight, square, energy, -distance, met[:, None] & there[None, :]
            )
            sums = sums * shrink[:, None]
            for k in tl.static_range(PLANES):
                value = tl.load(
                    images + image.to(tl.int64)[:, None] * n + (k * places + centre)[None, :],
                    mask=there[:, None] & met[None, :], other=0,
                )  # fmt: skip
                found = tl.sum(w * tl.trans(value).to(tl.float32), 1).to(tl.float64)
                sums += tl.where(column[None, :] == k, found[:, None], 0)
    lane = part * tl.num_programs(1) + b
    keep(rows_out + (lane * places + row) * 4, row < places, peak, weight, square, energy)
    output = column[None, :] * places + row[:, None]
    tl.store(sums_out + lane * n + output, sums, mask=(row < places)[:, None] & (column < PLANES)[None, :])
