"""How near a sampler comes to the end of its ODE, by calls of the denoiser: docs/samplers.md and its figure.

python -m benchmarks.samplers     half a minute of one core
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from locality import ImageBank, NoiseSchedule, edm_sigmas, sample
from locality.data import photos
from locality.denoisers import Wiener
from locality.sampling import Sampler, start

PAGE, FIGURE = Path("docs/samplers.md"), Path("docs/images/samplers.png")
SCHEDULE = NoiseSchedule.ddpm()
LOWEST, HIGHEST = SCHEDULE.sigmas[0].item(), SCHEDULE.sigmas[-1].item()
STEPS = (5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160)
Spacing = Callable[[int], Tensor]
TEXT = """# Samplers: error against calls

Written by `python -m benchmarks.samplers`.

The denoiser is Wiener's, of 2,000 photographs of 16 x 16 pixels. For it the probability-flow ODE is
solved in closed form: each principal component of variance lam goes as sqrt(lam + sigma^2). So the
error of a sampler is known exactly. It is the relative distance of 64 samples to the solution at noise
level 0, without clipping.

![Error against calls of the denoiser](images/samplers.png)

DDIM with 1,000 steps of DDPM's own (`linspace(1000)`) has an error of {reference:.2g}. The table has
the first number of calls with which a sampler comes to that, or the error with the most calls that were
tried. EDM's spacing goes from sigma {highest:.4g} to {lowest:.2g}:

{table}

The sampler is a word: `sample(denoiser, noise, edm_sigmas(20, .01, 157), sampler="dpm2m")`. Networks
that know whole time-steps only see each sigma as the nearest one; `schedule.linspace(20)` gives noise
levels that they know.
"""


def edm(steps: int) -> Tensor:
    """EDM's spacing over DDPM's range."""
    return edm_sigmas(steps, LOWEST, HIGHEST)


CURVES: dict[str, tuple[Sampler, Spacing]] = {
    "DDIM, leading": ("ddim", SCHEDULE.leading),
    "DDIM, EDM's spacing": ("ddim", edm),
    "Heun, EDM's spacing": ("heun", edm),
    "DPM-Solver++(2M), EDM's spacing": ("dpm2m", edm),
}


def solution(wiener: Wiener, x: Tensor, sigma: float) -> Tensor:
    """The end of the ODE that starts from x at sigma: `mu + U sqrt(lam / (lam + sigma^2)) U^T (x - mu)`."""
    lam = wiener.eigenvalues
    flat = (x.flatten(1) - wiener.mean) @ wiener.eigenvectors
    return (wiener.mean + (flat * (lam / (lam + sigma**2)).sqrt()) @ wiener.eigenvectors.T).reshape(x.shape)


def error(wiener: Wiener, noise: Tensor, sampler: Sampler, sigmas: Tensor) -> float:
    """The relative distance to the solution."""
    truth = solution(wiener, start(noise, sigmas[0]), sigmas[0].item())
    found = sample(wiener, noise, sigmas.double(), clip=False, sampler=sampler)
    return float((found - truth).norm() / truth.norm())


def calls(sampler: Sampler, steps: int) -> int:
    """Calls of the denoiser."""
    return 2 * steps - 1 if sampler == "heun" else steps


def main() -> None:
    """The command."""
    wiener = Wiener.fit(ImageBank(photos("train", 0, size=16, train=2000)), shrinkage="ledoit_wolf")
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(64, 3, 16, 16, dtype=torch.float64, generator=generator)
    reference = error(wiener, noise, "ddim", SCHEDULE.linspace(1000))
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    rows = ["| sampler | calls | error |", "| --- | --- | --- |"]
    for name, (sampler, spacing) in CURVES.items():
        points = [(calls(sampler, n), error(wiener, noise, sampler, spacing(n))) for n in STEPS]
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        good = next((point for point in points if point[1] <= reference), None)
        count, value = good or (f"over {points[-1][0]}", points[-1][1])
        rows.append(f"| {name} | {count} | {value:.2g} |")
    axes.axhline(reference, color="grey", linestyle=":", label="DDIM, 1,000 calls")
    axes.set(xlabel="calls of the denoiser", ylabel="relative error of the sample")
    axes.legend(fontsize="small")
    figure.savefig(FIGURE, dpi=110)
    PAGE.write_text(
        TEXT.format(reference=reference, highest=HIGHEST, lowest=LOWEST, table="\n".join(rows)),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
