"""Sums and updates of table rows, one row being one wide vector that stays in registers.

A table row holds one number for each of the images of a block. Numba's own loop over them reloads the sum and
checks for overlap at every step, which costs twice the arithmetic; here the vector type is spelled out.
"""

from __future__ import annotations

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


def _each(context: Any, builder: Any, kind: Any, args: Any) -> Any:
    """Loop over `base + index[k]`, k in [first, last)."""
    base, index, first, last = args
    data = context.make_array(kind)(context, builder, index).data
    one = ir.Constant(ir.IntType(64), 1)
    with cgutils.for_range_slice(builder, first, last, one, ir.IntType(64)) as (k, _):
        yield builder.add(base, builder.zext(builder.load(builder.gep(data, [k])), ir.IntType(64)))


def _collecting(combine: str) -> Any:
    @intrinsic
    def collecting(
        typing: Any, table: Any, base: Any, index: Any, first: Any, last: Any, sums: Any, u: Any
    ) -> tuple[Any, Any]:
        signature = types.void(table, types.intp, index, types.intp, types.intp, sums, types.intp)

        def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
            rows = _Rows(context, builder, signature.args[0], args[0])
            out = _Rows(context, builder, signature.args[5], args[5])
            kept = cgutils.alloca_once(builder, rows.vector)
            builder.store(out.load(args[6]), kept)
            for row in _each(context, builder, signature.args[2], args[1:5]):
                builder.store(getattr(builder, combine)(builder.load(kept), rows.load(row)), kept)
            out.store(args[6], builder.load(kept))
            return context.get_dummy_value()

        return signature, code

    return collecting


def _scattering(combine: str) -> Any:
    @intrinsic
    def scattering(
        typing: Any, table: Any, base: Any, index: Any, first: Any, last: Any, values: Any, u: Any
    ) -> tuple[Any, Any]:
        signature = types.void(table, types.intp, index, types.intp, types.intp, values, types.intp)

        def code(context: Any, builder: Any, signature: Any, args: Any) -> _Value:
            rows = _Rows(context, builder, signature.args[0], args[0])
            value = _Rows(context, builder, signature.args[5], args[5]).load(args[6])
            for row in _each(context, builder, signature.args[2], args[1:5]):
                rows.store(row, getattr(builder, combine)(rows.load(row), value))
            return context.get_dummy_value()

        return signature, code

    return scattering


# collect(table, base, index, first, last, sums, u):
# sums[u] += sum over k in [first, last) of table[base + index[k]], or -= that
collect, collect_negative = _collecting("fadd"), _collecting("fsub")
# scatter(table, base, index, first, last, values, u), the transpose:
# table[base + index[k]] += values[u], or -=
scatter, scatter_negative = _scattering("fadd"), _scattering("fsub")
