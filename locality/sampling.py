"""Sampling: the deterministic trajectory of any denoiser, from noise to an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from locality.denoisers.base import Denoiser

Sampler = Literal["ddim", "heun", "dpm2m"]


class Step(NamedTuple):
    """One step of a trajectory."""

    sigma: Tensor  # [] noise level
    x: Tensor  # [B, C, H, W] noisy images at that level
    x0: Tensor  # [B, C, H, W] the denoiser's estimate, unclipped


def trajectory(
    denoiser: Denoiser,
    x: Tensor,  # [B, C, H, W] noisy images at sigmas[0], variance-exploding coordinates
    sigmas: Tensor | Sequence[float],  # [S] noise levels, high to low; no step at 0 is added
    clip: bool = True,  # estimates to [-1, 1] inside the step; see below
    sampler: Sampler = "ddim",
) -> Iterator[Step]:
    """Yield the steps of a solver of the probability-flow ODE, `dx / dsigma = (x - D(x, sigma)) / sigma`.

    - `ddim`, order 1, S calls (Song et al. 2020, eta = 0): `x' = x0 + (sigma' / sigma) (x - x0)`. This is
      Euler's method. The noise estimate `x - x0` keeps the unclipped estimate.
    - `heun`, order 2, 2 S - 1 calls (Karras et al. 2022, algorithm 1).
    - `dpm2m`, order 2, S calls: DPM-Solver++(2M) of Lu et al. 2022, algorithm 2.

    In the last two an estimate is clipped before anything is made of it, as diffusers does.
    The sample is the last step's `x0`, in each: a step of order 1 to noise level 0.
    Gradients flow unless the caller says otherwise. Raises ValueError for noise levels that do not fall.
    """
    if sampler not in get_args(Sampler):
        raise ValueError(f"sampler: want one of {', '.join(get_args(Sampler))}, got {sampler!r}")
    yield from _SOLVERS[sampler](denoiser, x, _checked(sigmas, x), clip)


def _ddim(denoiser: Denoiser, x: Tensor, sigmas: Tensor, clip: bool) -> Iterator[Step]:
    for k, sigma in enumerate(sigmas):
        x0 = denoiser(x, sigma)
        yield Step(sigma, x, x0)
        if k + 1 < len(sigmas):
            x = _clipped(x0, clip) + (sigmas[k + 1] / sigma).to(x.dtype) * (x - x0)


def _heun(denoiser: Denoiser, x: Tensor, sigmas: Tensor, clip: bool) -> Iterator[Step]:
    levels = sigmas.to(x.dtype)
    for k, sigma in enumerate(sigmas):
        x0 = denoiser(x, sigma)
        yield Step(sigma, x, x0)
        if k + 1 < len(sigmas):
            slope = (x - _clipped(x0, clip)) / levels[k]
            step = levels[k + 1] - levels[k]
            guess = x + step * slope
            there = (guess - _clipped(denoiser(guess, sigmas[k + 1]), clip)) / levels[k + 1]
            x = x + step * (slope + there) / 2


def _dpm2m(denoiser: Denoiser, x: Tensor, sigmas: Tensor, clip: bool) -> Iterator[Step]:
    # In lam = -log sigma the ODE is linear in x, and D alone is extrapolated: through its last two values.
    lam = -sigmas.double().log()
    before = None
    for k, sigma in enumerate(sigmas):
        x0 = denoiser(x, sigma)
        yield Step(sigma, x, x0)
        if k + 1 < len(sigmas):
            now = _clipped(x0, clip)
            h = lam[k + 1] - lam[k]
            ahead = now
            if before is not None:
                ahead = now + (h / (lam[k] - lam[k - 1]) / 2).to(x.dtype) * (now - before)
            x = (-h).exp().to(x.dtype) * x - (-h).expm1().to(x.dtype) * ahead
            before = now


def _checked(sigmas: Tensor | Sequence[float], x: Tensor) -> Tensor:  # [S]
    schedule = hasattr(sigmas, "leading")
    if schedule or not hasattr(sigmas, "__len__"):
        got = f"a {type(sigmas).__name__}; schedule.leading(10) is one" if schedule else type(sigmas).__name__
        raise ValueError(f"sigmas: want one strictly decreasing list of noise levels, got {got}")
    sigmas = torch.as_tensor(sigmas, device=x.device)
    if sigmas.ndim != 1 or len(sigmas) == 0 or not bool((sigmas.diff() < 0).all()):
        raise ValueError("sigmas: want one strictly decreasing list of noise levels")
    if not bool(sigmas[-1] > 0):
        raise ValueError(
            f"sigmas: want noise levels above 0, got {float(sigmas[-1]):g} at the end; leave it out: "
            "the last step's x0 is the image at noise level 0"
        )
    return sigmas


def _clipped(x0: Tensor, clip: bool) -> Tensor:
    return x0.clamp(-1, 1) if clip else x0


_SOLVERS: dict[str, Callable[[Denoiser, Tensor, Tensor, bool], Iterator[Step]]] = {
    "ddim": _ddim, "heun": _heun, "dpm2m": _dpm2m,
}  # fmt: skip


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
    sigmas: Tensor | Sequence[float],  # [S] high to low
    clip: bool = True,
    sampler: Sampler = "ddim",
) -> Tensor:  # [B, C, H, W] the unclipped estimate of the last step
    """Generate one image from each noise image; `trajectory` says how, and what is refused.

    >>> from locality import ImageBank, NoiseSchedule, sample
    >>> from locality.denoisers import Optimal
    >>> optimal = Optimal.fit(ImageBank(torch.zeros(5, 1, 2, 2)))
    >>> sample(optimal, torch.randn(1, 1, 2, 2), NoiseSchedule.ddpm().leading(10)).abs().max().item()
    0.0
    """
    sigmas = _checked(sigmas, noise)
    for step in trajectory(denoiser, start(noise, sigmas[0]), sigmas, clip, sampler):
        x0 = step.x0
    return x0
