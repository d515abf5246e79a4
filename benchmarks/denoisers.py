"""Times of the analytical denoisers against plain implementations of the same formulas, and their errors.

python -m benchmarks.denoisers                           every case not measured yet: an hour on two cores
python -m benchmarks.denoisers --only pca-.05 local      some cases, measured again
python -m benchmarks.denoisers --only pca --rounds 1     a quicker look

Each case has a file of its own, written row by row: what was cut short is taken up where it ended, if
threads, machine and torch are the same; else it starts anew.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import cases
from benchmarks.cases import Rows
from benchmarks.processor import about
from benchmarks.timing import Meter, Row, Versus
from locality import ImageBank
from locality.data import cifar, fashion_mnist, photos
from locality.denoisers import (
    GoldenSubset,
    LocalMixture,
    LocalScore,
    Optimal,
    PatchComposite,
    PCALocality,
    Smoothed,
)

STATISTICS = Path("runs/benchmarks/statistics")
NEAREST = {"random_above": math.inf}  # golden subsets are the nearest images at every noise level


@cache
def bank(count: int, size: int) -> ImageBank:
    """Photographs."""
    return ImageBank(photos("train", 0, size=size, train=count))


def cifar_bank() -> ImageBank:
    """CIFAR-10."""
    return ImageBank(cifar("train", 0))


def pca(data: ImageBank, tau: float, clean: torch.Tensor, meter: Meter, steps: list[int]) -> Rows:
    """PCA locality against its own mask, dense."""
    denoiser = PCALocality.fit(data, tau=tau, cache=STATISTICS)
    return cases.masked(denoiser, denoiser.mask, clean, meter, steps)


def uniform(data: ImageBank, meter: Meter, steps: list[int]) -> Rows:
    """The optimal denoiser, whose mask is full."""
    n = data.image_shape.numel()
    return cases.masked(Optimal.fit(data), lambda _: torch.ones(n, n), data.images[:8], meter, steps)


def screened(data: ImageBank, meter: Meter, steps: list[int]) -> Rows:
    """A screen that would leave images out, against the scan of all; held-out images."""
    from benchmarks import (
        certified,
    )  # not above: older packages, which benchmarks.beside times, lack its parts

    denoiser = PCALocality.fit(data, tau=0.05, cache=STATISTICS)
    return certified.rows(denoiser, cifar("test", 0)[:8], meter.rounds, steps)


def windows(data: ImageBank, patch_size: int, meter: Meter, steps: list[int]) -> Rows:
    """A local score machine against its windows, channel by channel."""
    denoiser, channels = LocalScore.fit(data, patch_size), data.image_shape[0]
    dense = denoiser.rows(1.0).mask.repeat(channels, channels)
    return cases.masked(denoiser, lambda _: dense, data.images[:8], meter, steps)


def golden(data: ImageBank, **more: float) -> GoldenSubset:
    """The golden subset of a bank."""
    return GoldenSubset.fit(data, tau=0.05, cache=STATISTICS, **more)


def all_cases(
    meter: Meter, once: Meter, steps: list[int], count: int = 5000, size: int = 32
) -> dict[str, Callable[[], Rows]]:
    """Everything that can be timed, by name; if not said, 5,000 photographs of 32 x 32 x 3, 8 at once."""

    few = [t for t in (900, 500, 100) if t in steps]
    usual, large = partial(bank, count, size), partial(bank, 4 * count, size)

    def start(images: ImageBank) -> torch.Tensor:
        return images.images[:8]

    def held_out() -> torch.Tensor:
        return photos("test", 0, size=size, train=count)[:8]

    def fashion() -> ImageBank:
        return ImageBank(fashion_mnist("train", 0))

    return {
        "pca-.05": lambda: pca(usual(), 0.05, start(usual()), meter, steps),
        "pca-.05-held-out": lambda: pca(usual(), 0.05, held_out(), meter, steps),
        "pca-.005": lambda: pca(usual(), 0.005, start(usual()), meter, steps),
        "pca-.005-held-out": lambda: pca(usual(), 0.005, held_out(), meter, steps),
        "large-pca-.05": lambda: pca(large(), 0.05, start(usual()), once, steps),
        "fashion-pca-.005": lambda: pca(fashion(), 0.005, start(fashion()), once, steps),
        "optimal": lambda: uniform(usual(), meter, steps),
        "local-3": lambda: windows(usual(), 3, meter, steps),
        "local-31": lambda: windows(usual(), 31, meter, steps),
        "composite": lambda: cases.composite(PatchComposite.fit(usual(), 9), start(usual()), once, steps),
        "smoothed": lambda: cases.smoothed(Smoothed.fit(usual()), start(usual()), once, steps),
        "certified": lambda: screened(cifar_bank(), meter, steps),
        "golden": lambda: cases.golden(golden(usual(), **NEAREST), start(usual()), once, steps),
        "golden-whole": lambda: cases.golden_whole(golden(usual()), start(usual()), once, steps),
        "golden-cifar": lambda: cases.golden_whole(golden(cifar_bank()), start(cifar_bank()), once, steps),
        "mixture": lambda: cases.mixture(
            LocalMixture.fit(bank(count, size // 2), cache=STATISTICS),
            bank(count, size // 2).images[:8],
            once,
            few,
        ),
        "large-optimal": lambda: uniform(large(), once, few),
        "large-local-9": lambda: windows(large(), 9, once, few),
        "large-composite": lambda: cases.composite(PatchComposite.fit(large(), 9), start(usual()), once, few),
        "large-smoothed": lambda: cases.smoothed(Smoothed.fit(large()), start(usual()), once, few),
        "large-golden": lambda: cases.golden(golden(large(), **NEAREST), start(usual()), once, few),
        "patches": lambda: cases.patches(bank(count // 5, size), meter, few),
        "batch-patches": lambda: cases.patches_batch(bank(count // 5, size), once, [500]),
        "wiener": lambda: cases.wiener(usual(), meter),
        "memory-64": lambda: cases.alone(
            cases.enlarged(usual(), bank(count, 2 * size)), bank(count, 2 * size).images[:4], once, few
        ),
        "memory-60000": lambda: cases.alone(
            PCALocality.fit(fashion(), tau=0.005, cache=STATISTICS), fashion().images[:64], once, few
        ),
        "fields-pca": lambda: cases.fields(PCALocality.fit(usual(), tau=0.05, cache=STATISTICS), once, few),
        "fields-optimal": lambda: cases.fields(Optimal.fit(usual()), once, few),
    }


def main() -> None:
    """Run the cases and write what they measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="cases whose names begin so")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each rival takes")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks/denoisers"), help="folder")
    options = parser.parse_args()
    names = list(all_cases(Versus(options.rounds), Versus(1), []))
    for start in options.only:
        if not any(name.startswith(start) for name in names):
            parser.error(f"--only {start}: no case begins so; there are {', '.join(names)}")
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = options.output / f"{name}.json"
        saved = json.loads(path.read_text()) if path.exists() else None
        if name.startswith(tuple(options.only)) if options.only else saved is None or not saved["complete"]:
            measure(name, path, options.rounds, unfinished(saved))


def conditions() -> Row:
    """What the rows depend on."""
    return about() | {"clock": "CPU"}


def unfinished(saved: dict[str, Any] | None) -> list[Row]:
    """The rows that a case can go on from: those of a case cut short under the same conditions."""
    return [] if saved is None or saved["complete"] or saved["about"] != conditions() else saved["rows"]


def measure(name: str, path: Path, rounds: int, rows: list[Row]) -> None:
    """The rows of a case that are not there yet."""
    print(name, flush=True)
    steps = [t for t in cases.TIMESTEPS if t not in [row.get("t") for row in rows]]

    def save(complete: bool) -> None:
        path.write_text(json.dumps({"about": conditions(), "complete": complete, "rows": rows}, indent=1))

    for row in all_cases(Versus(rounds), Versus(1), steps)[name]():
        rows.append(row)
        print("   ", json.dumps(row), flush=True)
        save(complete=False)
    save(complete=True)
    print(f"  total {cases.total(rows)}", flush=True)


if __name__ == "__main__":
    main()
