"""The definition, by brute force in float64: what every engine and kernel is tested against."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor


def posterior_mean(
    x: Tensor,  # [B, C, H, W]
    sigma: Tensor,  # [B]
    images: Tensor,  # [N, C, H, W] floats in [-1, 1]
    precision: Tensor | None = None,  # [n, n], entry [q, p] = A[q, p]; all ones if not given
) -> Tensor:  # [B, C, H, W] float64
    """`D[q] = sum_i softmax_i(-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2)) X_i[q]`, in [B, N, n] memory."""
    weights = posterior_weights(x, sigma, images, precision)
    flat = rearrange(images.double(), "n c h w -> n (c h w)")
    return einsum(weights, flat, "b n q, n q -> b q").reshape(x.shape)


def posterior_weights(
    x: Tensor,  # [B, C, H, W]
    sigma: Tensor,  # [B]
    images: Tensor,  # [N, C, H, W]
    precision: Tensor | None = None,  # [n, n]
) -> Tensor:  # [B, N, n] float64, sums to 1 over N
    """The weight of each image in each output."""
    return masked_logits(x, sigma, images, precision).softmax(1)


def masked_logits(
    x: Tensor,  # [B, C, H, W]
    sigma: Tensor,  # [B]
    images: Tensor,  # [N, C, H, W]
    precision: Tensor | None = None,  # [n, n]
) -> Tensor:  # [B, N, n] float64
    """`-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2)`, from direct differences."""
    squares = rearrange((x.double()[:, None] - images.double()) ** 2, "b n c h w -> b n (c h w)")
    if precision is None:
        distances = squares.sum(-1, keepdim=True).expand_as(squares)
    else:
        distances = squares @ precision.double().T
    return -distances / (2 * torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1, 1) ** 2)
