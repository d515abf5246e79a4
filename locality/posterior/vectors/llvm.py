"""Code for wide vectors that stay in registers: what intrinsics are written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from llvmlite import ir
from numba.core import cgutils

STEP = 16  # numbers: divides the length of every line
_WIDE = 64  # numbers, the most at once: sums enough that none waits for the addition before

FAST = {"reassoc", "contract", "nnan", "nsz", "arcp"}  # all of fastmath but what forbids infinities
_FLAGS = tuple(sorted(FAST))
_INDEX, _LANE = ir.IntType(64), ir.IntType(32)

_Untyped: TypeAlias = Any  # llvmlite has no types of its own to speak of


@dataclass(frozen=True)
class Value:
    """An index, a number or a vector of the generated code; products and sums of numbers may fuse."""

    builder: _Untyped
    raw: _Untyped

    def __add__(self, other: Value | int) -> Value:
        return self._combined("add", other)

    def __sub__(self, other: Value | int) -> Value:
        return self._combined("sub", other)

    def __mul__(self, other: Value | int) -> Value:
        return self._combined("mul", other)

    def __neg__(self) -> Value:
        return Value(self.builder, self.builder.fneg(self.raw, flags=_FLAGS))

    def lesser(self, other: Value) -> Value:
        return self._chosen("<", other)

    def greater(self, other: Value) -> Value:
        return self._chosen(">", other)

    def _combined(self, what: str, other: Value | int) -> Value:
        if isinstance(self.raw.type, ir.IntType):
            raw = other.raw if isinstance(other, Value) else _INDEX(other)
            return Value(self.builder, getattr(self.builder, what)(self.raw, raw))
        assert isinstance(other, Value)
        return Value(self.builder, getattr(self.builder, "f" + what)(self.raw, other.raw, flags=_FLAGS))

    def _chosen(self, order: str, other: Value) -> Value:
        better = self.builder.fcmp_ordered(order, self.raw, other.raw, flags=_FLAGS)
        return Value(self.builder, self.builder.select(better, self.raw, other.raw))

    def folded(self, combine: Combine, width: int) -> Value:
        """Halves combined until `width` numbers are left; one is a number, not a vector."""
        vector, half = self, self.raw.type.count
        while half > width:
            half //= 2
            vector = combine(vector._shuffled(range(half)), vector._shuffled(range(half, 2 * half)))
        if width > 1:
            return vector
        return Value(self.builder, self.builder.extract_element(vector.raw, _LANE(0)))

    def spread(self, width: int) -> Value:
        """The number in every place of a vector."""
        nothing = ir.Constant(ir.VectorType(self.raw.type, width), ir.Undefined)
        first = Value(self.builder, self.builder.insert_element(nothing, self.raw, _LANE(0)))
        return first._shuffled([0] * width)

    def _shuffled(self, places: Iterable[int]) -> Value:
        which = [_LANE(place) for place in places]
        kind = ir.VectorType(_LANE, len(which))
        return Value(self.builder, self.builder.shuffle_vector(self.raw, self.raw, ir.Constant(kind, which)))


Combine = Callable[[Value, Value], Value]


class Variable:
    """A value that changes as the generated code runs."""

    def __init__(self, value: Value) -> None:
        self.builder, self.place = value.builder, cgutils.alloca_once(value.builder, value.raw.type)
        self.set(value)

    def get(self) -> Value:
        return Value(self.builder, self.builder.load(self.place))

    def set(self, value: Value) -> None:
        self.builder.store(value.raw, self.place)


class Numbers:
    """The arguments of an intrinsic whose numbers are of one type, and vectors of one width of it."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, width: int = _WIDE) -> None:
        self.call, self.width = (context, builder, signature, args), width
        self.builder, self.context = builder, context
        kind = next(k.dtype for k in signature.args if hasattr(k, "dtype"))
        self.type, self.bytes = context.get_value_type(kind), kind.bitwidth // 8

    def __getitem__(self, argument: int) -> Value:
        """An argument that is a number or an index."""
        return Value(self.builder, self.call[3][argument])

    def constant(self, number: float) -> Value:
        return Value(self.builder, ir.Constant(self._vector, [self.type(number)] * self.width))

    def number(self, argument: int, place: Value) -> Value:
        """One number of an array, in every place of a vector."""
        return Value(self.builder, self.builder.load(self._pointer(argument, place))).spread(self.width)

    def index(self, argument: int, place: Value) -> Value:
        """One number of an array of shorter whole numbers, without sign."""
        short = self.builder.load(self._pointer(argument, place))
        return Value(self.builder, self.builder.zext(short, _INDEX))

    def load(self, argument: int, place: Value) -> Value:
        wide = self.builder.bitcast(self._pointer(argument, place), self._vector.as_pointer())
        return Value(self.builder, self.builder.load(wide, align=self.bytes))

    def store(self, argument: int, place: Value, value: Value) -> None:
        wide = self.builder.bitcast(self._pointer(argument, place), self._vector.as_pointer())
        self.builder.store(value.raw, wide, align=self.bytes)

    def each(self, first: Value | int, last: Value, step: int = 1) -> Iterator[Value]:
        """The places first, first + step, ... before last: code made in a `for` over it runs for each."""
        start = first.raw if isinstance(first, Value) else _INDEX(first)
        with cgutils.for_range_slice(self.builder, start, last.raw, _INDEX(step), _INDEX) as (place, _):
            yield Value(self.builder, place)

    def total(self, count: Value, term: Callable[[Value], Value]) -> Value:
        """The sum of the terms 0 .. count - 1."""
        kept = Variable(self.constant(0.0))
        for k in self.each(0, count):
            kept.set(kept.get() + term(k))
        return kept.get()

    def sweep(
        self,
        length: Value,
        body: Callable[[Numbers, Value], Sequence[Value]],  # of vectors and a place: one for each result
        combines: Sequence[Combine] = (),  # of two vectors of a result
        starts: Sequence[float] = (),  # what changes nothing when combined
    ) -> list[_Untyped]:
        """Go along lines in wide steps, then in narrow ones; each result's vectors, combined to a number."""
        split = Value(self.builder, self.builder.and_(length.raw, _INDEX(-_WIDE)))
        results = [self.constant(start) for start in starts]
        for width, first, last in ((_WIDE, 0, split), (STEP, split, length)):
            v = Numbers(*self.call, width=width)
            kept = [Variable(one.folded(add, width)) for one, add in zip(results, combines, strict=True)]
            for place in v.each(first, last, width):
                for one, combine, value in zip(kept, combines, body(v, place), strict=True):
                    one.set(combine(one.get(), value))
            results = [one.get() for one in kept]
        return [one.folded(combine, 1).raw for one, combine in zip(results, combines, strict=True)]

    def exponential_of_two(self, power: Value) -> Value:
        """2^k for whole k, by the bits."""
        mantissa, bias, bits = (23, 127, _LANE) if self.bytes == 4 else (52, 1023, _INDEX)
        # By way of 32 bits: few processors turn vectors into longer integers.
        short = self.builder.fptosi(power.raw, ir.VectorType(_LANE, self.width))
        whole = ir.VectorType(bits, self.width)
        k = short if bits is _LANE else self.builder.sext(short, whole)
        k = self.builder.add(k, ir.Constant(whole, [bits(bias)] * self.width))
        k = self.builder.shl(k, ir.Constant(whole, [bits(mantissa)] * self.width))
        return Value(self.builder, self.builder.bitcast(k, self._vector))

    def floor(self, value: Value) -> Value:
        kind = ir.FunctionType(self._vector, [self._vector])
        name = f"llvm.floor.v{self.width}f{8 * self.bytes}"
        floor = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return Value(self.builder, self.builder.call(floor, [value.raw]))

    @property
    def _vector(self) -> _Untyped:
        return ir.VectorType(self.type, self.width)

    def _pointer(self, argument: int, place: Value) -> _Untyped:
        _, _, signature, args = self.call
        array = self.context.make_array(signature.args[argument])(self.context, self.builder, args[argument])
        return self.builder.gep(array.data, [place.raw])
