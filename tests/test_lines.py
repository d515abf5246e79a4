"""Vectors spelled out in generated code: sums, extremes and exponentials of lines of any length."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from locality.posterior.compiled import lines
from locality.posterior.compiled.vectors import FAST, STEP

LENGTHS = [0, STEP, 3 * STEP, 4 * STEP, 11 * STEP, 32 * STEP]  # none, narrow steps only, wide ones only, both


@njit(fastmath=FAST)
def _reduced(a, i, b, j, base, length):
    w, squares, energy = lines.moments(a, i, b, j, base, length)
    return lines.least(a, i, length), lines.dot(a, i, b, j, length), w, squares, energy


@njit(fastmath=FAST)
def _changed(a, i, b, j, x, base, out, k, length):
    lines.add_squares(a, 0, i, x, 1, 2, 2, base, x[0], out, k, length)
    lines.slide(a, i, b, j, out, k, length)
    lines.respond(a, 0, i, x, 1, 2, 2, base, b, j, out, k + length, length)
    lines.weights(b, j, -base, out, k + 2 * length, length)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lines_reduce_to_what_numpy_finds(dtype, length):
    rng = np.random.default_rng(length)
    a, b = rng.normal(size=(2, 700)).astype(dtype)
    i, j, base = 5, 17, dtype(0.3)
    got = _reduced(a, i, b, j, base, length)
    w, values = (line.astype(np.float64) for line in (a[i : i + length], b[j : j + length]))
    want = (w.min(initial=3e38), w @ values, w.sum(), w @ w, w @ (values - float(base)))
    np.testing.assert_allclose(got, want, rtol=1e-5 if dtype is np.float32 else 1e-13, atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lines_change_where_they_should_and_nowhere_else(dtype, length):
    rng = np.random.default_rng(length)
    a, x = rng.normal(size=1400).astype(dtype), rng.normal(size=4).astype(dtype)
    b, out = rng.uniform(0, 40, 700).astype(dtype), rng.normal(size=3 * length + 40).astype(dtype)
    i, j, k, base = 600, 17, 3, dtype(0.3)
    want = out.astype(np.float64)
    planes = [a[start : start + length].astype(np.float64) for start in (0, i)]
    line, here = b[j : j + length].astype(np.float64), slice(k, k + length)
    want[here] += base * sum((x[1 + 2 * c] - planes[c]) ** 2 for c in range(2)) + x[0]
    want[here] += planes[1] - line
    want[k + length : k + 2 * length] = line * (x[1] * planes[0] + x[3] * planes[1] - base)
    want[k + 2 * length : k + 3 * length] = np.exp(-line + float(base))
    _changed(a, i, b, j, x, base, out, k, length)
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    np.testing.assert_allclose(out, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "lowest", "digits"), [(np.float32, 87, 1e-5), (np.float64, 708, 1e-13)])
def test_exponentials_are_right_down_to_the_smallest_normal_number_and_no_more_than_it_below(
    dtype, lowest, digits
):
    distances = np.linspace(0, 2 * lowest, 64 * STEP).astype(dtype)
    w = np.empty_like(distances)
    njit(lambda d, w: lines.weights(d, 0, d[0], w, 0, len(d)))(distances, w)
    exact, within = np.exp(-distances.astype(np.float64)), distances < lowest
    np.testing.assert_allclose(w[within], exact[within], rtol=digits)
    assert (w[~within] <= np.exp(-float(lowest)) * (1 + digits)).all()
