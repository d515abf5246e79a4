"""Sums, products and exponentials of lines of numbers.

Numba looks for an extreme one number at a time, and adds up into one register, each addition waiting for the
one before; here the vectors are spelled out. A line is given by an array, C-contiguous, and where it starts,
counted flat; lengths are multiples of `vectors.STEP`. Arrays and numbers of a call are of one type.
"""

from __future__ import annotations

import math
from typing import Any

from numba import types
from numba.extending import intrinsic as _intrinsic

from locality.posterior.vectors.llvm import Numbers, Value

intrinsic: Any = _intrinsic  # called without the typing context, which a type checker cannot know

_Code = tuple[Any, Any]  # the signature, and what generates the code
_PLACE = types.intp
_SERIES = {4: 7, 8: 13}  # terms of the exponential's series, by the bytes of a number
_LOWEST = {4: -126.0, 8: -1022.0}  # the least power of two


@intrinsic
def add_squares(
    typing: Any, planes: Any, i: Any, apart: Any, x: Any, at: Any, step: Any, channels: Any, scale: Any,
    base: Any, line: Any, j: Any, length: Any,
) -> _Code:  # fmt: skip
    """`line += scale sum_c (x[at + c step] - planes[i + c apart])^2 + base`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, apart, _, at, step, channels, scale, base, _, j, length = (numbers[k] for k in range(12))

        def body(v: Numbers, k: Value) -> tuple[()]:
            def square(c: Value) -> Value:
                difference = v.number(3, at + c * step) - v.load(0, i + c * apart + k)
                return difference * difference

            total = v.total(channels, square) * scale.spread(v.width) + base.spread(v.width)
            v.store(9, j + k, v.load(9, j + k) + total)
            return ()

        numbers.sweep(length, body)
        return call[0].get_dummy_value()

    place, number = _PLACE, line.dtype
    given = (planes, place, place, x, place, place, place, number, number, line, place, place)
    return types.void(*given), code


@intrinsic
def respond(
    typing: Any, planes: Any, i: Any, apart: Any, g: Any, at: Any, step: Any, channels: Any, mean: Any,
    w: Any, j: Any, line: Any, k: Any, length: Any,
) -> _Code:  # fmt: skip
    """`line = w (sum_c g[at + c step] planes[i + c apart] - mean)`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, apart, _, at, step, channels, mean, _, j, _, k, length = (numbers[n] for n in range(13))

        def body(v: Numbers, n: Value) -> tuple[()]:
            seen = v.total(channels, lambda c: v.number(3, at + c * step) * v.load(0, i + c * apart + n))
            v.store(10, k + n, v.load(8, j + n) * (seen - mean.spread(v.width)))
            return ()

        numbers.sweep(length, body)
        return call[0].get_dummy_value()

    place, number = _PLACE, line.dtype
    given = (planes, place, place, g, place, place, place, number, w, place, line, place, place)
    return types.void(*given), code


@intrinsic
def slide(typing: Any, plus: Any, i: Any, minus: Any, j: Any, line: Any, k: Any, length: Any) -> _Code:
    """`line += plus - minus`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, _, j, _, k, length = (numbers[n] for n in range(7))

        def body(v: Numbers, n: Value) -> tuple[()]:
            v.store(4, k + n, v.load(4, k + n) + (v.load(0, i + n) - v.load(2, j + n)))
            return ()

        numbers.sweep(length, body)
        return call[0].get_dummy_value()

    return types.void(plus, _PLACE, minus, _PLACE, line, _PLACE, _PLACE), code


@intrinsic
def least(typing: Any, line: Any, i: Any, length: Any) -> _Code:
    """`min_j line_j`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        return numbers.sweep(
            numbers[2], lambda v, n: [v.load(0, numbers[1] + n)], [Value.lesser], [math.inf]
        )[0]

    return line.dtype(line, _PLACE, _PLACE), code


@intrinsic
def dot(typing: Any, a: Any, i: Any, b: Any, j: Any, length: Any) -> _Code:
    """`sum_n a_n b_n`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, _, j, length = (numbers[n] for n in range(5))
        return numbers.sweep(
            length, lambda v, n: [v.load(0, i + n) * v.load(2, j + n)], [Value.__add__], [0.0]
        )[0]

    return a.dtype(a, _PLACE, b, _PLACE, _PLACE), code


@intrinsic
def moments(typing: Any, w: Any, i: Any, values: Any, j: Any, base: Any, length: Any) -> _Code:
    """`(sum_n w_n, sum_n w_n^2, sum_n w_n (values_n - base))`."""

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, _, j, base, length = (numbers[n] for n in range(6))

        def body(v: Numbers, n: Value) -> tuple[Value, ...]:
            w = v.load(0, i + n)
            return w, w * w, w * (v.load(2, j + n) - base.spread(v.width))

        sums = numbers.sweep(length, body, [Value.__add__] * 3, [0.0] * 3)
        return call[0].make_tuple(call[1], call[2].return_type, sums)

    return types.UniTuple(w.dtype, 3)(w, _PLACE, values, _PLACE, w.dtype, _PLACE), code


@intrinsic
def weights(typing: Any, distances: Any, i: Any, peak: Any, w: Any, j: Any, length: Any) -> _Code:
    """`w_n = exp(-distances_n - peak)`, for exponents <= 0, of which the lowest are cut off.

    2^k times a polynomial for 2^f, |f| <= 1/2. The relative error is that of the type times the exponent:
    2e-7 for large weights in float32 (4e-16 in float64), 4e-6 (5e-14) near the smallest.
    """

    def code(*call: Any) -> Any:
        numbers = Numbers(*call)
        _, i, peak, _, j, length = (numbers[n] for n in range(6))

        def body(v: Numbers, n: Value) -> tuple[()]:
            exponent = -v.load(0, i + n) - peak.spread(v.width)
            power = (exponent * v.constant(1 / math.log(2))).greater(v.constant(_LOWEST[v.bytes]))
            whole = v.floor(power + v.constant(0.5))
            rest = (power - whole) * v.constant(math.log(2))
            series = v.constant(1 / math.factorial(_SERIES[v.bytes]))
            for order in range(_SERIES[v.bytes] - 1, -1, -1):
                series = series * rest + v.constant(1 / math.factorial(order))
            v.store(3, j + n, series * v.exponential_of_two(whole))
            return ()

        numbers.sweep(length, body)
        return call[0].get_dummy_value()

    return types.void(distances, _PLACE, w.dtype, w, _PLACE, _PLACE), code
