"""Where the Wiener filter looks: the masks of PCA locality."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.by_entropy import MASK_SHARE, setting_at, taus
from locality.denoisers.fitting import check_coordinates
from locality.denoisers.grids import TAUS
from locality.denoisers.looks import Masks
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.denoisers.options import choice
from locality.denoisers.relative_rows import WienerRule, wiener_mask
from locality.full_precision import FullPrecision
from locality.posterior.masked.rows import Rows
from locality.statistics import GaussianStats


class WienerMask(FullPrecision):
    """The mask of a noise level, from the eigenbasis of the covariance; see `PCALocality` for the formula."""

    eigenvalues: Tensor
    eigenvectors: Tensor
    right: Tensor | None  # [n, n], of a decomposition whose left and right vectors differ

    def __init__(
        self,
        stats: GaussianStats,
        image_shape: torch.Size,  # that the statistics must be of
        tau: float
        | Mapping[float, float]
        | Literal["entropy", "entropy:output"],  # of the largest relative entry; 0: real weights
        mask_axis: str,  # "column" | "row"
        threshold: str,  # "global" | "row"
        decomposition: str = "exact",  # "exact" | "float32"
        share: float = MASK_SHARE,  # of ln N, for tau="entropy"
        cache: str | Path | None = None,  # a folder for what that finds
        may_choose: bool = False,  # outputs, each a tau for itself
    ) -> None:
        super().__init__()
        check_coordinates(stats, image_shape)
        self.tau = taus(tau, share, cache, may_choose)
        self.mask_axis = choice("mask_axis", mask_axis, ("column", "row"))
        self.threshold = choice("threshold", threshold, ("global", "row"))
        self.decomposition = choice("decomposition", decomposition, ("exact", "float32"))
        if decomposition == "exact":
            values, left, right = stats.eigenvalues, stats.eigenvectors, None
        else:
            values, left, right = _float32_factors(stats.covariance)
        self.register_buffer("eigenvalues", values)
        self.register_buffer("eigenvectors", left)
        self.register_buffer("right", right)

    def extra_repr(self) -> str:
        names = ("mask_axis", "threshold", "decomposition")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    def at(
        self,
        sigma: float,
        memory_budget: int,  # bytes
        tau: float,  # of the largest relative entry; 0: real weights
    ) -> Tensor:  # [n, n] bool, entry [q, p]; float64 where tau = 0
        """Does output q look at input p at this noise level."""
        rule = WienerRule(tau, self.mask_axis, self.threshold)
        return wiener_mask(self.eigenvalues, self.eigenvectors, sigma, rule, memory_budget, self.right)

    def thresholded(
        self,
        relative: Tensor,  # [n, n] as of `at` with tau = 0
        tau: float,  # above 0
    ) -> Tensor:  # [n, n] bool, entry [q, p]
        """The mask of a tau, from the real weights: several for the price of one filter."""
        by_row = self.threshold == "row"
        axis = 0 if self.mask_axis == "column" else 1  # along which a row of the filter lies
        return relative >= tau * (relative.amax(axis, keepdim=True) if by_row else relative.max())


def _float32_factors(covariance: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # lam ascending, U, V
    """The singular value decomposition in float32, where U and V disagree about small eigenvalues."""
    left, values, right = torch.linalg.svd(covariance.float())
    return values.flip(0), left.flip(1), right.T.flip(1)


class WienerMaskedDenoiser(MaskedDenoiser, ABC):
    """A softmax average in which each output looks at what the Wiener filter looks at."""

    CALIBRATED: ClassVar = {"tau": TAUS}

    def __init__(
        self,
        bank: ImageBank,
        wiener: WienerMask,
        chunk_size: int | None = None,
        memory_budget: int = MEMORY_BUDGET,
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        self.wiener = wiener

    def mask(
        self,
        sigma: float,  # the noise level
    ) -> Tensor:  # [n, n] bool, entry [q, p]; the real weights where tau = 0
        """Does output q look at input p; where outputs choose, by the tau in the middle of their choice."""
        tau = setting_at(self.wiener.tau, float(sigma), self.bank, self.looks)
        return self.wiener.at(float(sigma), self.limits_of_memory.memory_budget, tau)

    @property
    def looks(self) -> Masks:
        """How it looks: what `tau="entropy"` chooses among."""
        return Masks(self.wiener, self.bank.image_shape, self.limits_of_memory.memory_budget)

    def rows(self, sigma: float) -> Rows:
        """The distinct rows of the mask."""
        return Rows.of_precision(self.mask(sigma), self.bank.image_shape)
