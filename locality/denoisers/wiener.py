"""The Wiener filter: the floor that every table shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from locality.bank import ImageBank
from locality.denoisers.base import ClosedFormJacobian, Denoiser, Limit, Pixel
from locality.denoisers.fitting import statistics_of
from locality.full_precision import FullPrecision
from locality.statistics import GaussianStats
from locality.statistics_cache import DEFAULT


class Wiener(FullPrecision, Denoiser, ClosedFormJacobian):
    """The best affine denoiser: exact when the data are Gaussian.

    `D = mu + U diag(lam / (lam + sigma^2)) U^T (x - mu)`, `U diag(lam) U^T` the images' covariance.
    Its Jacobian is that matrix, whatever x: a projection on the principal components whose variance exceeds
    the noise (Lukoianov et al. 2025, section 4).
    """

    limits = frozenset({Limit.SPAN_IDENTITY, Limit.BANK_MEAN})
    mean: Tensor
    eigenvalues: Tensor
    eigenvectors: Tensor

    def __init__(self, stats: GaussianStats) -> None:
        super().__init__()
        if stats.image_shape is None:
            raise ValueError(
                "stats: want statistics with an image_shape (C, H, W), got a flat mean; "
                "give GaussianStats(mean, covariance, image_shape)"
            )
        self.image_shape = stats.image_shape
        self.register_buffer("mean", stats.mean)
        self.register_buffer("eigenvalues", stats.eigenvalues)
        self.register_buffer("eigenvectors", stats.eigenvectors.contiguous())
        self._cast: tuple[tuple[Tensor, ...], tuple[Tensor, Tensor, Tensor]] | None = None  # of what; as what
        self._blank = False
        self.register_load_state_dict_post_hook(_loaded)

    @classmethod
    def fit(
        cls,
        bank: ImageBank,
        shrinkage: str | None = None,  # None | "ledoit_wolf"
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = DEFAULT,  # a folder for the statistics, where they are not
    ) -> Wiener:
        """The Wiener filter of a bank's own mean and covariance.

        >>> wiener = Wiener.fit(ImageBank(torch.linspace(-1, 1, 24).reshape(6, 1, 2, 2)), "ledoit_wolf")
        >>> wiener(torch.zeros(3, 1, 2, 2), 0.5).shape
        torch.Size([3, 1, 2, 2])
        """
        return cls(statistics_of(bank, stats, shrinkage, cache))

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], image_shape: Sequence[int]) -> Wiener:
        """The filter that a state_dict describes, without its data."""
        wiener = cls.blank(image_shape)
        wiener.load_state_dict(state)
        return wiener

    @classmethod
    def blank(cls, image_shape: Sequence[int]) -> Wiener:
        """A filter for a state_dict to fill; until then it refuses to answer."""
        n = torch.Size(image_shape).numel()
        blank = GaussianStats(torch.zeros(n), torch.zeros(n, n), torch.Size(image_shape))
        # Not worth computing: the state replaces it.
        blank.__dict__["_eigenbasis"] = (torch.zeros_like(blank.mean), torch.zeros_like(blank.covariance))
        wiener = cls(blank)
        wiener._blank = True
        return wiener

    def expected_error(self, sigma: Tensor) -> Tensor:  # [B] of [B]
        """The mean squared error on Gaussian images, a pixel: `mean(lam sigma^2 / (lam + sigma^2))`.

        >>> stats = GaussianStats(torch.zeros(4), torch.eye(4), torch.Size((1, 2, 2)))
        >>> Wiener(stats).expected_error(torch.ones(1))
        tensor([0.5000])
        """
        return sigma**2 * _gain(self.eigenvalues.to(sigma), sigma).mean(-1)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`mu + U gain U^T (x - mu)`: two thin products, no n x n matrix is formed."""
        if self._blank:
            raise ValueError("floor: want a fitted Wiener filter, got a blank one; see DDPMModule.fit_floor")
        mean, variance, basis = self._in_type_of(x)
        flat = rearrange(x, "b c h w -> b (c h w)") - mean
        out = mean + ((flat @ basis) * _gain(variance, sigma)) @ basis.T
        return out.reshape(x.shape)

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """Rows of `U gain U^T`, the channels of each pixel added up."""
        _, variance, basis = self._in_type_of(x)
        c, h, w = x.shape[1:]
        rows = rearrange(basis, "(c h w) k -> h w c k", c=c, h=h, w=w)
        index = torch.as_tensor(pixels, device=x.device).reshape(-1, 2)
        probe = reduce(rows[index[:, 0], index[:, 1]], "p c k -> p k", "sum")
        fields = (probe * _gain(variance, sigma)[:, None, :]) @ basis.T
        return rearrange(fields, "b p (c h w) -> b p c h w", c=c, h=h, w=w)

    def _in_type_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The mean [n], the variances [n] and the basis [n, n]."""
        # Float32 copies are kept: casting the float64 basis at every call would cost more than the product.
        # Not while torch compiles or exports: its tensors have no values, and must not be kept.
        own = (self.mean, self.eigenvalues, self.eigenvectors)
        if self.eigenvectors.dtype == x.dtype or torch.compiler.is_compiling():
            mean, variance, basis = (one.to(x.dtype) for one in own)
            return mean, variance, basis
        if self._cast is not None:
            known, cast = self._cast
            if cast[2].dtype == x.dtype and all(a is b for a, b in zip(known, own, strict=True)):
                return cast
        with torch.inference_mode(False):
            mean, variance, basis = (one.to(x.dtype) for one in own)
        self._cast = own, (mean, variance, basis)
        return mean, variance, basis


def _gain(variance: Tensor, sigma: Tensor) -> Tensor:  # [n], [B] -> [B, n]
    return variance / (variance + sigma[:, None] ** 2)


def _loaded(wiener: nn.Module, _: object) -> None:
    wiener._cast, wiener._blank = None, False  # type: ignore[assignment]
