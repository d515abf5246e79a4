"""Vectors spelled out in generated code: sums, extremes and exponentials of lines of any length."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

import locality
from locality.posterior.vectors import lines, table_rows
from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.llvm import FAST, STEP

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


def run(script: str, folder: Path) -> list[str]:
    """The words that a fresh process prints, which keeps what it compiles in the folder."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "kept"),
        "PYTHONPATH": str(Path(locality.__file__).parents[1]),
    }
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("changed", ["one/called.py", "two/called.py", "two/below.py"])
def test_a_kernel_is_compiled_anew_when_a_file_changes_that_it_is_made_of(tmp_path, changed):
    files = {
        "one/caller.py": "import room.one.called as near\nfrom room.two import called as far\n"
        "from {kernel} import kernel\n@kernel\ndef f(x): return near.g(x) + far.g(x)\n",
        "one/called.py": "from numba import njit\n@njit\ndef g(x): return x + 0\n",
        "two/called.py": "from numba import njit\nfrom room.two.below import K\n"
        "@njit\ndef g(x): return x + K\n",
        "two/below.py": "K = 0\n",
        "two/beside.py": "",
    }
    for name, source in files.items():
        path = tmp_path / "room" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.format(kernel=kernel.__module__))
    script = "from room.one.caller import f; print(f(0), sum(f.stats.cache_hits.values()))"
    assert run(script, tmp_path) == ["0", "0"]
    (tmp_path / "room/two/beside.py").write_text("K = 1\n")  # of which it is not made
    assert run(script, tmp_path) == ["0", "1"]
    path = tmp_path / "room" / changed
    path.write_text(path.read_text().replace("+ 0", "+ 20").replace("+ K", "+ K + 20").replace("= 0", "= 20"))
    assert run(script, tmp_path) == ["20", "0"]


def test_a_kernel_of_the_house_is_compiled_anew_when_its_vectors_change(tmp_path):
    package = Path(locality.__file__).parent
    shutil.copytree(package, tmp_path / "locality", ignore=shutil.ignore_patterns("__pycache__"))
    script = (
        "import numpy as np; from locality.posterior.masked.row_sums import column_sum as f\n"
        "none, starts = np.zeros(0, np.uint16), np.zeros(2, np.int64)\n"
        "f(np.zeros(3), (2, none, starts, none, starts, np.zeros(1, np.bool_)), 0)\n"
        "print(sum(f.stats.cache_hits.values()))"
    )
    assert (run(script, tmp_path), run(script, tmp_path)) == (["0"], ["1"])
    with (tmp_path / "locality/posterior/vectors/llvm.py").open("a") as file:
        file.write("# changed\n")
    assert run(script, tmp_path) == ["0"]


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
