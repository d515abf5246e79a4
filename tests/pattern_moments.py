"""What a pattern adds to the moments of images, in closed form."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor

from locality.data import PatternInjection


def added_covariance(
    injection: PatternInjection,  # additive and without clip; the mean then stays, as colours have mean 0
    gamma: float,
    image_shape: tuple[int, ...],  # (C, H, W)
) -> Tensor:  # [n, n] float64, n = C*H*W
    """`gamma^2 Cov(c) (x) W W^T`: a uniform number on [-1, 1] has variance 1/3."""
    channels, height, width = image_shape
    mask = injection.mask(height, width).double()
    alike = torch.ones(channels, channels) if injection.colour == "grey" else torch.eye(channels)
    added = gamma**2 * einsum(alike.double() / 3, mask, mask, "c d, h w, i j -> c h w d i j")
    return rearrange(added, "c h w d i j -> (c h w) (d i j)")
