"""Sums and updates of table rows, one row being one wide vector that stays in registers.

A table row holds one number for each of the images of a block. Numba's own loop over them reloads the sum and
checks for overlap at every step, which costs twice the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba import types

from locality.posterior.vectors.lines import intrinsic
from locality.posterior.vectors.llvm import Combine, Numbers, Value, Variable

ROW_BYTES = 256  # 64 float32 or 32 float64: four cache lines


def _signature(table: Any, plus: Any, minus: Any, sums: Any) -> Any:
    place = types.intp
    return types.void(table, place, plus, place, place, minus, place, place, sums, place)


def _rows(call: tuple[Any, Any, Any, Any]) -> Numbers:
    """Vectors as wide as a row."""
    return Numbers(*call, width=ROW_BYTES // Numbers(*call).bytes)


def _terms(v: Numbers) -> Iterator[tuple[Combine, Value]]:  # what combines, and where the row starts
    """The table rows `base + plus[k]` and `base + minus[k]`, of arguments as `collect` has them."""
    for combine, rows in ((Value.__add__, 2), (Value.__sub__, 5)):
        for k in v.each(v[rows + 1], v[rows + 2]):
            yield combine, (v[1] + v.index(rows, k)) * v.width


@intrinsic
def collect(
    typing: Any, table: Any, base: Any, plus: Any, first: Any, last: Any, minus: Any, start: Any, stop: Any,
    sums: Any, u: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """`sums[u] += sum over k of table[base + plus[k]]`, k in [first, last), less `minus` in [start, stop)."""

    def code(*call: Any) -> Any:
        v = _rows(call)
        kept = Variable(v.load(8, v[9] * v.width))
        for combine, row in _terms(v):
            kept.set(combine(kept.get(), v.load(0, row)))
        v.store(8, v[9] * v.width, kept.get())
        return call[0].get_dummy_value()

    return _signature(table, plus, minus, sums), code


@intrinsic
def scatter(
    typing: Any, table: Any, base: Any, plus: Any, first: Any, last: Any, minus: Any, start: Any, stop: Any,
    values: Any, u: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The transpose of `collect`: `table[base + plus[k]] += values[u]`, and `minus` loses it."""

    def code(*call: Any) -> Any:
        v = _rows(call)
        value = v.load(8, v[9] * v.width)
        for combine, row in _terms(v):
            v.store(0, row, combine(v.load(0, row), value))
        return call[0].get_dummy_value()

    return _signature(table, plus, minus, values), code
