"""Soft locality: Wiener and a softly local average, blended (this project)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import torch
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import ClosedFormJacobian, Denoiser, Limit, Pixel, per_image
from locality.denoisers.fitting import ByConstructor, statistics_of
from locality.denoisers.grids import BETAS, BLENDS
from locality.denoisers.levels import Levels
from locality.denoisers.options import real
from locality.denoisers.precision import PrecisionDenoiser
from locality.denoisers.relative_rows import soft_precision
from locality.denoisers.wiener import Wiener
from locality.posterior.engine import check_values
from locality.statistics import GaussianStats
from locality.statistics_cache import DEFAULT

BETA: Final = {0.2: 2.0, 0.6: 1.5, 2.0: 1.0}  # sharp at low noise, where Wiener's reach is long but weak
BLEND: Final = 0.7


class SoftLocality(Denoiser, ClosedFormJacobian):
    """Wiener, blended with a softmax average that looks softly where Wiener looks (this project).

    `R[q, p] = |W[q, p]| / sqrt(W[q, q] W[p, p])`, W as in `PCALocality`, `A = min(1, R / reach)^beta`, and
    `D = (1 - blend) Wiener(x) + blend S(x)`, S the posterior mean under A. R is symmetric and at most 1: no
    axis or maximum has to be chosen. `beta` to infinity makes A a mask, 0 makes S the optimal denoiser;
    `blend = 0` is Wiener. Where the bank is thin the softmax has variance and Wiener bias: a blend has less
    error than either.

    Raises ValueError for beta < 0, reach outside (0, 1], blend outside [0, 1].
    """

    limits = frozenset({Limit.BANK_MEAN, Limit.TRAINING_IMAGE})
    CALIBRATED: ClassVar = {"beta": BETAS, "blend": BLENDS}
    fit = ByConstructor()

    def __init__(
        self,
        bank: ImageBank,
        beta: float | Mapping[float, float] = BETA,  # how fast the precision falls with R
        blend: float | Mapping[float, float] = BLEND,  # share of the softmax average
        reach: float = 0.3,  # the R from which on an input counts in full
        shrinkage: str | None = None,  # of the covariance: None | "ledoit_wolf"
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = DEFAULT,  # a folder for the statistics, where they are not
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
    ) -> None:
        super().__init__()
        self.reach = real("reach", reach, lambda r: 0 < r <= 1, "a number inside (0, 1]")
        self.average = PrecisionDenoiser(bank, self.precision, chunk_size, memory_budget)
        self.wiener = Wiener(statistics_of(bank, stats, shrinkage, cache))
        self.beta = Levels("beta", beta, BETAS.good, "a finite number from 0")
        self.blend = Levels("blend", blend, BLENDS.good, "a number from 0 to 1")
        self.image_shape = bank.image_shape

    def extra_repr(self) -> str:
        return f"reach={self.reach:g}"

    @property
    def bank(self) -> ImageBank:
        """The images that are averaged."""
        return self.average.bank

    def precision(
        self,
        sigma: float,  # the noise level
    ) -> Tensor:  # [n, n] float32, entry [q, p]
        """How much output q looks at input p: `min(1, R / reach)^beta`, computed in float64."""
        budget = self.average.limits_of_memory.memory_budget
        wiener = self.wiener
        return soft_precision(
            wiener.eigenvalues, wiener.eigenvectors, sigma, self.reach, self.beta.at(sigma), budget
        )

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`(1 - blend) Wiener(x) + blend S(x)`."""
        check_values(x, sigma)
        share = per_image(self._share(sigma))
        return torch.lerp(self.wiener.estimate(x, sigma), self.average.estimate(x, sigma), share)

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """The same blend of the two Jacobians."""
        share = per_image(self._share(sigma))[:, None]
        return torch.lerp(
            self.wiener.closed_form_jacobian(x, sigma, pixels),
            self.average.closed_form_jacobian(x, sigma, pixels),
            share,
        )

    def _share(self, sigma: Tensor) -> Tensor:  # [B]
        return sigma.new_tensor([self.blend.at(level) for level in sigma.tolist()])
