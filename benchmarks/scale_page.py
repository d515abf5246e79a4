"""Write docs/scale.md from what `benchmarks.scale` measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from locality.report.table import format_markdown

ROOT = Path(__file__).resolve().parent.parent
KEPT, PAGE = ROOT / "docs" / "scale.json", ROOT / "docs" / "scale.md"
_SIDE, _BATCH = 16, 8  # of the images that were measured
_N, _PIXELS, _QUERIES = 1_281_167, 3 * 64 * 64, 128  # ImageNet-64, and the batch that the plan is for

_TEXT = """# Scale

Written by `make bench-scale`. Processor: {machine}; {threads} threads. Other work ran beside: times are
upper bounds.

## A bank in a file
`ImageBank.open(path)` maps a file of bytes that `bank.write(path)` or `ImageBank.write_parts(path, parts,
count)` wrote. The file is one of safetensors, whole or absent, and holds a digest for each block of 64 MiB.
Opening it verifies them; `check=False` does not. A pass reads the next block ahead and gives the one before
back. On the command line `bank=mapped` does the same with a file of the cache.

A million images of {side} x {side} x 3 ({size:.2f} GB): written in {write:.0f} s, opened and verified in
{open:.1f} s.

## Growth
The table has the seconds of one call for {batch} noisy images at t = 400, and the most memory that the
process had, all libraries included. The bank is in a file. Each row is a process of its own, which may not
have more than 4 GiB of its own data. `Optimal` has read the bank once before, for the lengths of its images.

{growth}

## As long as ImageNet
A file of {n:,} images of 64 x 64 x 3 has {whole:.1f} GB. Here it is hollow: black images that take no room
on the disk. The first blocks of it are read, in a process that may have 4 GiB. Nobody has read all of it.

{hollow}

## A bank on several ranks
`bank=sharded trainer=ddp trainer.devices=<R>` gives each rank N / R images; `bank=mapped_sharded` gives it
as much of a file. On several nodes the same command is started on each (torchrun, srun) with
`trainer.num_nodes=<nodes>`. The ranks' noisy images are gathered, each rank passes over its shard, and the
states of the softmaxes are gathered and merged: one round. A backward pass is one more pass, and a sum over
ranks. Ranks that ask the same are answered once.

- A rank holds N / R images. `tests/test_sharded.py` holds this on three ranks of one machine, and every
  denoiser's answers to 1e-6 in float64; `tests/test_sharded_runs.py` holds a training, and a comparison on
  two "nodes" of one machine. Neither was timed, nor run on GPUs.
- A run still reads its source whole before it keeps a part. Only a file that is opened
  (`ImageBank.open(path, rank=, world=)`) is never in memory whole.
- A checkpoint of an analytical denoiser that is the reference of a comparison is fitted to the whole bank
  on each rank.
- A comparison wants a count of images that the ranks divide. `compare=paper_table` takes one process.

## What ImageNet-64 would take
Counted, not measured: B = {queries} noisy images, N = {n:,}, n = {pixels:,}.

{plan}

- The bank has {whole:.1f} GB as bytes, which is {eighth:.1f} GB on each of eight ranks.
- The state of a softmax for each output has 8 (1 + 5 n) bytes for a noisy image: {state:.0f} MB for
  {queries} of them. Eight ranks gather {gathered:.2f} GB a step.
- The covariance has {covariance:.1f} GB in float64, and its sums as much. Its products are {moments:.1e}
  operations, its decomposition some {eigh:.0e} in float64, once; both are kept in the cache.
- The masks of a noise level are {mask:.2f} GB as bytes, and the weights that they are made from
  {covariance:.1f} GB, several times over while they are made.
- A golden subset gathers two distances of each image and noisy image, {golden:.1f} GB on each rank. Ask for
  fewer noisy images at a time.
"""


def write_page() -> None:
    """Rewrite docs/scale.md."""
    kept = json.loads(KEPT.read_text())
    PAGE.write_text(page(kept["about"], kept["rows"]))


def page(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The page of these rows."""
    known = {(row["kind"], row["count"], row.get("hollow", False)): row for row in rows}
    grown = [row for row in rows if row["kind"] not in ("write", "open") and not row.get("hollow")]
    whole, million = _N * _PIXELS, max(row["count"] for row in rows)
    return _TEXT.format(
        **about, side=_SIDE, batch=_BATCH, n=_N, pixels=_PIXELS, queries=_QUERIES,
        size=million * 3 * _SIDE**2 / 1e9, write=known["write", million, False]["seconds"],
        open=known["open", million, False]["seconds"], growth=_table(grown),
        hollow=_table([row for row in rows if row.get("hollow")]), plan=_plan(),
        whole=whole / 1e9, eighth=whole / 8e9,
        state=_QUERIES * 8 * (1 + 5 * _PIXELS) / 1e6, gathered=8 * _QUERIES * 8 * (1 + 5 * _PIXELS) / 1e9,
        covariance=8 * _PIXELS**2 / 1e9,
        moments=_N * _PIXELS**2, mask=_PIXELS**2 / 1e9, golden=16 * _N * _QUERIES / 1e9, eigh=10 * _PIXELS**3,
    )  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [
        [row["kind"], f"{row['count']:,}", f"{row['seconds']:.3g}",
         f"{row['seconds'] / row['count'] * 1e6:.3g}", f"{row['peak_bytes'] / 2**20:,.0f} MiB"]
        for row in rows
    ]  # fmt: skip
    return format_markdown(["what", "images", "seconds", "microseconds an image", "peak memory"], cells)


def _plan() -> str:
    dense = 2 * _QUERIES * _N * _PIXELS**2
    counted = {
        "Optimal": 4 * _QUERIES * _N * _PIXELS,
        "PCA locality, dense": dense,
        "PCA locality, 1 input in 20": dense / 20,
    }
    lines = [[name, f"{count:.1e}", f"{count / 8:.1e}"] for name, count in counted.items()]
    return format_markdown(["a step of", "operations", "on each of eight ranks"], lines)
