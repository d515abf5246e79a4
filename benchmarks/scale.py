"""How time and memory grow to a million images, and a bank as long as ImageNet: docs/scale.md.

python -m benchmarks.scale --folder <where there is room for 1 GB>     some minutes on two cores

Each row is measured in a process of its own, whose peak memory is then its own. The bank lies in a file
(`ImageBank.open`) and is streamed. Files are removed at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.denoisers import about
from benchmarks.scale_page import KEPT, write_page
from benchmarks.timing import seconds, status
from locality import GaussianStats, ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.denoisers import Optimal, PCALocality
from locality.denoisers.base import Denoiser
from locality.mapped_file import write_hollow

COUNTS = (1000, 10_000, 100_000, 1_000_000)
SIDE, BATCH, LIMIT = 16, 8, 4 * 2**30
IMAGENET = (1_281_167, 3, 64, 64)
CHUNKS = 8  # blocks of the hollow file that are read
SIGMA = NoiseSchedule.ddpm().sigma(400).item()
MAKERS: dict[str, Callable[[ImageBank, GaussianStats], Denoiser]] = {
    "Optimal": lambda bank, stats: Optimal.fit(bank, memory_budget=2**28),
    "PCALocality, tau = .05": lambda bank, stats: PCALocality.fit(bank, stats=stats, memory_budget=2**28),
}


def made_up(count: int) -> Iterator[Tensor]:
    """Images in parts: coarse random fields and a little noise, bytes."""
    generator = torch.Generator().manual_seed(0)
    for start in range(0, count, 8192):
        few = min(8192, count - start)
        coarse = interpolate(torch.randn(few, 3, 4, 4, generator=generator), size=SIDE, mode="bilinear")
        fine = torch.randn(coarse.shape, generator=generator)
        yield (60 * coarse + 8 * fine + 127).clamp(0, 255).to(torch.uint8)


def noisy(bank: ImageBank) -> Tensor:
    """The first images at t = 400."""
    x = to_float(bank.images[:BATCH], torch.float32)
    return x + SIGMA * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def one(kind: str, path: Path, count: int) -> dict[str, Any]:
    """A row: seconds, and the process's peak memory beside what it had before the bank was read."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    stats_of = ImageBank.open(path, check=False).subset(range(min(count, 20_000)))
    row: dict[str, Any] = {"kind": kind, "count": count}
    if kind == "open":
        row["seconds"] = seconds(lambda: ImageBank.open(path))
    elif kind == "mean and covariance":
        bank = ImageBank.open(path, check=False).subset(range(count))
        row["seconds"] = seconds(lambda: GaussianStats.from_bank(bank))
    else:
        bank = ImageBank.open(path, check=False).subset(range(count))
        stats = GaussianStats.from_bank(stats_of) if kind.startswith("PCA") else None
        denoiser, x = MAKERS[kind](bank, stats), noisy(bank)  # type: ignore[arg-type]
        MAKERS[kind](bank.subset(range(100)), stats)(x, SIGMA)  # type: ignore[arg-type]  # compiles
        denoiser(x[:1], SIGMA)
        row["seconds"] = seconds(lambda: denoiser(x, SIGMA))
    return row | {"peak_bytes": status("VmHWM") * 1024}


def measured(folder: Path) -> list[dict[str, Any]]:
    """All rows, each by a process of its own; those of a run that was cut off are taken up again."""
    path, hollow, kept = (
        folder / name for name in ("million.safetensors", "hollow.safetensors", "scale.json")
    )
    rows: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() and path.exists() else []

    def add(kind: str, count: int, work: Callable[[], dict[str, Any]]) -> None:
        if not any((row["kind"], row["count"]) == (kind, count) for row in rows):
            rows.append(work())
            kept.write_text(json.dumps(rows))

    def write() -> dict[str, Any]:
        took = seconds(lambda: ImageBank.write_parts(path, made_up(COUNTS[-1]), COUNTS[-1]))
        return {"kind": "write", "count": COUNTS[-1], "seconds": took}

    add("write", COUNTS[-1], write)
    size = 2**26 // (3 * 64 * 64)
    write_hollow(hollow, IMAGENET)
    for k in (1, CHUNKS):
        add("Optimal", size * k, lambda k=k: _in_a_process("Optimal", hollow, size * k) | {"hollow": True})  # type: ignore[misc]
    add("open", COUNTS[-1], lambda: _in_a_process("open", path, COUNTS[-1]))
    for count in COUNTS:
        for kind in (*MAKERS, "mean and covariance"):
            add(kind, count, lambda kind=kind, count=count: _in_a_process(kind, path, count))  # type: ignore[misc]
    for made in (path, hollow, kept):
        made.unlink()
    return rows


def _in_a_process(kind: str, path: Path, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", "--one", kind, str(path), str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{kind}, N = {count:,}: {row['seconds']:.3g} s, {row['peak_bytes'] / 2**20:.0f} MiB", flush=True)
    return row


def main() -> None:
    """Measure, keep the rows, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--one", nargs=3, metavar=("KIND", "FILE", "COUNT"), help=argparse.SUPPRESS)
    parser.add_argument("--page", action="store_true", help="only write the page of what was measured before")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    if options.one:
        kind, path, count = options.one
        print(json.dumps(one(kind, Path(path), int(count))))
        return
    if not options.page:
        rows = measured(options.folder)
        KEPT.write_text(json.dumps({"about": about(), "rows": rows}, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
