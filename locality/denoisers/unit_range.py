"""A denoiser for images in [0, 1], the range of most libraries of imaging."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from locality.denoisers.base import ClosedFormJacobian, Denoiser, Pixel


class InUnitRange(Denoiser, ClosedFormJacobian):
    """Any denoiser, for images in [0, 1] and noise in the same units: `(D(2 x - 1, 2 sigma) + 1) / 2`.

    This is what deepinv calls a denoiser. Both ranges have the same Jacobian.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        if not isinstance(denoiser, Denoiser):
            raise ValueError(f"denoiser: want a Denoiser, got {type(denoiser).__name__}")
        self.denoiser = denoiser
        self.autocast = denoiser.autocast
        self.image_shape = denoiser.image_shape

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The inner estimate, brought to [0, 1]."""
        return (self.denoiser(2 * x - 1, 2 * sigma) + 1) / 2

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """The Jacobian of the inner denoiser, in closed form where it has one."""
        return self.denoiser.jacobian(2 * x - 1, 2 * sigma, pixels)


def in_unit_range(denoiser: Denoiser) -> InUnitRange:
    """The denoiser, for images in [0, 1].

    >>> import torch
    >>> from locality import ImageBank
    >>> from locality.denoisers import Optimal
    >>> in_unit_range(Optimal.fit(ImageBank(torch.ones(5, 1, 1, 1))))(torch.zeros(1, 1, 1, 1), 0.5).item()
    1.0
    """
    return InUnitRange(denoiser)
