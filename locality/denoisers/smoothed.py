"""The smoothed optimal denoiser: optimal, seen through noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from locality.bank import ImageBank
from locality.counts import is_count
from locality.denoisers.bank_denoiser import MEMORY_BUDGET, BankDenoiser
from locality.denoisers.base import Limit
from locality.denoisers.options import real
from locality.noise import generator
from locality.posterior.whole import UniformEngine
from locality.posterior.wrappers import SmoothedEngine


class Smoothed(BankDenoiser):
    """Smoothed closed-form diffusion, SCFDM (Scarvelis, Borde & Solomon 2023, section 4).

    `D(x) = 1/M sum_m D_optimal(x + s noise_m)`: barycentres of near images take the place of the images.
    The M noises are drawn once, from the seed, and serve every x: the result is a function of x. They are in
    pairs of opposite sign (our choice), so that the mean of what is linear in them is exact.

    Raises ValueError for a smoothing that is negative or fewer than one copy.
    """

    limits = frozenset({Limit.BANK_MEAN})
    same_at_all_levels = True
    noise: Tensor

    def __init__(
        self,
        bank: ImageBank,
        smoothing: float = 0.2,  # s, standard deviation of the copies' noise, in pixel units
        copies: int = 16,  # M
        seed: int = 0,  # of the noise
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        spread = real("smoothing", smoothing, lambda s: 0 <= s < math.inf, "a standard deviation from 0")
        if not is_count(copies):
            raise ValueError(f"copies: want a whole number from 1, got {copies!r}")
        self.smoothing = spread
        half = torch.randn(
            (int(copies) + 1) // 2,
            bank.image_shape.numel(),
            generator=generator(seed, "smoothed"),
            dtype=torch.float64,
        )
        self.register_buffer("noise", torch.cat([half, -half])[:copies])

    def extra_repr(self) -> str:
        return f"smoothing={self.smoothing:g}, copies={len(self.noise)}"

    def engine(self, sigma: float) -> SmoothedEngine:
        """The optimal denoiser's engine, at each copy."""
        optimal = UniformEngine(self.view)
        return SmoothedEngine(optimal, self.smoothing * self.noise)
