"""The denoising steps that calibrations measure: the same noised images for all that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.live import Task
from locality.noise import image_noise


class Steps:
    """One denoising step of the same noised images, at any level and by any denoiser."""

    def __init__(
        self,
        bank: ImageBank,
        images: Tensor,  # [I, C, H, W] uint8 or float, of the bank's shape
        seed: int,  # of the noise
        batch_size: int,  # images denoised at once
    ) -> None:
        if not isinstance(bank, ImageBank):
            raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
        want = f"[I, {', '.join(map(str, bank.image_shape))}]"
        if not isinstance(images, Tensor):
            raise ValueError(f"images: want a tensor {want}, got {type(images).__name__}")
        if images.ndim != 4 or images.shape[1:] != bank.image_shape or len(images) == 0:
            raise ValueError(f"images: want {want}, as the bank's, got {tuple(images.shape)}")
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(f"images: want uint8 or floats in [-1, 1], got {images.dtype}")
        if batch_size < 1:
            raise ValueError(f"batch_size: want at least 1 image, got {batch_size}")
        images = images if images.is_floating_point() else to_float(images)
        self.clean = images.to(bank.images.device)
        noise = image_noise(range(len(images)), images.shape[1:], seed, "calibration")
        self.noise = noise.to(self.clean)
        self.batch_size = batch_size

    def estimates(
        self,
        denoise: Callable[[Tensor, float], Tensor],  # (x [B, C, H, W], sigma) -> [..., B, C, H, W]
        sigma: float,
        task: Task,  # of which this is a step
    ) -> Tensor:  # [..., I, C, H, W]
        """The estimates, batch by batch."""
        task.at(f"sigma {sigma:.3g}")
        parts = [denoise(x, sigma) for x in self._noised(sigma)]
        return torch.cat(parts, dim=-4)

    def _noised(self, sigma: float) -> Iterator[Tensor]:
        batches = zip(self.clean.split(self.batch_size), self.noise.split(self.batch_size), strict=True)
        return (clean + sigma * noise for clean, noise in batches)
