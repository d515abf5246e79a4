"""Sampling: the deterministic DDIM trajectory of any denoiser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from locality.denoisers.base import Denoiser


class Step(NamedTuple):
    """One step of a trajectory."""

    sigma: Tensor  # [] noise level
    x: Tensor  # [B, C, H, W] noisy images at that level
    x0: Tensor  # [B, C, H, W] the denoiser's estimate, unclipped


def trajectory(
    denoiser: Denoiser,
    x: Tensor,  # [B, C, H, W] noisy images at sigmas[0], variance-exploding coordinates
    sigmas: Tensor,  # [S] noise levels, high to low; no step at 0 is added
    clip: bool = True,  # to [-1, 1] inside the step; the noise estimate keeps the unclipped one
) -> Iterator[Step]:
    """Yield the steps of DDIM with eta = 0 (Song et al. 2020): `x' = x0 + (sigma' / sigma) (x - x0)`.

    The sample is the last step's `x0`. Gradients flow unless the caller says otherwise.
    """
    sigmas = torch.as_tensor(sigmas, device=x.device)
    if sigmas.ndim != 1 or len(sigmas) == 0 or bool((sigmas.diff() >= 0).any()):
        raise ValueError("sigmas: want one strictly decreasing list of noise levels")
    for k, sigma in enumerate(sigmas):
        x0 = denoiser(x, sigma)
        yield Step(sigma, x, x0)
        if k + 1 < len(sigmas):
            kept = x0.clamp(-1, 1) if clip else x0
            x = kept + (sigmas[k + 1] / sigma).to(x.dtype) * (x - x0)


def start(
    noise: Tensor,  # [B, C, H, W] standard normal, in DDPM (variance-preserving) coordinates
    sigma: float | Tensor,  # [] the first noise level
) -> Tensor:  # [B, C, H, W]
    """Where a sampler starts: `x_vp ~ N(0, I)` read as `x = x_vp / sqrt(ab) = x_vp sqrt(1 + sigma^2)`."""
    sigma = torch.as_tensor(sigma, dtype=noise.dtype, device=noise.device)
    return noise * (1 + sigma**2).sqrt()


def sample(
    denoiser: Denoiser,
    noise: Tensor,  # [B, C, H, W] standard normal
    sigmas: Tensor,  # [S] high to low
    clip: bool = True,
) -> Tensor:  # [B, C, H, W] the unclipped estimate of the last step
    """Generate one image from each noise image by DDIM."""
    for step in trajectory(denoiser, start(noise, sigmas[0]), sigmas, clip):
        x0 = step.x0
    return x0
