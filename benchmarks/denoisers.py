"""Times of the analytical denoisers against plain implementations of the same formulas, and their errors.

python -m benchmarks.denoisers                           every case not measured yet: an hour on two cores
python -m benchmarks.denoisers --only pca-.05 local      some cases, measured again
python -m benchmarks.denoisers --only pca --rounds 1     a quicker look

Each case has a file of its own: what was cut short is taken up at the next case.
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import cases
from benchmarks.cases import Row, Rows
from locality import ImageBank
from locality.data import fashion_mnist, photos
from locality.denoisers import GoldenSubset, LocalScore, Optimal, PatchComposite, PCALocality, Smoothed

STATISTICS = Path("runs/benchmarks/statistics")


def bank(count: int = 5000, size: int = 32) -> ImageBank:
    """Photographs."""
    return ImageBank(photos("train", 0, size=size, train=count))


def pca(data: ImageBank, tau: float, clean: torch.Tensor, rounds: int) -> Rows:
    """PCA locality against its own mask, dense."""
    denoiser = PCALocality.fit(data, tau=tau, cache=STATISTICS)
    return cases.masked(denoiser, denoiser.mask, clean, rounds)


def uniform(data: ImageBank, rounds: int) -> Rows:
    """The optimal denoiser, whose mask is full."""
    n = data.image_shape.numel()
    return cases.masked(Optimal.fit(data), lambda sigma: torch.ones(n, n), data.images[:8], rounds)


def windows(data: ImageBank, patch_size: int, rounds: int) -> Rows:
    """A local score machine against its windows, channel by channel."""
    denoiser, channels = LocalScore.fit(data, patch_size), data.image_shape[0]
    dense = denoiser.rows(1.0).mask.repeat(channels, channels)
    return cases.masked(denoiser, lambda sigma: dense, data.images[:8], rounds)


def all_cases(rounds: int) -> dict[str, Callable[[], Rows]]:
    """Everything that can be timed, by name; if not said, 5,000 photographs of 32 x 32 x 3, 8 at once."""

    def start(images: ImageBank) -> torch.Tensor:
        return images.images[:8]

    def held_out() -> torch.Tensor:
        return photos("test", 0, size=32, train=5000)[:8]

    def fashion() -> ImageBank:
        return ImageBank(fashion_mnist("train", 0))

    return {
        "pca-.05": lambda: pca(bank(), 0.05, start(bank()), rounds),
        "pca-.05-held-out": lambda: pca(bank(), 0.05, held_out(), rounds),
        "pca-.005": lambda: pca(bank(), 0.005, start(bank()), rounds),
        "pca-.005-held-out": lambda: pca(bank(), 0.005, held_out(), rounds),
        "large-pca-.05": lambda: pca(bank(20_000), 0.05, start(bank()), 1),
        "fashion-pca-.005": lambda: pca(fashion(), 0.005, start(fashion()), 1),
        "optimal": lambda: uniform(bank(), rounds),
        "local-3": lambda: windows(bank(), 3, rounds),
        "local-31": lambda: windows(bank(), 31, rounds),
        "composite": lambda: cases.alone(PatchComposite.fit(bank(), 9), start(bank())),
        "smoothed": lambda: cases.alone(Smoothed.fit(bank()), start(bank())),
        "golden": lambda: cases.golden(GoldenSubset.fit(bank(), tau=0.05), start(bank()), 1),
        "patches": lambda: cases.patches(bank(1000), rounds),
        "wiener": lambda: cases.wiener(bank(), rounds),
        "memory-64": lambda: cases.alone(
            cases.enlarged(bank(), bank(size=64)), bank(size=64).images[:4], [900, 500, 100]
        ),
        "memory-60000": lambda: cases.alone(
            PCALocality.fit(fashion(), tau=0.005, cache=STATISTICS), fashion().images[:64], [900, 500, 100]
        ),
        "fields-pca": lambda: cases.fields(PCALocality.fit(bank(), tau=0.05, cache=STATISTICS), 1),
        "fields-optimal": lambda: cases.fields(Optimal.fit(bank()), 1),
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
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    options.output.mkdir(parents=True, exist_ok=True)
    about = {"threads": torch.get_num_threads(), "machine": platform.machine(), "torch": torch.__version__}
    for name, case in all_cases(options.rounds).items():
        path = options.output / f"{name}.json"
        if not (name.startswith(tuple(options.only)) if options.only else not path.exists()):
            continue
        print(name, flush=True)
        rows: list[Row] = []
        for row in case():
            rows.append(row)
            print("   ", json.dumps(row), flush=True)
        path.write_text(json.dumps({"about": about, "rows": rows}, indent=1))
        print(f"  total {cases.total(rows)}", flush=True)


if __name__ == "__main__":
    main()
