"""Sums of table rows by a code, and their transpose; `Code` says what a code is."""

from __future__ import annotations

from typing import Any

from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.table_rows import collect, scatter


@kernel
def group_sums(table: Any, code: Any, first: int, last: int, total: Any) -> None:
    """`total[u - first, j] = sum_p A[u, p] table[p, j]`, u in [first, last), as before cumulation.

    Tile by tile: what many rows read stays in the first-level cache.
    """
    tile, plus, plus_starts, minus, minus_starts, inverted = code
    total[: last - first] = 0
    for t in range((plus_starts.shape[0] - 1) // inverted.shape[0]):
        for u in range(first, last):
            at = t * inverted.shape[0] + u
            adds, takes = plus_starts[at : at + 2], minus_starts[at : at + 2]
            collect(table, t * tile, plus, adds[0], adds[1], minus, takes[0], takes[1], total, u - first)
    for u in range(first, last):
        if inverted[u]:
            for j in range(total.shape[1]):
                total[u - first, j] = table[table.shape[0] - 1, j] - total[u - first, j]


@kernel
def column_sum(column: Any, code: Any, u: int) -> float:
    """The same sum for one mask row and a table of one image, [P + 1]."""
    tile, plus, plus_starts, minus, minus_starts, inverted = code
    total = 0.0
    for t in range((plus_starts.shape[0] - 1) // inverted.shape[0]):
        at = t * inverted.shape[0] + u
        for k in range(plus_starts[at], plus_starts[at + 1]):
            total += column[t * tile + plus[k]]
        for k in range(minus_starts[at], minus_starts[at + 1]):
            total -= column[t * tile + minus[k]]
    return column[column.shape[0] - 1] - total if inverted[u] else total


@kernel
def spread_row(table: Any, code: Any, u: int, value: Any) -> None:
    """The transpose of `group_sums` for one row; `value`, [1, lanes], may change its sign."""
    tile, plus, plus_starts, minus, minus_starts, inverted = code
    if inverted[u]:
        for j in range(value.shape[1]):
            table[table.shape[0] - 1, j] += value[0, j]
            value[0, j] = -value[0, j]
    for t in range((plus_starts.shape[0] - 1) // inverted.shape[0]):
        at = t * inverted.shape[0] + u
        adds, takes = plus_starts[at : at + 2], minus_starts[at : at + 2]
        scatter(table, t * tile, plus, adds[0], adds[1], minus, takes[0], takes[1], value, 0)
