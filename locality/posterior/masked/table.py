"""The table of a block: one number per place of the image and image of the block, cumulated.

A mask is a few runs of consecutive places. With cumulated numbers a run costs one subtraction, however long.
The basis says along what they are cumulated; a shorter sum is more precise, a longer one merges more runs.
"""

from __future__ import annotations

from typing import Any

from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import add_squares

DIRECT = 0  # nothing is cumulated; row P is the total, from which the complement of a dense mask is taken
ROW = 1  # along each line of the image, restarting at its left end
FLAT = 2  # along the whole image, all channels
BOX = 3  # above and to the left, in each plane
BASES = (DIRECT, ROW, FLAT, BOX)


@kernel
def squares(block: Any, x: Any, r: Any, scale: float, table: Any) -> None:
    """`table[p, j] = scale |x_p - block[p, j]|^2 - r_p`, summed over channels if the table has one plane.

    Any r that is the same for all images cancels in the softmax; it is there to keep cumulated sums small.
    """
    places, lanes = table.shape[0] - 1, table.shape[1]
    planes, factor = block.shape[0] // places, table.dtype.type(scale)
    table[:] = 0
    for p in range(places):
        line = p * lanes
        add_squares(block, line, places * lanes, x, p, places, planes, factor, -r[p], table, line, lanes)


@kernel
def products(block: Any, g: Any, table: Any) -> None:
    """`table[p, j] = g_p block[p, j]`, summed over channels if the table has one plane."""
    places, lanes = table.shape[0] - 1, table.shape[1]
    for p in range(places):
        table[p, :] = 0
        for q in range(p, block.shape[0], places):
            for j in range(lanes):
                table[p, j] += g[q] * block[q, j]


@kernel
def cumulate(table: Any, basis: int, width: int, plane: int, run: Any) -> None:
    """Cumulate in place. The running sum is float64 whatever the table is: an entry is rounded once."""
    places, lanes = table.shape[0] - 1, table.shape[1]
    table[places, :] = 0
    if basis == DIRECT:
        run[:] = 0
        for p in range(places):
            for j in range(lanes):
                run[j] += table[p, j]
        for j in range(lanes):
            table[places, j] = run[j]
        return
    for p in range(places):
        if p == 0 or (basis != FLAT and p % width == 0):
            run[:] = 0
        for j in range(lanes):
            run[j] += table[p, j]
            table[p, j] = run[j]
    for first in range(places if basis == BOX else 0):
        if first % plane < width:
            run[:] = 0
            for p in range(first, first + plane, width):
                for j in range(lanes):
                    run[j] += table[p, j]
                    table[p, j] = run[j]


@kernel
def uncumulate(table: Any, basis: int, width: int, plane: int) -> None:
    """The transpose of `cumulate`, in place: row p becomes the sum of the rows that p was cumulated into."""
    places, lanes = table.shape[0] - 1, table.shape[1]
    if basis == DIRECT:
        for p in range(places):
            for j in range(lanes):
                table[p, j] += table[places, j]
        return
    for p in range(places - 1, -1, -1):
        if basis == BOX and p % plane + width < plane:
            for j in range(lanes):
                table[p, j] += table[p + width, j]
    for p in range(places - 2, -1, -1):
        if basis == FLAT or (p + 1) % width != 0:
            for j in range(lanes):
                table[p, j] += table[p + 1, j]
