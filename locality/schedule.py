"""The noise schedule: the only home of alpha_bar, integer time-steps and sampler spacing."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class NoiseSchedule:
    """A discrete diffusion process seen as an increasing list of noise levels.

    `sigma(t)^2 = (1 - alpha_bar[t]) / alpha_bar[t]`, so that `x = x_vp / sqrt(alpha_bar)` is the clean image
    plus `sigma` times white noise. Tables are float64; results are float32 (torch's default) unless asked.

    >>> NoiseSchedule.ddpm().leading_timesteps(5)
    [800, 600, 400, 200, 0]
    """

    def __init__(
        self,
        alpha_bars: Tensor,  # [T] cumulative products of 1 - beta, strictly decreasing, inside (0, 1)
    ) -> None:
        alpha_bars = torch.as_tensor(alpha_bars, dtype=torch.float64, device="cpu")
        inside = (
            alpha_bars.ndim == 1 and len(alpha_bars) > 0 and bool(((alpha_bars > 0) & (alpha_bars < 1)).all())
        )
        if not inside or bool((alpha_bars.diff() >= 0).any()):
            raise ValueError("alpha_bars: want one strictly decreasing list of numbers inside (0, 1)")
        self.alpha_bars = alpha_bars
        self.sigmas = ((1 - alpha_bars) / alpha_bars).sqrt()  # [T] low to high, float64
        log_sigmas = self.sigmas.log()
        self._boundaries = (log_sigmas[1:] + log_sigmas[:-1]) / 2

    @classmethod
    def ddpm(cls, steps: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> NoiseSchedule:
        """The linear schedule of Ho et al. 2020 (section 4), which the paper's networks use."""
        return cls.from_betas(torch.linspace(beta_start, beta_end, steps, dtype=torch.float64))

    @classmethod
    def from_betas(
        cls,
        betas: Tensor,  # [T] variances of the forward steps
    ) -> NoiseSchedule:
        """The schedule of any list of betas: `alpha_bar[t] = prod_{s <= t} (1 - beta[s])`."""
        return cls((1 - torch.as_tensor(betas, dtype=torch.float64)).cumprod(0))

    @property
    def betas(self) -> Tensor:  # [T] float64
        """The variances of the forward steps: `1 - alpha_bar[t] / alpha_bar[t - 1]`."""
        return 1 - self.alpha_bars / torch.cat([self.alpha_bars.new_ones(1), self.alpha_bars[:-1]])

    def __len__(self) -> int:
        return len(self.sigmas)

    def __repr__(self) -> str:
        return f"NoiseSchedule({len(self)} steps, sigma {self.sigmas[0]:.4g} to {self.sigmas[-1]:.4g})"

    def sigma(
        self,
        t: int | list[int] | Tensor,  # time-steps, 0 .. T - 1
        dtype: torch.dtype | None = None,
    ) -> Tensor:  # same shape as t
        """The noise level of a time-step, in pixel units."""
        t = torch.as_tensor(t)
        if t.is_floating_point() or t.dtype == torch.bool or bool(((t < 0) | (t >= len(self))).any()):
            raise ValueError(f"t: want whole time-steps from 0 to {len(self) - 1}, got {t.tolist()}")
        return self.sigmas.to(t.device)[t.long()].to(dtype or torch.get_default_dtype())

    def timestep(
        self,
        sigma: float | Tensor,  # noise levels
    ) -> Tensor:  # int64, same shape
        """The time-step whose noise level is nearest in log sigma."""
        sigma = torch.as_tensor(sigma)
        return torch.bucketize(sigma.double().log(), self._boundaries.to(sigma.device))

    def time(
        self,
        sigma: float | Tensor,  # noise levels
    ) -> Tensor:  # float64, same shape
        """The time of a noise level between the steps, linear in log sigma; beyond the ends, the end."""
        sigma = torch.as_tensor(sigma)
        levels = self.sigmas.log().to(sigma.device)
        if len(levels) == 1:
            return torch.zeros_like(sigma, dtype=torch.float64)
        log = sigma.double().log()
        above = torch.searchsorted(levels, log).clamp(1, len(levels) - 1)
        low, high = levels[above - 1], levels[above]
        return (above - 1 + (log - low) / (high - low)).clamp(0, len(levels) - 1)

    def alpha_bar(
        self,
        sigma: float | Tensor,  # noise levels
    ) -> Tensor:  # same shape
        """`1 / (1 + sigma^2)`, for any noise level, on the schedule or between its steps."""
        sigma = torch.as_tensor(sigma)
        return 1 / (1 + sigma**2)

    def leading_timesteps(self, steps: int) -> list[int]:
        """The time-steps of a sampler with "leading" spacing, high to low: 10 of 1000 are 900 ... 100, 0."""
        self._check(steps)
        ratio = len(self) // steps
        return [ratio * k for k in reversed(range(steps))]

    def trailing_timesteps(self, steps: int) -> list[int]:
        """The time-steps of "trailing" spacing, high to low: 10 of 1000 are 999, 899 ... 99."""
        self._check(steps)
        gap = len(self) - (len(self) - len(self) / steps)  # as numpy's arange rounds it: halves fall alike
        return [round(len(self) - k * gap) - 1 for k in range(steps)]

    def linspace_timesteps(self, steps: int) -> list[int]:
        """The time-steps of "linspace" spacing, high to low: 10 of 1000 are 999, 888 ... 0."""
        self._check(steps)
        gap = (len(self) - 1) / max(steps - 1, 1)
        return [round(k * gap) for k in reversed(range(steps))]

    def _check(self, steps: int) -> None:
        if not 1 <= steps <= len(self):
            raise ValueError(f"steps: want 1 to {len(self)}, got {steps}")

    def leading(
        self,
        steps: int,
    ) -> Tensor:  # [steps] noise levels, high to low
        """The noise levels of a sampler with "leading" spacing (diffusers' default for DDIM)."""
        return self.sigma(self.leading_timesteps(steps))

    def trailing(
        self,
        steps: int,
    ) -> Tensor:  # [steps] noise levels, high to low
        """The noise levels of a sampler with "trailing" spacing: it starts from the last time-step."""
        return self.sigma(self.trailing_timesteps(steps))

    def linspace(
        self,
        steps: int,
    ) -> Tensor:  # [steps] noise levels, high to low
        """The noise levels of a sampler with "linspace" spacing: from the last time-step to the first."""
        return self.sigma(self.linspace_timesteps(steps))


def edm_sigmas(
    steps: int,
    lowest: float = 0.002,
    highest: float = 80.0,
    rho: float = 7.0,  # 1: evenly spaced; the larger, the more of the noise levels are low
) -> Tensor:  # [steps] noise levels, high to low, float32 (torch's default)
    """The noise levels of EDM, evenly spaced in `sigma^(1 / rho)` (Karras et al. 2022, eq. 5), without the 0.

    No schedule knows them: they are for denoisers that take any noise level.

    >>> edm_sigmas(3, lowest=1.0, highest=9.0, rho=2.0)
    tensor([9., 4., 1.])
    """
    if steps < 1 or not 0 < lowest < highest < math.inf or not 0 < rho < math.inf:
        raise ValueError(
            "edm_sigmas: want steps from 1, 0 < lowest < highest and rho > 0, "
            f"got steps={steps}, lowest={lowest:g}, highest={highest:g}, rho={rho:g}"
        )
    roots = torch.linspace(highest ** (1 / rho), lowest ** (1 / rho), steps, dtype=torch.float64)
    return (roots**rho).to(torch.get_default_dtype())
