"""Held-out denoising against the Wiener filter's: the bar that a trained network has to pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import reduce
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.denoisers.base import Denoiser
from locality.metrics import Ratio, mean_ratio
from locality.noise import image_noise
from locality.report.table import Cell

SIGMAS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)  # pixel units
CORE = (0.2, 5.0)  # where a trained network is better than Wiener; elsewhere in SIGMAS it is not worse
NOISE = (0, "heldout")  # its seed and stream
BATCH = 32  # images denoised at once; changes no result
CHEAP = 2e10  # multiplications of a Wiener filter that nothing else needs: a few seconds


@dataclass(frozen=True)
class Heldout:
    """Squared errors against clean images, image by image, of a network and of Wiener."""

    sigmas: Sequence[float]
    network: list[Tensor]  # S times [N]
    wiener: list[Tensor]  # S times [N]

    @property
    def count(self) -> int:
        """How many images."""
        return len(self.network[0])

    def ratios(self) -> list[Ratio]:
        """Mean error over Wiener's at each noise level."""
        return [mean_ratio(*pair) for pair in zip(self.network, self.wiener, strict=True)]

    def behind(self) -> list[float]:
        """The levels in CORE where the network does not beat Wiener, and those where it is worse."""
        return [sigma for sigma, (_, low, high) in self._levels() if is_behind(sigma, low, high)]

    def trained(self) -> bool:
        """Whether the network beats Wiener at every level in CORE, and is nowhere shown to be worse."""
        return not self.behind()

    def table(self) -> tuple[list[str], list[list[Cell]]]:
        """Columns and rows."""
        columns = ["sigma", "MSE", "MSE of Wiener", "ratio", "low", "high"]
        means = [(a.mean().item(), b.mean().item()) for a, b in zip(self.network, self.wiener, strict=True)]
        return columns, [[s, *mean, *ratio] for (s, ratio), mean in zip(self._levels(), means, strict=True)]

    def scalars(self) -> dict[str, float]:
        """`heldout/ratio/sigma<level>` with its interval, and whether the bar is passed."""
        numbers = {"heldout/trained": float(self.trained()), "heldout/images": float(self.count)}
        for sigma, (mean, low, high) in self._levels():
            name = f"sigma{sigma:g}"
            numbers |= {f"heldout/ratio/{name}": mean, f"heldout/ratio_low/{name}": low}
            numbers[f"heldout/ratio_high/{name}"] = high
        return numbers

    def _levels(self) -> list[tuple[float, Ratio]]:
        return list(zip(self.sigmas, self.ratios(), strict=True))


def is_behind(
    sigma: float,
    low: float,  # of the interval of the network's error over Wiener's
    high: float,
) -> bool:
    """Whether the network misses the bar at a level: not better than Wiener in CORE, or shown to be worse.

    A ratio that is undefined (Wiener has no error: all images are blank) misses it, too.
    """
    return not (low <= 1 and (high < 1 or not CORE[0] <= sigma <= CORE[1]))


def is_dear(
    bank: ImageBank,
) -> bool:
    """Whether the bank's Wiener filter takes too long for a number that is good to know and no more."""
    n = bank.image_shape.numel()
    return len(bank) * n**2 + 10 * n**3 > CHEAP


def heldout(
    denoisers: Mapping[str, Denoiser],  # network and wiener
    images: Tensor,  # [N, C, H, W] uint8 or float, that no training has seen
) -> Heldout:
    """The errors of one denoising step at SIGMAS."""
    found = errors(denoisers, images)
    return Heldout(SIGMAS, found["network"], found["wiener"])


def errors(
    denoisers: Mapping[str, Denoiser],
    images: Tensor,  # [N, C, H, W] uint8 or float
    sigmas: Sequence[float] = SIGMAS,  # noise levels
    noise_of: tuple[int, str] = NOISE,  # the seed and the stream of the noise
) -> dict[str, list[Tensor]]:  # S times [N] of each denoiser
    """Squared errors of one denoising step against the clean images."""
    found: dict[str, list[Tensor]] = {name: [] for name in denoisers}
    for level in estimates(denoisers, images, sigmas, noise_of):
        for name, per_level in found.items():
            difference = (level[name] - level["clean"]).double()
            per_level.append(reduce(difference.square(), "n c h w -> n", "mean"))
    return found


def estimates(
    denoisers: Mapping[str, Denoiser],
    images: Tensor,  # [N, C, H, W] uint8 or float
    sigmas: Sequence[float] = SIGMAS,  # noise levels
    noise_of: tuple[int, str] = NOISE,  # the seed and the stream of the noise
) -> Iterator[dict[str, Tensor]]:
    """At each noise level, the estimates of every denoiser from the same noised images, and the clean."""
    clean = images if images.is_floating_point() else to_float(images)
    noise = image_noise(range(len(clean)), clean.shape[1:], *noise_of).to(clean)
    for sigma in sigmas:
        noisy = (clean + sigma * noise).split(BATCH)
        found = {name: torch.cat([one(part, sigma) for part in noisy]) for name, one in denoisers.items()}
        yield {**found, "clean": clean}
