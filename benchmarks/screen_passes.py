"""The screened scan: a bound in float32 for every image, and float64 for the few that it lets pass.

A mask row looks at places in cells. By Cauchy-Schwarz, the distance of x from an image a there is
    |x - a|^2 >= sum_k m_k (mean_k x - mean_k a)^2 + (rest x - rest a)^2,
with m_k the places of cell k and `rest` the length of what the means leave: one product of K + 1 numbers.

Arguments that travel together are tuples:
    bank     (images [N, n] as they rest, levels, offset): a value v reads as v / levels + offset
    cells    (places, starts [R K + 1], share [R K] 1 / m, root [R K] 1 / sqrt(m), K), see `Cells`
    queries  (x [B, n] float64 in the numbers of images at rest, -2 times its features [B, R, K + 1] float32,
             nats of a squared such number)
    limits   (reach [R] nats, base [B, R]): an image is left out where it is farther than `reach` beyond the
             log-partition so far; base is what float32 may have to add to a bound, less |x|^2
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import intrinsic
from locality.posterior.vectors.llvm import Numbers, Value, Variable
from locality.posterior.vectors.reading import aligned, read_block
from locality.posterior.vectors.softmax import merge_exactly
from locality.posterior.vectors.table_rows import ROW_BYTES

LANES = ROW_BYTES // 4  # images of a block; a line holds one float32 for each
_BITS = ir.IntType(LANES)
_PLACE = types.intp


@intrinsic
def add_cell(
    typing: Any, block: Any, places: Any, first: Any, last: Any, share: Any, root: Any, features: Any, k: Any,
    rest: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """`features[k] = root S`, S the sum of the lines `places[first:last]` of a block.

    What is left, `sum (line - share S)^2`, is added to `features[rest]`, and `sum line^2` to the line after.
    """

    def code(*call: Any) -> Any:
        v = Numbers(*call, width=LANES)

        def line(n: Value) -> Value:
            return v.load(0, v.index(1, n) * v.width)

        total = Variable(v.constant(0.0))
        for n in v.each(v[2], v[3]):
            total.set(total.get() + line(n))
        kept = total.get()
        v.store(6, v[7] * v.width, kept * v[5].spread(v.width))
        mean, apart = kept * v[4].spread(v.width), Variable(v.constant(0.0))
        for n in v.each(v[2], v[3]):
            difference = line(n) + (-mean)
            apart.set(apart.get() + difference * difference)
        for at, more in ((v[8], apart.get()), (v[8] + 1, kept * mean + apart.get())):
            v.store(6, at * v.width, v.load(6, at * v.width) + more)
        return call[0].get_dummy_value()

    number = block.dtype
    given = (block, places, _PLACE, _PLACE, number, number, features, _PLACE, _PLACE)
    return types.void(*given), code


@intrinsic
def within(
    typing: Any, features: Any, count: Any, x: Any, at: Any, limit: Any
) -> tuple[Any, Any]:  # fmt: skip
    """The lanes, one bit each, in which `features[count] + sum_k<count x[at + k] features[k] <= limit`."""

    def code(*call: Any) -> Any:
        v = Numbers(*call, width=LANES)
        total = Variable(v.load(0, v[1] * v.width))
        for k in v.each(0, v[1]):
            total.set(total.get() + v.number(2, v[3] + k) * v.load(0, k * v.width))
        low = v.builder.fcmp_ordered("<=", total.get().raw, v[4].spread(v.width).raw)
        return v.builder.bitcast(low, _BITS)

    return types.uint64(features, _PLACE, x, _PLACE, features.dtype), code


@intrinsic
def lowest(typing: Any, bits: Any) -> tuple[Any, Any]:
    """The place of the lowest bit that is set; there must be one."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.intp(types.uint64), code


@kernel
def screen(
    bank: Any,
    cells: Any,
    queries: Any,
    limits: Any,
    outputs: Any,  # [R] which output a row is of
    state: Any,  # [B, R, 4] float64, as in `softmax`
    sums: Any,  # [B, R] float64: sum of weight * value
    seen: Any,  # [B, R, 2] int64: images that the bound let pass, and those of them that were weighed
    farthest: Any,  # [B, R] float64: the limits in squares of numbers at rest, before and after
) -> None:
    """Merge all images into the running softmax of every query and row, but for those left out."""
    images, levels, offset = bank
    x, asked, scale = queries
    reach, base = limits
    count = cells[4]
    like = np.empty(0, np.float32)
    block, features = aligned((images.shape[1], LANES), like), aligned((count + 2, LANES), like)
    logits, w, which = np.empty(LANES), np.empty(LANES), np.empty(LANES, np.int64)
    cut = (farthest / (levels * levels) + base).astype(np.float32)
    for start in range(0, images.shape[0], LANES):
        read_block(images, start, images.shape[0], levels, offset, block)
        full = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(LANES - min(LANES, images.shape[0] - start))
        for u in range(reach.shape[0]):
            measure(block, cells, u, features)
            for b in range(x.shape[0]):
                line = (b * reach.shape[0] + u) * (count + 1)
                bits = within(features, count + 1, asked, line, cut[b, u]) & full
                if bits == 0:
                    continue
                found = look(images, start, bits, x[b], cells, u, farthest[b, u], logits, which, seen[b, u])
                if found == 0:
                    continue
                for j in range(found):
                    logits[j] *= -scale
                shrink = merge_exactly(logits[:found], w[:found], state[b, u])
                sums[b, u] *= shrink
                for j in range(found):
                    sums[b, u] += w[j] * (images[which[j], outputs[u]] / levels + offset)
                farthest[b, u] = (reach[u] - state[b, u, 0] - math.log(state[b, u, 1])) / scale
                cut[b, u] = np.float32(farthest[b, u] / (levels * levels) + base[b, u])


@kernel
def measure(block: Any, cells: Any, u: int, features: Any) -> None:
    """The features of the images of a block: of the cells, the rest, and the square of their length."""
    places, starts, share, root, count = cells
    features[count:] = 0
    for k in range(count):
        at = u * count + k
        add_cell(block, places, starts[at], starts[at + 1], share[at], root[at], features, k, count)
    for j in range(LANES):
        features[count, j] = math.sqrt(features[count, j])


@kernel
def look(
    images: Any, start: int, bits: Any, x: Any, cells: Any, u: int, most: float, squares: Any, which: Any,
    seen: Any,
) -> int:  # fmt: skip
    """The squared distances of some lanes in float64, of those up to the most; returns how many they are."""
    places, starts, _, _, count = cells
    first, last = starts[u * count], starts[u * count + count]
    middle, found = (first + last) // 2, 0
    while bits != 0:
        i = start + lowest(bits)
        bits &= bits - np.uint64(1)
        seen[0] += 1
        total = 0.0
        for n in range(first, middle):
            difference = x[places[n]] - images[i, places[n]]
            total += difference * difference
        if total > most:
            continue
        for n in range(middle, last):
            difference = x[places[n]] - images[i, places[n]]
            total += difference * difference
        if total <= most:
            squares[found], which[found] = total, i
            found += 1
    seen[1] += found
    return found
