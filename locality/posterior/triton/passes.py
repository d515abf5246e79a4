"""What runs on the GPU, one program for a line of tiles, a noisy image and a part of the bank.

A product with a mask is a product on the matrix units. A float32 number goes in as two float16 ones, high and
low, which hold 22 bits of it, and no less than 2^-25; the mask is exact in float16. The sums of each tile are
float32, and are added up outside the matrix units, which cut what they add instead of rounding it.

Coordinates are those in which the bank rests: bytes are 0 to 255, and x and the scale are in the same unit.

Arguments that travel together:
    which, starts, inverted, tiles      see `Tiles`
    x [B, n], shift [B, P], scale [B]   float32
    total [B, N]                        the sum over all places; read where a line is inverted
"""

from __future__ import annotations

import triton
import triton.language as tl

from locality.posterior.triton.tiles import LARGEST

MOST = tl.constexpr(LARGEST)


@triton.jit
def add_product(total, mask, terms):
    """`total + mask @ terms`, the mask being 0 or 1 in float16."""
    terms = tl.minimum(tl.maximum(terms, -MOST), MOST)
    high = terms.to(tl.float16)
    low = (terms - high.to(tl.float32)).to(tl.float16)
    return total + tl.dot(mask, high, tl.dot(mask, low))


@triton.jit
def terms(
    images, x, shift, scale, b, image, there, place, moved, fits,
    n, places, PLANES: tl.constexpr, IMAGES: tl.constexpr, PLACES: tl.constexpr,
):  # fmt: skip
    """`scale |x_p - X_im|^2 - shift_p`, [IMAGES, PLACES], added up over the channels that share a place.

    `moved` is the place m in the image, where it `fits`.
    """
    inside = place < places
    total = tl.zeros([IMAGES, PLACES], tl.float32)
    for plane in tl.static_range(PLANES):
        value = tl.load(
            images + image.to(tl.int64)[:, None] * n + (plane * places + moved)[None, :],
            mask=there[:, None] & fits[None, :], other=0,
        ).to(tl.float32)  # fmt: skip
        asked = tl.load(x + b * n + plane * places + place, mask=inside, other=0)
        difference = asked[None, :] - value
        total += difference * difference
    return total * tl.load(scale + b) - tl.load(shift + b * places + place, mask=inside, other=0)[None, :]


@triton.jit
def united(peak, weight, square, energy, logit, there):
    """The running softmax of [ROWS] rows with logits [ROWS, IMAGES] that are `there`.

    Besides, the weights of these, and by what sums shrink.
    """
    top = tl.maximum(peak, tl.max(tl.where(there, logit, float("-inf")), 1))
    base = tl.where(top > float("-inf"), top, 0)  # no candidate yet
    drop = tl.where(weight > 0, peak - base, 0)
    relative = tl.where(there, logit - base[:, None], 0)
    w = tl.where(there, tl.exp(relative), 0)
    shrink = tl.exp(drop).to(tl.float64)
    energy = (energy + weight * drop) * shrink + tl.sum(w * relative, 1).to(tl.float64)
    weight = weight * shrink + tl.sum(w, 1).to(tl.float64)
    square = square * shrink * shrink + tl.sum(w * w, 1).to(tl.float64)
    return top, weight, square, energy, w, shrink


@triton.jit
def keep(at, there, peak, weight, square, energy):
    """Write rows as a Weighed has them."""
    tl.store(at, peak.to(tl.float64), mask=there)
    tl.store(at + 1, weight, mask=there)
    tl.store(at + 2, square, mask=there)
    tl.store(at + 3, energy, mask=there)


@triton.jit(do_not_specialize=["count"])  # or every other size would be compiled anew
def whole_distances(
    images, x, shift, scale, total, count, n, places,
    PLANES: tl.constexpr, IMAGES: tl.constexpr, PLACES: tl.constexpr,
):  # fmt: skip
    """`total[b, i] = sum_p scale (x_p - X_ip)^2 - shift_p`, added up in float64."""
    image = tl.program_id(0) * IMAGES + tl.arange(0, IMAGES)
    b = tl.program_id(1).to(tl.int64)
    there = image < count
    found = tl.zeros([IMAGES], tl.float64)
    for first in range(0, places, PLACES):
        place = first + tl.arange(0, PLACES)
        part = terms(
            images, x, shift, scale, b, image, there, place, place, place < places,
            n, places, PLANES, IMAGES, PLACES,
        )  # fmt: skip
        found += tl.sum(part, 1).to(tl.float64)
    tl.store(total + b * count + image, found.to(tl.float32), mask=there)


@triton.jit(do_not_specialize=["count", "rows", "each"])
def softmaxes(
    images, x, shift, scale, total, which, starts, inverted, tiles, served, rows_out, sums_out,
    count, n, places, rows, each,
    PLANES: tl.constexpr, SERVED: tl.constexpr, IMAGES: tl.constexpr,
    PLACES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """The softmaxes of `each` images: rows_out [S, B, R, 4] as a Weighed has them, sums_out [S, B, n].

    `served [R, SERVED]` are the outputs of each row; n where there is none. Sums are in coordinates.
    """
    line = tl.program_id(0)
    b = tl.program_id(1).to(tl.int64)
    part = tl.program_id(2)
    row = line * ROWS + tl.arange(0, ROWS)
    flip = tl.load(inverted + line) != 0
    first = tl.load(starts + line)
    last = tl.load(starts + line + 1)
    entries = tl.arange(0, ROWS)[:, None] * PLACES + tl.arange(0, PLACES)[None, :]
    column = tl.arange(0, SERVED)
    peak = tl.full([ROWS], float("-inf"), tl.float32)
    weight = tl.zeros([ROWS], tl.float64)
    square = tl.zeros([ROWS], tl.float64)
    energy = tl.zeros([ROWS], tl.float64)
    sums = tl.zeros([ROWS, SERVED], tl.float64)
    end = tl.minimum((part + 1) * each, count)
    for start in range(part * each, end, IMAGES):
        image = start + tl.arange(0, IMAGES)
        there = image < end
        distance = tl.zeros([ROWS, IMAGES], tl.float32)
        tile = tiles + first.to(tl.int64) * (ROWS * PLACES) + entries
        for t in range(first, last):
            place = tl.load(which + t) * PLACES + tl.arange(0, PLACES)
            term = terms(
                images, x, shift, scale, b, image, there, place, place, place < places,
                n, places, PLANES, IMAGES, PLACES,
            )  # fmt: skip
            distance = add_product(distance, tl.load(tile), tl.trans(term))
            tile += ROWS * PLACES
        whole = tl.load(total + b * count + image, mask=there & flip, other=0)
        logit = tl.where(flip, distance - whole[None, :], -distance)
        peak, weight, square, energy, w, shrink = united(
            peak, weight, square, energy, logit, tl.broadcast_to(there[None, :], (ROWS, IMAGES))
        )
        sums = sums * shrink[:, None]
        for k in tl.static_range(SERVED):
            output = tl.load(served + row * SERVED + k, mask=row < rows, other=n)
            value = tl.load(
                images + image.to(tl.int64)[:, None] * n + output[None, :],
                mask=there[:, None] & (output < n)[None, :], other=0,
            )  # fmt: skip
            found = tl.sum(w * tl.trans(value).to(tl.float32), 1).to(tl.float64)
            sums += tl.where(column[None, :] == k, found[:, None], 0)
    lane = part * tl.num_programs(1) + b
    keep(rows_out + (lane * rows + row) * 4, row < rows, peak, weight, square, energy)
    output = tl.load(served + row[:, None] * SERVED + column[None, :], mask=(row < rows)[:, None], other=n)
    tl.store(sums_out + lane * n + output, sums, mask=output < n)


@triton.jit(do_not_specialize=["count"])
def products(
    values, scale, total, which, starts, inverted, tiles, out,
    count, places, rows, IMAGES: tl.constexpr, PLACES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """`out[m, r] = sum_p mask[r, p] values[m, p]`; `values[m] / scale[m]` is what float16 holds well."""
    image = tl.program_id(0) * IMAGES + tl.arange(0, IMAGES)
    line = tl.program_id(1)
    there = image < count
    row = line * ROWS + tl.arange(0, ROWS)
    flip = tl.load(inverted + line) != 0
    first = tl.load(starts + line)
    last = tl.load(starts + line + 1)
    entries = tl.arange(0, ROWS)[:, None] * PLACES + tl.arange(0, PLACES)[None, :]
    tile = tiles + first.to(tl.int64) * (ROWS * PLACES) + entries
    unit = tl.load(scale + image, mask=there, other=1)
    found = tl.zeros([ROWS, IMAGES], tl.float32)
    for t in range(first, last):
        place = tl.load(which + t) * PLACES + tl.arange(0, PLACES)
        part = tl.load(
            values + image.to(tl.int64)[:, None] * places + place[None, :],
            mask=there[:, None] & (place < places)[None, :], other=0,
        )  # fmt: skip
        found = add_product(found, tl.load(tile), tl.trans(part / unit[:, None]))
        tile += ROWS * PLACES
    found = found * unit[None, :]
    whole = tl.load(total + image, mask=there & flip, other=0)
    found = tl.where(flip, whole[None, :] - found, found)
    to = out + image.to(tl.int64)[None, :] * rows + row[:, None]
    tl.store(to, found, mask=there[None, :] & (row < rows)[:, None])
