"""The scans over a bank: a softmax per row of the mask, forwards and backwards, a block of images at a time.

Arguments that travel together are tuples:
    bank     (images [N, n] as they rest, levels, offset): a value v reads as v / levels + offset
    queries  (x [B, n], r [B, P], scale), in the working type
    layout   (basis, width, plane) of the table
    code     (plus, minus, pair_starts [R + 1], single, single_starts [R + 1], inverted [R]): rows to add up
    members  (outputs [n], starts [R + 1]): which outputs a row serves
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from locality.posterior.compiled.exponential import FAST, weights
from locality.posterior.compiled.table import cumulate, products, read_block, squares, uncumulate
from locality.posterior.compiled.vector import spread_pairs, spread_single, sum_pairs, sum_single

NEGLIGIBLE = 60.0  # nats below the largest logit: e^-60 of a bank is below the last digit of float64
ONES, MEMBERS, WINDOW = 0, 1, 2  # what a row probes an image with: 1, g . X over its outputs, or its mask


@njit(nogil=True, cache=True, fastmath=FAST)
def forward(
    bank: Any,
    first: int,  # of the images to scan
    last: int,
    queries: Any,
    layout: Any,
    code: Any,
    members: Any,
    state: Any,  # [B, R, 4] float64: peak logit, sums of weights, their squares, weight * (logit - peak)
    sums: Any,  # [B, n] float64: sum of weight * value, per output
    scratch: Any,  # (block [n, lanes], table [P + 1, lanes], logits [lanes], w [lanes], bits [lanes])
) -> None:
    """Merge images first..last into the running softmax of every query and row."""
    images, levels, offset = bank
    x, r, scale = queries
    basis, width, plane = layout
    outputs, starts = members
    block, table, logits, w, bits = scratch
    lanes = table.shape[1]
    run = np.empty(lanes, np.float64)
    for start in range(first, last, lanes):
        count = min(lanes, last - start)
        read_block(images, start, last, levels, offset, block)
        for b in range(x.shape[0]):
            squares(block, x[b], r[b], scale, table)
            cumulate(table, basis, width, plane, run)
            for u in range(state.shape[1]):
                row_sums(table, code, u, logits)
                shrink = merge(logits, count, w, bits, state[b, u])
                if shrink >= 0:
                    for m in range(starts[u], starts[u + 1]):
                        q = outputs[m]
                        sums[b, q] = sums[b, q] * shrink + dot(w, block[q])


@njit(nogil=True, cache=True, fastmath=FAST)
def backward(
    bank: Any,
    first: int,
    last: int,
    queries: Any,
    layout: Any,
    code: Any,
    members: Any,
    evidence: Any,  # [B, R] float64: log of the sum of the exponentials over all images
    probe: Any,  # (ONES | MEMBERS | WINDOW, g [B, n])
    means: Any,  # [B, R] float64: the weighted mean of the probe; found here if `learn`, else subtracted
    learn: bool,
    centre: Any,  # [B, n] subtracted from the images: changes nothing but rounding
    sums: Any,  # [B, n] float64: sum_i (X_ip - centre_p) sum_u A[u, p] w_i(u) (probe - mean)
    scratch: Any,  # as in `forward`, and one more table [P + 1, lanes]
) -> None:
    """The transpose of the masks, applied to the weights of images first..last times what the rows probe."""
    images, levels, offset = bank
    x, r, scale = queries
    basis, width, plane = layout
    block, table, logits, w, bits, spread = scratch
    kind, g = probe
    lanes = table.shape[1]
    run = np.empty(lanes, np.float64)
    seen = np.empty_like(w)
    response = np.empty_like(table) if kind == WINDOW else table
    for start in range(first, last, lanes):
        count = min(lanes, last - start)
        read_block(images, start, last, levels, offset, block)
        for b in range(x.shape[0]):
            squares(block, x[b], r[b], scale, table)
            cumulate(table, basis, width, plane, run)
            if kind == WINDOW:
                products(block, g[b], response)
                cumulate(response, basis, width, plane, run)
            spread[:] = 0
            for u in range(evidence.shape[1]):
                row_sums(table, code, u, logits)
                if not normalise(logits, count, w, bits, evidence[b, u]):
                    continue
                seen[:] = 1 if kind == ONES else 0
                if kind == MEMBERS:
                    add_members(block, g[b], members, u, seen)
                elif kind == WINDOW:
                    row_sums(response, code, u, seen)
                if learn:
                    means[b, u] += dot(w, seen)
                    continue
                for j in range(lanes):
                    w[j] *= seen[j] - means[b, u]
                spread_row(spread, code, u, w)
            if not learn:
                uncumulate(spread, basis, width, plane)
                gather(spread, block, centre[b], sums[b])


@njit(nogil=True, cache=True, fastmath=FAST)
def row_sums(table: Any, code: Any, u: int, total: Any) -> None:
    """`total[j] = sum_p A[u, p] table[p, j]`, of the table before it was cumulated."""
    plus, minus, pair_starts, single, single_starts, inverted = code
    total[:] = 0
    sum_pairs(table, plus, minus, pair_starts[u], pair_starts[u + 1], total)
    sum_single(table, single, single_starts[u], single_starts[u + 1], total)
    if inverted[u]:
        for j in range(total.shape[0]):
            total[j] = table[table.shape[0] - 1, j] - total[j]


@njit(nogil=True, cache=True, fastmath=FAST)
def spread_row(table: Any, code: Any, u: int, value: Any) -> None:
    """The transpose of `row_sums`; `value` may change its sign."""
    plus, minus, pair_starts, single, single_starts, inverted = code
    if inverted[u]:
        for j in range(value.shape[0]):
            table[table.shape[0] - 1, j] += value[j]
            value[j] = -value[j]
    spread_pairs(table, plus, minus, pair_starts[u], pair_starts[u + 1], value)
    spread_single(table, single, single_starts[u], single_starts[u + 1], value)


@njit(nogil=True, cache=True, fastmath=FAST)
def merge(logits: Any, count: int, w: Any, bits: Any, state: Any) -> float:
    """Merge a block into a running softmax; returns what earlier sums shrink by, -1 if the block is nothing.

    `logits` come as distances; they leave as logits, and their weights in `w`.
    """
    top = as_logits(logits, count)
    fresh = state[1] == 0
    if not fresh and top < state[0] - NEGLIGIBLE:
        return -1.0
    peak = top if fresh else max(state[0], np.float64(top))
    w[0] = peak
    top = w[0]
    weights(logits, top, w, bits)
    w[count:] = 0
    total = squared = energy = top * 0
    for j in range(logits.shape[0]):
        total += w[j]
        squared += w[j] * w[j]
        energy += w[j] * (logits[j] - top)
    shift = 0.0 if fresh else state[0] - peak
    shrink = np.exp(shift)
    state[3] = (state[3] + state[1] * shift) * shrink + energy
    state[0] = peak
    state[1] = state[1] * shrink + total
    state[2] = state[2] * shrink * shrink + squared
    return shrink


@njit(nogil=True, cache=True, fastmath=FAST)
def normalise(logits: Any, count: int, w: Any, bits: Any, evidence: float) -> bool:
    """The weights of a block, given the log-partition; false if they are nothing."""
    if as_logits(logits, count) < evidence - NEGLIGIBLE:
        return False
    for j in range(logits.shape[0]):
        logits[j] = logits[j] - evidence
    weights(logits, logits[0] * 0, w, bits)
    w[count:] = 0
    return True


@njit(nogil=True, cache=True, fastmath=FAST)
def as_logits(distances: Any, count: int) -> float:
    """Change the sign in place; the largest. Lanes past `count` repeat the last image and change nothing."""
    top = -distances[0]
    for j in range(distances.shape[0]):
        distances[j] = -distances[j]
        top = max(top, distances[j])
    return top


@njit(nogil=True, cache=True, fastmath=FAST)
def dot(w: Any, values: Any) -> float:
    """`sum_j w_j values_j`."""
    total = w[0] * 0
    for j in range(w.shape[0]):
        total += w[j] * values[j]
    return total


@njit(nogil=True, cache=True, fastmath=FAST)
def add_members(block: Any, g: Any, members: Any, u: int, total: Any) -> None:
    """`total[j] += sum over the outputs q of row u of g_q block[q, j]`."""
    outputs, starts = members
    for m in range(starts[u], starts[u + 1]):
        q = outputs[m]
        for j in range(total.shape[0]):
            total[j] += g[q] * block[q, j]


@njit(nogil=True, cache=True, fastmath=FAST)
def gather(spread: Any, block: Any, centre: Any, sums: Any) -> None:
    """`sums[q] += sum_j spread[place of q, j] (block[q, j] - centre[q])`."""
    places = spread.shape[0] - 1
    for q in range(block.shape[0]):
        p = q % places
        total = centre[q] * 0
        for j in range(block.shape[1]):
            total += spread[p, j] * (block[q, j] - centre[q])
        sums[q] += total
