"""Tables: for the terminal, for JSON and for the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from locality.report.names import spoken

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows under column names. Raises ValueError for a row of another length."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"want {len(self.columns)} cells ({', '.join(self.columns)}), got {list(row)}"
                )

    def clean(self) -> Table:
        """The table with plain lists, plain numbers, and None for what is not a finite number."""
        return Table(list(self.columns), [[_plain(cell) for cell in row] for row in self.rows])

    def spoken(self) -> Table:
        """The same as readers meet it: known denoisers have their names in heads and cells."""
        rows = [[spoken(cell) if isinstance(cell, str) else cell for cell in row] for row in self.rows]
        return Table([spoken(str(column)) for column in self.columns], rows)

    def content(self) -> dict[str, Any]:
        """The table as JSON holds it."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


def format_cell(cell: Cell) -> str:
    """A cell as people read it: four significant digits, a dash for nothing.

    >>> format_cell(0.123456), format_cell(12), format_cell(None)
    ('0.1235', '12', '-')
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    return f"{cell:#.4g}".rstrip(".") if isinstance(cell, float) else str(cell)


def format_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    width: int | None = None,  # characters of a line, at most; None: as many as it takes
) -> str:
    """A table for the terminal: text to the left, numbers to the right, denoisers as `spoken`.

    Where it is wider than `width`, other columns follow below, each time with the first one beside them.

    >>> print(format_table(["denoiser", "r2"], [["wiener", 0.5], ["optimal", None]]))
    denoiser      r2
    --------  ------
    Wiener    0.5000
    optimal        -
    """
    table = Table(columns, rows).spoken()
    columns, rows = table.columns, table.rows
    cells = [[format_cell(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [is_numeric([row[k] for row in rows]) for k in range(len(columns))]
    lines = [list(columns), ["-" * wide for wide in widths], *cells]
    pieces = [
        "\n".join(
            "  ".join(
                line[k].rjust(widths[k]) if right[k] else line[k].ljust(widths[k]) for k in piece
            ).rstrip()
            for line in lines
        )
        for piece in _pieces(widths, width)
    ]
    return "\n\n".join(pieces)


def _pieces(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """Which columns stand beside each other: the first one always, and others as long as there is room."""
    pieces = [[0]]
    for k in range(1, len(widths)):
        taken = sum(widths[one] + 2 for one in pieces[-1]) + widths[k]
        if width is not None and len(pieces[-1]) > 1 and taken > width:
            pieces.append([0])
        pieces[-1].append(k)
    return pieces


def format_markdown(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table in Markdown, without a last line break.

    >>> print(format_markdown(["denoiser", "r2"], [["wiener", 0.5]]))
    | denoiser | r2 |
    | --- | --- |
    | wiener | 0.5000 |
    """
    cells = [[format_cell(cell).replace("|", "\\|") for cell in row] for row in Table(columns, rows).rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(columns), ["---"] * len(columns), *cells])


def is_numeric(column: Sequence[Cell]) -> bool:
    """Does a column hold numbers (or nothing), so that it is set to the right?"""
    return bool(column) and not any(isinstance(cell, str) for cell in column)


def _plain(cell: Cell) -> Cell:
    if cell is None or isinstance(cell, str | bool | int):
        return cell
    value = float(cell)  # also a NumPy number or a tensor of one element
    return value if math.isfinite(value) else None
