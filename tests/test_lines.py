"""Vectors spelled out in generated code: sums, extremes and exponentials of lines of any length."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from locality.posterior.compiled import lines, table_rows
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
    want = (w.min(initial=np.inf), w @ values, w.sum(), w @ w, w @ (values - float(base)))
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


@njit(fastmath=FAST)
def _rows(table, base, plus, minus, sums, u):
    table_rows.collect(table, base, plus, 1, len(plus), minus, 0, len(minus) - 1, sums, u)


@njit(fastmath=FAST)
def _spread(table, base, plus, minus, values, u):
    table_rows.scatter(table, base, plus, 1, len(plus), minus, 0, len(minus) - 1, values, u)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_table_rows_are_added_up_and_scattered_as_their_lists_say(dtype):
    rng = np.random.default_rng(0)
    lanes, base, u = table_rows.ROW_BYTES // np.dtype(dtype).itemsize, 3, 1
    table, sums = rng.normal(size=(20, lanes)).astype(dtype), rng.normal(size=(2, lanes)).astype(dtype)
    plus, minus = (rng.integers(0, 17, size).astype(np.uint16) for size in (9, 5))
    want = sums.astype(np.float64)
    want[u] += table[base + plus[1:]].sum(0, dtype=np.float64) - table[base + minus[:-1]].sum(
        0, dtype=np.float64
    )
    _rows(table, base, plus, minus, sums, u)
    np.testing.assert_allclose(sums, want, rtol=1e-5, atol=1e-5)
    want = table.astype(np.float64)
    np.add.at(want, base + plus[1:], sums[u])
    np.add.at(want, base + minus[:-1], -sums[u])
    _spread(table, base, plus, minus, sums, u)
    np.testing.assert_allclose(table, want, rtol=1e-5, atol=1e-5)


def test_a_kernel_is_compiled_anew_when_a_file_beside_its_own_changes(tmp_path):
    head = "from locality.posterior.compiled.kernel import kernel\n"
    (tmp_path / "caller.py").write_text(f"{head}from called import g\n@kernel\ndef f(x): return g(x)\n")
    for added, kept in ((1, 0), (1, 1), (20, 0)):
        (tmp_path / "called.py").write_text(f"from numba import njit\n@njit\ndef g(x): return x + {added}\n")
        run = [
            sys.executable,
            "-c",
            "import caller; print(caller.f(0), sum(caller.f.stats.cache_hits.values()))",
        ]
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        told = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.split() == [str(added), str(kept)]


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
