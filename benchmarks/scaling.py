"""How the cost of a call grows with the bank, the image, the batch and the patch: docs/images/scaling.png.

python -m benchmarks.scaling     some minutes on two cores
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.ticker import NullFormatter, NullLocator

from benchmarks.timing import seconds
from locality import ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.data import photos
from locality.denoisers import EquivariantLocalScore, LocalScore, Optimal, PCALocality
from locality.denoisers.bank_denoiser import BankDenoiser

SIGMA = NoiseSchedule.ddpm().sigma(400).item()
Make = Callable[[ImageBank], BankDenoiser]
MAKERS: dict[str, Make] = {
    "Optimal": Optimal.fit,
    "LocalScore, k = 5": lambda bank: LocalScore.fit(bank, 5),
    "PCALocality, tau = .05": lambda bank: PCALocality.fit(bank, tau=0.05),
}


def cost(make: Make, images: int = 2000, size: int = 16, batch: int = 8) -> float:
    """Seconds a call, the median of three after a first one."""
    bank = ImageBank(photos("train", 0, size=size, train=images))
    denoiser = make(bank)
    x = to_float(bank.images[:batch])
    x = x + SIGMA * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    denoiser(x, SIGMA)
    return statistics.median(seconds(lambda: denoiser(x, SIGMA)) for _ in range(3))


def measure() -> dict[str, dict[str, list[tuple[float, float]]]]:
    """A curve for each axis and denoiser."""
    axes: dict[str, tuple[str, list[int]]] = {
        "images in the bank": ("images", [500, 1000, 2000, 4000, 8000]),
        "side of the image, pixels": ("size", [8, 12, 16, 24, 32]),
        "images in a batch": ("batch", [1, 2, 4, 8, 16, 32]),
    }
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for label, (name, values) in axes.items():
        curves[label] = {
            who: [(value, cost(make, **{name: value})) for value in values] for who, make in MAKERS.items()
        }
    sides = [3, 5, 9, 15]
    curves["patch size, pixels"] = {
        "LocalScore": [(k, cost(lambda bank, k=k: LocalScore.fit(bank, k))) for k in sides],  # type: ignore[misc]
        "EquivariantLocalScore, 100 images, 1 at a time": [
            (k, cost(lambda bank, k=k: EquivariantLocalScore.fit(bank, k), 100, 16, 1))  # type: ignore[misc]
            for k in sides
        ],
    }
    return curves


def draw(curves: dict[str, dict[str, list[tuple[float, float]]]], path: Path) -> None:
    """A panel for each axis, both scales logarithmic."""
    figure, panels = plt.subplots(1, len(curves), figsize=(4 * len(curves), 3.4), constrained_layout=True)
    for panel, (label, lines) in zip(panels, curves.items(), strict=True):
        for who, points in lines.items():
            panel.loglog(*zip(*points, strict=True), marker="o", markersize=3, label=who)
        measured = sorted({x for points in lines.values() for x, _ in points})
        panel.set_xticks(measured, [f"{x:,}" for x in measured])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_ylim(top=4 * panel.get_ylim()[1])  # room for the legend
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(label)
        panel.set_ylabel("seconds a call")
        panel.grid(True, which="both", alpha=0.2)
        panel.legend(fontsize=7, frameon=False, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, write the numbers, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks/scaling.json"))
    parser.add_argument("--figure", type=Path, default=Path("docs/images/scaling.png"))
    parser.add_argument("--draw", action="store_true", help="only draw what was measured before")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    if not options.draw:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(measure(), indent=1))
    draw(json.loads(options.output.read_text()), options.figure)


if __name__ == "__main__":
    main()
