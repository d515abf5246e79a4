"""The paper's figures 1 and 5."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.compare.drawing import SIGMA, mean_series
from locality.metrics import nearest_two
from locality.modules.comparison import ComparisonModule
from locality.report import Chart, Report
from locality.report.names import called

MEMORISER = "optimal"  # the denoiser that takes an image to the nearest training image
FEW = (  # what the pages show of figure 5, from above
    "network", "nn2", "stacked_mixtures", "stacked_locality", "pca_locality", "wiener", "local_score",
)  # fmt: skip
OURS = "pca_locality"  # whose nearest training images end figure 5
TELEPORT = 200  # time-step of figure 1; the paper does not say which


def figure_1(report: Report, section: str, module: ComparisonModule, images: Tensor) -> None:
    """What passes through: single steps from the same noised test images, and their error by noise level."""
    if MEMORISER not in module.results:
        return
    clean = to_float(images, torch.float32)
    sigma = module.schedule.sigma(TELEPORT)
    noisy = clean + sigma * module.noise(torch.arange(len(clean)), "test").to(clean)
    grid = {"test image": clean, f"noisy, sigma {sigma:.2f}": noisy}
    for name in (module.reference_name, MEMORISER):
        grid[name] = module.denoisers[name](noisy.to(module.device), sigma)
    title = "One step from noised test images, by the network and by the optimal denoiser"
    report.grid(f"{section}/figure1", grid, title=title)
    both = (module.reference_name, MEMORISER)
    series = {name: mean_series(module.results[name].heldout_mse) for name in both}
    label, sigmas = "MSE against the clean image (pixel units squared)", module.sigmas.tolist()
    title = "One denoising step of test images"
    report.chart(f"{section}/figure1_mse", Chart(title, SIGMA, label, sigmas, series, log_x=True, log_y=True))


def figure_5(
    report: Report, section: str, samples: Mapping[str, Tensor], bank: ImageBank, pictures: int
) -> None:
    """The samples of every denoiser from the same noise, and the training images nearest to ours.

    Once more with few rows, where there are others.
    """
    count = min(pictures, *(len(images) for images in samples.values()))
    grid = {name: images[:count] for name, images in samples.items()}
    ours = OURS if OURS in grid else next(iter(grid))
    _, places = nearest_two(grid[ours], bank)
    nearest = bank.taken(places[:, 0])
    last = {f"training image nearest to {called(ours)}'s": to_float(nearest, torch.float32)}
    title = "Samples: 10 steps of DDIM, the same noise in each column"
    report.grid(f"{section}/figure5", grid | last, title=title)
    short = {name: grid[name] for name in FEW if name in grid}
    if 0 < len(short) < len(grid):
        report.grid(f"{section}/figure5_short", short | last, title=title)
