"""The scans over a bank: a softmax per row of the mask, forwards and backwards, a block of images at a time.

Arguments that travel together are tuples:
    bank     (images [N, n] as they rest, levels, offset): a value v reads as v / levels + offset
    queries  (x [B, n], r [B, P]) in the working type, and scale [B]
    layout   (basis, width, plane) of the table
    code     (tile, plus, plus_starts, minus, minus_starts, inverted [R]): table rows to add up, see Code
    members  (outputs [n], starts [R + 1]): which outputs a row serves
    exact    (x, r in float64, bounds [B], spent [blocks, B], budget): where logits are found in float64, how
             often they were, by the first block of each scan, and how often they may be
"""

from __future__ import annotations

from typing import Any

import numpy as np

from locality.posterior.masked.row_sums import column_sum, group_sums, spread_row
from locality.posterior.masked.table import cumulate, products, squares, uncumulate
from locality.posterior.seen import Seen
from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import dot, least
from locality.posterior.vectors.reading import aligned, read_block
from locality.posterior.vectors.softmax import NEGLIGIBLE, merge, merge_exactly, normalise

GROUP = 128  # mask rows whose sums grow together, a tile of the table at a time
ONE, OUTPUTS, WINDOW, LOGIT = map(int, Seen)  # compiled code takes numbers


@kernel
def forward(
    bank: Any,
    first: int,  # of the images to scan
    last: int,
    queries: Any,
    layout: Any,
    code: Any,
    members: Any,
    exact: Any,
    state: Any,  # [B, R, 4] float64: peak logit, sums of weights, their squares, weight * (logit - peak)
    sums: Any,  # [B, n] float64: sum of weight * value, per output
    scratch: Any,  # (block [n, lanes], table [P + 1, lanes], distances [GROUP, lanes], w [lanes])
    columns: Any,  # [lanes, P + 1] float64: the tables of single images
) -> None:
    """Merge images first..last into the running softmax of every query and row.

    Logits beyond its bound are found again in float64, for the few candidates that still compete. A query
    that spends more than the budget of them is given up.
    """
    images, levels, offset = bank
    x, r, scale = queries
    basis, width, plane = layout
    outputs, starts = members
    block, table, distances, w = scratch
    bounds, spent, budget = exact[2:]
    lanes = table.shape[1]
    run = np.empty(lanes, np.float64)
    fine = (columns, np.zeros(lanes, np.bool_), np.empty(lanes, np.float64))
    for start in range(first, last, lanes):
        count = min(lanes, last - start)
        read_block(images, start, last, levels, offset, block)
        for b in range(x.shape[0]):
            if spent[:, b].sum() > budget:
                continue
            squares(block, x[b], r[b], scale[b], table)
            cumulate(table, basis, width, plane, run)
            fine[1][:] = False
            for u in range(state.shape[1]):
                if u % GROUP == 0:
                    group_sums(table, code, u, min(u + GROUP, state.shape[1]), distances)
                line = u % GROUP * lanes
                top = -least(distances, line, lanes)
                peak = top if state[b, u, 1] == 0 else max(state[b, u, 0], np.float64(top))
                if top < peak - NEGLIGIBLE:
                    continue
                if abs(peak) > bounds[b]:
                    these = distances[u % GROUP, :count]
                    spent[first // lanes, b] += find_again(
                        bank, start, queries, layout, code, exact, (b, u), these, peak, fine
                    )
                    shrink = merge_exactly(fine[2][:count], w, state[b, u])
                else:
                    shrink = merge(distances, line, w, 0, lanes, peak, (lanes, count), state[b, u])
                for m in range(starts[u], starts[u + 1]):
                    q = outputs[m]
                    sums[b, q] = sums[b, q] * shrink + dot(w, 0, block, q * lanes, lanes)


@kernel
def backward(
    bank: Any,
    first: int,
    last: int,
    queries: Any,
    layout: Any,
    code: Any,
    members: Any,
    evidence: Any,  # [B, R] float64: log of the sum of the exponentials over all images
    probe: Any,  # (one of `Seen`, g [B, n])
    means: Any,  # [B, R] float64: the weighted mean of the probe; found here if `learn`, else subtracted
    learn: bool,
    centre: Any,  # [B, n] subtracted from the images: changes nothing but rounding
    sums: Any,  # [B, n] float64: sum_i (X_ip - centre_p) sum_u A[u, p] w_i(u) (probe - mean)
    scratch: Any,  # as in `forward`
    spread: Any,  # [P + 1, lanes]
) -> None:
    """The transpose of the masks, applied to the weights of images first..last times what the rows probe."""
    images, levels, offset = bank
    x, r, scale = queries
    basis, width, plane = layout
    block, table, distances, w = scratch
    kind, g = probe
    lanes = table.shape[1]
    run = np.empty(lanes, np.float64)
    seen = aligned((1, lanes), w)
    response = aligned(table.shape, table) if kind == WINDOW else table
    for start in range(first, last, lanes):
        count = min(lanes, last - start)
        read_block(images, start, last, levels, offset, block)
        for b in range(x.shape[0]):
            squares(block, x[b], r[b], scale[b], table)
            cumulate(table, basis, width, plane, run)
            if kind == WINDOW:
                products(block, g[b], response)
                cumulate(response, basis, width, plane, run)
            spread[:] = 0
            for u in range(evidence.shape[1]):
                if u % GROUP == 0:
                    group_sums(table, code, u, min(u + GROUP, evidence.shape[1]), distances)
                line = u % GROUP * lanes
                if not normalise(distances, line, w, 0, lanes, (lanes, count), evidence[b, u]):
                    continue
                seen[:] = 1 if kind == ONE else 0
                if kind == OUTPUTS:
                    add_members(block, g[b], members, u, seen[0])
                elif kind == WINDOW:
                    group_sums(response, code, u, u + 1, seen)
                elif kind == LOGIT:
                    add_logits(distances, line, g[b], members, u, seen[0])
                if learn:
                    means[b, u] += dot(w, 0, seen, 0, lanes)
                    continue
                for j in range(lanes):
                    seen[0, j] = w[j] * (seen[0, j] - means[b, u])
                spread_row(spread, code, u, seen)
            if not learn:
                uncumulate(spread, basis, width, plane)
                gather(spread, block, centre[b], sums[b])


@kernel
def find_again(
    bank: Any,
    start: int,  # of the block
    queries: Any,
    layout: Any,
    code: Any,
    exact: Any,
    which: Any,  # (query, mask row)
    distances: Any,  # [count] in the working type
    peak: float,
    fine: Any,  # (columns, whether each holds the table of its image and this query, logits [lanes] float64)
) -> int:  # how many
    """Logits of the candidates of a block that compete, in float64; of the others, minus infinity."""
    columns, filled, found = fine
    b, u = which
    many = 0
    for j in range(distances.shape[0]):
        found[j] = -np.inf
        if -distances[j] < peak - NEGLIGIBLE:
            continue
        if not filled[j]:
            fill_column(bank, start + j, exact[0][b], exact[1][b], queries[2][b], layout, columns[j])
            filled[j] = True
        found[j] = -column_sum(columns[j], code, u)
        many += 1
    return many


@kernel
def fill_column(bank: Any, i: int, x: Any, r: Any, scale: float, layout: Any, column: Any) -> None:
    """The table of one image, [P + 1] float64."""
    images, levels, offset = bank
    basis, width, plane = layout
    places = column.shape[0] - 1
    image = images[i]
    for p in range(places):
        column[p] = -r[p]
    for first in range(0, image.shape[0], places):
        for p in range(places):
            difference = x[first + p] - (image[first + p] / levels + offset)
            column[p] += difference * difference * scale
    cumulate(column.reshape(places + 1, 1), basis, width, plane, np.empty(1, np.float64))


@kernel
def add_members(block: Any, g: Any, members: Any, u: int, total: Any) -> None:
    """`total[j] += sum over the outputs q of row u of g_q block[q, j]`."""
    outputs, starts = members
    for m in range(starts[u], starts[u + 1]):
        q = outputs[m]
        for j in range(total.shape[0]):
            total[j] += g[q] * block[q, j]


@kernel
def add_logits(distances: Any, line: int, g: Any, members: Any, u: int, total: Any) -> None:
    """`total[j] += sum over the outputs q of row u of g_q times the logit of candidate j`."""
    outputs, starts = members
    share = total[0] * 0
    for m in range(starts[u], starts[u + 1]):
        share += g[outputs[m]]
    flat = distances.reshape(-1)
    for j in range(total.shape[0]):
        total[j] -= share * flat[line + j]


@kernel
def gather(spread: Any, block: Any, centre: Any, sums: Any) -> None:
    """`sums[q] += sum_j spread[place of q, j] (block[q, j] - centre[q])`."""
    places = spread.shape[0] - 1
    for q in range(block.shape[0]):
        p = q % places
        total = centre[q] * 0
        for j in range(block.shape[1]):
            total += spread[p, j] * (block[q, j] - centre[q])
        sums[q] += total
