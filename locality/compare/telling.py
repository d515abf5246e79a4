"""What comparisons say: tables that fit a terminal, kept in the run folder row by row while they grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from locality.compare.context import Context
from locality.live import duration
from locality.modules.fields import FieldModule
from locality.ranks import say
from locality.report import Report, format_table
from locality.report.table import Cell

WIDTH = 100  # columns of a terminal
NOT_YET = "not measured"  # in place of the first number of a row that is not finished


def say_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A table on the terminal; too wide a one comes in pieces, each with the names of the rows."""
    say(format_table(columns, rows, WIDTH))


class Growing:
    """A table whose rows come one after the other: each is kept as it comes.

    In metrics.json the rows that are still to come say so, and so they do where the comparison ends early.
    """

    def __init__(
        self,
        report: Report,
        name: str,  # of the table
        columns: Sequence[str],
        labels: Iterable[str],  # of all rows that will come, in their order
        place: int = 0,  # the column that labels stand in
    ) -> None:
        self._report, self._name, self.columns = report, name, columns
        self._labels, self._place = list(labels), place
        self._rows: dict[str, list[list[Cell]]] = {}

    def add(
        self,
        label: str,  # whose row this is, or whose rows
        rows: Sequence[Sequence[Cell]],
        scalars: Mapping[str, float] | None = None,  # the numbers of metrics.json that go with them
    ) -> None:
        """Keeps a row, or some; those of a label that is there already are replaced."""
        self._rows[label] = [list(row) for row in rows]
        self._report.so_far(self._name, self.columns, self.rows, scalars or {})

    @property
    def waiting(self) -> list[str]:
        """The labels whose rows are still to come."""
        return [label for label in self._labels if label not in self._rows]

    @property
    def rows(self) -> list[list[Cell]]:
        """All rows in their order; those to come are marked."""
        rows: list[list[Cell]] = []
        for label in self._labels:
            marked: list[Cell] = [None] * len(self.columns)
            marked[self._place : self._place + 2] = [label, NOT_YET]
            rows += self._rows.get(label, [marked])
        return rows

    @contextmanager
    def shown_if_cut_short(self) -> Iterator[None]:
        """Within it the rows come. What ends it early goes on, after what there is has been shown."""
        try:
            yield
        finally:
            if self.waiting and self._rows:
                count = len(self._labels)
                say(f"cut short: {count - len(self.waiting)} of {count} rows; {self._name} has them")
                say_table(self.columns, [row for rows in self._rows.values() for row in rows])


def measure_fields(
    context: Context,
    module: FieldModule,
    count: int,  # test images
    growing: Growing,  # whose labels are the denoisers, in their order
    rows_of: Callable[[str], Sequence[Sequence[Cell]]],  # of a denoiser whose field is there
) -> None:
    """Measures the fields of all denoisers; each is in `fields/` and in a table as soon as it is there."""
    labels = dict(zip(module.denoisers, growing.waiting, strict=True))
    began = time.monotonic()

    def finished(name: str) -> None:
        nonlocal began
        if context.report.writes:
            module.fields[name].save(context.report.folder / "fields" / f"{name}.safetensors")
        growing.add(labels[name], rows_of(name))
        seconds, began = time.monotonic() - began, time.monotonic()
        say(f"  fields of {labels[name]} ({duration(seconds)})")
        context.stop_together(module)

    module.finished = finished
    with growing.shown_if_cut_short():
        context.test(module, count)
