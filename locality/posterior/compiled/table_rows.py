"""Sums and updates of table rows, one row being one wide vector that stays in registers.

A table row holds one number for each of the images of a block. Numba's own loop over them reloads the sum and
checks for overlap at every step, which costs twice the arithmetic; here the vector type is spelled out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

ROW_BYTES = 256  # 64 float32 or 32 float64: eight 32-byte registers, four cache lines

_Value = Any  # llvmlite has no types of its own to speak of
intrinsic: Any = _intrinsic  # called without the typing context, which a type checker cannot know


class _Rows:
    """Reads and writes the rows of a C-contiguous table [rows, lanes] as vectors."""

    def __init__(self, context: Any, builder: Any, kind: Any, table: _Value) -> None:
        self.builder = builder
        self.bytes = kind.dtype.bitwidth // 8
        self.lanes = ROW_BYTES // self.bytes
        self.vector = ir.VectorType(context.get_value_type(kind.dtype), self.lanes)
        self.data = context.make_array(kind)(context, builder, table).data

    def at(self, index: _Value) -> _Value:
        start = self.builder.mul(index, ir.Constant(index.type, self.lanes))
        return self.builder.bitcast(self.builder.gep(self.data, [start]), self.vector.as_pointer())

    def load(self, index: _Value) -> _Value:
        return self.builder.load(self.at(index), align=self.bytes)

    def store(self, index: _Value, value: _Value) -> None:
        self.builder.store(value, self.at(index), align=self.bytes)


class _Terms:
    """What `collect` and `scatter` loop over: table rows `base + plus[k]` and `base + minus[k]`."""

    def __init__(self, context: Any, builder: Any, kinds: Any, args: Any) -> None:
        self.builder = builder
        self.base = args[1]
        index = [context.make_array(kinds[a])(context, builder, args[a]).data for a in (2, 5)]
        self.runs = zip((builder.fadd, builder.fsub), index, (args[3:5], args[6:8]), strict=True)

    def __iter__(self) -> Iterator[tuple[Any, _Value]]:  # what combines, and the row
        one, integer = ir.Constant(ir.IntType(64), 1), ir.IntType(64)
        for combine, index, (first, last) in self.runs:
            with cgutils.for_range_slice(self.builder, first, last, one, integer) as (k, _):
                within = self.builder.load(self.builder.gep(index, [k]))
                yield combine, self.builder.add(self.base, self.builder.zext(within, integer))


def _signature(table: Any, plus: Any, minus: Any, sums: Any) -> Any:
    place = types.intp
    return types.void(table, place, plus, place, place, minus, place, place, sums, place)


@intrinsic
def collect(
    typing: Any, table: Any, base: Any, plus: Any, first: Any, last: Any, minus: Any, start: Any, stop: Any,
    sums: Any, u: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """`sums[u] += sum over k of table[base + plus[k]]`, k in [first, last), less `minus` in [start, stop)."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        out = _Rows(context, builder, signature.args[8], args[8])
        kept = cgutils.alloca_once(builder, rows.vector)
        builder.store(out.load(args[9]), kept)
        for combine, row in _Terms(context, builder, signature.args, args):
            builder.store(combine(builder.load(kept), rows.load(row)), kept)
        out.store(args[9], builder.load(kept))
        return context.get_dummy_value()

    return _signature(table, plus, minus, sums), code


@intrinsic
def scatter(
    typing: Any, table: Any, base: Any, plus: Any, first: Any, last: Any, minus: Any, start: Any, stop: Any,
    values: Any, u: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The transpose of `collect`: `table[base + plus[k]] += values[u]`, and `minus` loses it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        value = _Rows(context, builder, signature.args[8], args[8]).load(args[9])
        for combine, row in _Terms(context, builder, signature.args, args):
            rows.store(row, combine(rows.load(row), value))
        return context.get_dummy_value()

    return _signature(table, plus, minus, values), code
