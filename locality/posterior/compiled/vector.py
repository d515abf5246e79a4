"""Sums and updates of table rows, one row being one wide vector that stays in registers.

A table row holds one number for each of the images of a block. Numba's own loop over them reloads the sum and
checks for overlap at every step, which costs twice the arithmetic; here the vector type is spelled out.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def zero(self) -> _Value:
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def at(self, index: _Value) -> _Value:
        start = self.builder.mul(index, ir.Constant(index.type, self.lanes))
        return self.builder.bitcast(self.builder.gep(self.data, [start]), self.vector.as_pointer())

    def load(self, index: _Value) -> _Value:
        return self.builder.load(self.at(index), align=self.bytes)

    def store(self, index: _Value, value: _Value) -> None:
        self.builder.store(value, self.at(index), align=self.bytes)


def _indices(context: Any, builder: Any, kind: Any, array: _Value) -> Callable[[_Value], _Value]:
    data = context.make_array(kind)(context, builder, array).data
    return lambda k: builder.zext(builder.load(builder.gep(data, [k])), ir.IntType(64))


def _each(builder: Any, first: _Value, last: _Value) -> Any:
    return cgutils.for_range_slice(builder, first, last, ir.Constant(ir.IntType(64), 1), ir.IntType(64))


@intrinsic
def sum_pairs(
    typing: Any, table: Any, plus: Any, minus: Any, first: Any, last: Any, total: Any
) -> tuple[Any, Any]:
    """`total[:] += sum over k in [first, last) of table[plus[k]] - table[minus[k]]`."""
    signature = types.void(table, plus, minus, types.intp, types.intp, total)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        out = _Rows(context, builder, signature.args[5], args[5])
        start, stop = (_indices(context, builder, signature.args[a], args[a]) for a in (1, 2))
        zero = ir.Constant(ir.IntType(64), 0)
        kept = cgutils.alloca_once(builder, rows.vector)
        builder.store(out.load(zero), kept)
        with _each(builder, args[3], args[4]) as (k, _):
            run = builder.fsub(rows.load(start(k)), rows.load(stop(k)))
            builder.store(builder.fadd(builder.load(kept), run), kept)
        out.store(zero, builder.load(kept))
        return context.get_dummy_value()

    return signature, code


@intrinsic
def sum_single(typing: Any, table: Any, index: Any, first: Any, last: Any, total: Any) -> tuple[Any, Any]:
    """`total[:] += sum over k in [first, last) of table[index[k]]`."""
    signature = types.void(table, index, types.intp, types.intp, total)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        out = _Rows(context, builder, signature.args[4], args[4])
        where = _indices(context, builder, signature.args[1], args[1])
        zero = ir.Constant(ir.IntType(64), 0)
        kept = cgutils.alloca_once(builder, rows.vector)
        builder.store(out.load(zero), kept)
        with _each(builder, args[2], args[3]) as (k, _):
            builder.store(builder.fadd(builder.load(kept), rows.load(where(k))), kept)
        out.store(zero, builder.load(kept))
        return context.get_dummy_value()

    return signature, code


@intrinsic
def spread_pairs(
    typing: Any, table: Any, plus: Any, minus: Any, first: Any, last: Any, value: Any
) -> tuple[Any, Any]:
    """The transpose of `sum_pairs`: `table[plus[k]] += value[:]`, `table[minus[k]] -= value[:]`."""
    signature = types.void(table, plus, minus, types.intp, types.intp, value)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        kept = _Rows(context, builder, signature.args[5], args[5]).load(ir.Constant(ir.IntType(64), 0))
        start, stop = (_indices(context, builder, signature.args[a], args[a]) for a in (1, 2))
        with _each(builder, args[3], args[4]) as (k, _):
            up, down = start(k), stop(k)
            rows.store(up, builder.fadd(rows.load(up), kept))
            rows.store(down, builder.fsub(rows.load(down), kept))
        return context.get_dummy_value()

    return signature, code


@intrinsic
def spread_single(typing: Any, table: Any, index: Any, first: Any, last: Any, value: Any) -> tuple[Any, Any]:
    """The transpose of `sum_single`: `table[index[k]] += value[:]`."""
    signature = types.void(table, index, types.intp, types.intp, value)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
        rows = _Rows(context, builder, signature.args[0], args[0])
        kept = _Rows(context, builder, signature.args[4], args[4]).load(ir.Constant(ir.IntType(64), 0))
        where = _indices(context, builder, signature.args[1], args[1])
        with _each(builder, args[2], args[3]) as (k, _):
            at = where(k)
            rows.store(at, builder.fadd(rows.load(at), kept))
        return context.get_dummy_value()

    return signature, code
