"""A denoiser of one's own, whole: each pixel is drawn to the mean image, by the variance of all pixels.

    python evaluate.py compare=quick '+candidates.shrink={_target_: examples.own_denoiser.Shrink.fit}'

adds it as a row; with configs/denoiser/shrink.yaml (that `_target_`) so does
`+denoiser@candidates.shrink=shrink`, and tests/test_contract.py holds it to the contract.
"""

from __future__ import annotations

import torch
from torch import Tensor

from locality import Denoiser, ImageBank
from locality.denoisers import Limit


class Shrink(Denoiser):
    """`D = mean + v / (v + sigma^2) (x - mean)`: Wiener for images whose pixels are independent."""

    limits = frozenset({Limit.BANK_MEAN})  # what the contract test checks at the ends of the noise range
    mean: Tensor
    variance: Tensor

    def __init__(
        self,
        mean: Tensor,  # [C, H, W]
        variance: Tensor,  # []
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)  # buffers follow .to(...) and are in the state_dict
        self.register_buffer("variance", variance)
        self.image_shape = mean.shape

    @classmethod
    def fit(cls, bank: ImageBank) -> Shrink:
        """The mean image of the bank, and the variance about it."""
        images = torch.cat(list(bank.chunks(1000, torch.float64)))
        mean = images.mean(0)
        return cls(mean, (images - mean).square().mean())

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The formula; x is [B, C, H, W] and sigma [B], both known to be good."""
        gain = self.variance / (self.variance + sigma[:, None, None, None] ** 2)
        return (self.mean + gain * (x - self.mean)).to(x.dtype)
