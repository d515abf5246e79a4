"""The denoising steps that calibrations measure: the same inputs for all that is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.calibration.kept import CLEAN, NETWORK, SAMPLES
from locality.counts import is_count
from locality.denoisers.base import Denoiser
from locality.live import Task
from locality.noise import image_noise
from locality.sampling import start, trajectory


class Steps:
    """One denoising step of the same inputs, at any of some levels and by any denoiser.

    Inputs are noised images, `X_i + sigma eps_i`, with the same noise at all levels. Where a count is given
    instead, they are what the target meets on its own way from noise to as many samples (`trajectory`, DDIM).
    """

    def __init__(
        self,
        bank: ImageBank,
        images: Tensor | int,  # [I, C, H, W] uint8 or float, of the bank's shape; or how many samples
        levels: Sequence[float],  # S noise levels
        target: Denoiser | None,  # whose estimates are wanted; None: the clean images are
        seed: int,  # of the noise
        batch_size: int,  # images denoised at once
    ) -> None:
        if not isinstance(bank, ImageBank):
            raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
        if batch_size < 1:
            raise ValueError(f"batch_size: want at least 1 image, got {batch_size}")
        self.levels, self.target, self.batch_size = levels, target, batch_size
        self.clean: Tensor | None = None
        if isinstance(images, Tensor):
            self.clean = _checked(images, bank)
            self.count = len(images)
        elif is_count(images):
            self.count = int(images)
        else:
            raise ValueError(
                f"images: want a tensor {_wanted(bank)}, or how many samples from 1, got {images!r}"
            )
        if self.clean is None and target is None:
            raise ValueError("images: a count is one of samples of the target; give a target, or images")
        noise = image_noise(range(self.count), bank.image_shape, seed, "calibration")
        self.noise = noise.to(bank.images.device, torch.float32 if self.clean is None else self.clean.dtype)
        self._met: dict[float, Tensor] = {}  # by noise level, on the way to samples

    @property
    def against(self) -> str:
        """What estimates are measured against, as a `Kept` has it."""
        return CLEAN if self.target is None else SAMPLES if self.clean is None else NETWORK

    def wanted(self, task: Task) -> list[Tensor]:  # S times [I, C, H, W]
        """What estimates should come close to, at each level. ValueError for NaN and infinity."""
        if self.target is None:
            assert self.clean is not None
            return [self.clean] * len(self.levels)
        if self.clean is None:
            return self._walked(self.target, task)
        return [_finite(self.estimates(self.target, sigma, task), sigma) for sigma in self.levels]

    def estimates(
        self,
        denoise: Callable[[Tensor, float], Tensor],  # (x [B, C, H, W], sigma) -> [..., B, C, H, W]
        sigma: float,  # one of the levels
        task: Task,  # of which this is a step
    ) -> Tensor:  # [..., I, C, H, W]
        """The estimates, batch by batch. For samples, `wanted` goes before."""
        task.at(f"sigma {sigma:.3g}")
        inputs = self._met[sigma] if self.clean is None else self.clean + sigma * self.noise
        return torch.cat([denoise(x, sigma) for x in inputs.split(self.batch_size)], dim=-4)

    def _walked(self, target: Denoiser, task: Task) -> list[Tensor]:
        """The target's estimates on its way; what it met is kept."""
        falling = sorted(self.levels, reverse=True)
        sigmas = torch.tensor(falling, dtype=torch.float64)
        batches = self.noise.split(self.batch_size)
        walks = zip(*(trajectory(target, start(noise, sigmas[0]), sigmas) for noise in batches), strict=True)
        found: dict[float, Tensor] = {}
        for sigma in falling:
            task.at(f"sigma {sigma:.3g}")
            steps = next(walks)
            self._met[sigma] = torch.cat([step.x for step in steps])
            found[sigma] = _finite(torch.cat([step.x0 for step in steps]), sigma)
        return [found[sigma] for sigma in self.levels]


def _checked(images: Tensor, bank: ImageBank) -> Tensor:
    """The images, as floats, where the bank is. Raises ValueError for others than such images."""
    want = _wanted(bank)
    if images.ndim != 4 or images.shape[1:] != bank.image_shape or len(images) == 0:
        raise ValueError(f"images: want {want}, as the bank's, got {tuple(images.shape)}")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"images: want uint8 or floats in [-1, 1], got {images.dtype}")
    floats = images if images.is_floating_point() else to_float(images)
    return floats.to(bank.images.device)


def _finite(estimates: Tensor, sigma: float) -> Tensor:
    """The target's estimates. Raises ValueError for NaN and infinity, which no denoiser comes close to."""
    if not bool(estimates.isfinite().all()):
        raise ValueError(f"target: want finite estimates, got others at sigma {sigma:g}")
    return estimates


def _wanted(bank: ImageBank) -> str:
    return f"[I, {', '.join(map(str, bank.image_shape))}]"
