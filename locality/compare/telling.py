"""What comparisons say: tables that fit a terminal, kept in the run folder row by row while they grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from locality.compare.context import Context
from locality.data import ImageDataModule
from locality.live import duration
from locality.modules.comparison import ComparisonModule
from locality.modules.fields import FieldModule
from locality.modules.noised import NoisedModule
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
    With `heads` it is columns that come: each label is the head of one, after a column of `heads`.
    """

    def __init__(
        self,
        report: Report,
        name: str,  # of the table
        columns: Sequence[str],  # without those that come
        labels: Iterable[str],  # of all rows that will come, in their order
        place: int = 0,  # the column that labels stand in
        heads: Sequence[Cell] = (),  # what begins each row, where columns come
    ) -> None:
        self._report, self.name, self._labels, self._place = report, name, list(labels), place
        self._heads = list(heads)
        self.columns = [*columns, *self._labels] if heads else list(columns)
        self._rows: dict[str, list[list[Cell]]] = {}

    def add(
        self,
        label: str,  # whose row this is, or whose rows, or whose column
        rows: Sequence[Sequence[Cell]],  # or one column
        scalars: Mapping[str, float] | None = None,  # the numbers of metrics.json that go with them
    ) -> None:
        """Keeps a row, or some; those of a label that is there already are replaced."""
        self._rows[label] = [list(row) for row in rows]
        self._report.so_far(self.name, self.columns, self.rows, scalars or {})

    @property
    def waiting(self) -> list[str]:
        """The labels whose rows are still to come."""
        return [label for label in self._labels if label not in self._rows]

    @property
    def rows(self) -> list[list[Cell]]:
        """All rows in their order; what is to come is marked."""
        if self._heads:
            blank: list[Cell] = [NOT_YET, *([None] * (len(self._heads) - 1))]
            columns = [self._rows[label][0] if label in self._rows else blank for label in self._labels]
            return [list(row) for row in zip(self._heads, *columns, strict=True)]
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
        except BaseException:  # a signal, too
            if self.waiting and self._rows:
                count, what = len(self._labels), "columns" if self._heads else "rows"
                say(f"cut short: {count - len(self.waiting)} of {count} {what}; {self.name} has them")
                there = [row for rows in self._rows.values() for row in rows]
                say_table(self.columns, self.rows if self._heads else there)
            raise


def measure(
    context: Context,
    module: ComparisonModule | FieldModule | NoisedModule,
    count: int,  # test images
    keep: Callable[[Any], str],  # adds what is finished, as the module calls it, and gives a line about it
    data: ImageDataModule | None = None,
) -> None:
    """Shows a module the test images; what it finishes is told and kept at once."""
    began = time.monotonic()

    def finished(one: Any) -> None:
        nonlocal began
        line = keep(one)
        seconds, began = time.monotonic() - began, time.monotonic()
        say(f"  {line} ({duration(seconds)})")
        context.stop_together(module)

    module.finished = finished
    context.test(module, count, data)


def measure_fields(
    context: Context,
    module: FieldModule,
    count: int,  # test images
    growing: Growing,  # whose labels are the denoisers
    keep: Callable[[str], None],  # adds a denoiser, whose field is there, to the table
    data: ImageDataModule | None = None,
) -> None:
    """Measures the fields of all denoisers; each is in `fields/` and in a table as soon as it is there."""

    def kept(name: str) -> str:
        if context.report.writes:
            module.fields[name].save(context.report.folder / "fields" / f"{name}.safetensors")
        keep(name)
        return f"fields of {name}"

    with growing.shown_if_cut_short():
        measure(context, module, count, kept, data)
