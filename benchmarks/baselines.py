"""The same formulas written plainly: dense, float32 (or float64 for the truth), no structure used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad, unfold

from locality.bank import to_float


def masked_softmax(
    x: Tensor,  # [B, n]
    sigma: float,
    images: Tensor,  # [N, n] floats
    precision_t: Tensor,  # [n, n] floats, transposed: entry [p, q]
) -> Tensor:  # [B, n]
    """One product [N, n] x [n, n] for each noisy image, then a softmax over the bank for each output."""
    out = []
    for one in x:
        logits = ((one - images).square_() @ precision_t).mul_(-1 / (2 * sigma**2))
        out.append((logits.softmax(0) * images).sum(0))
    return torch.stack(out)


def all_patches(
    x: Tensor,  # [B, C, H, W]
    sigma: float,
    images: Tensor,  # [N, C, H, W] floats
    patch_size: int,
) -> Tensor:  # [B, C, H, W]
    """Unfold, one product with all patches (in tiles of images, or it does not fit), a running softmax."""

    def cut(z: Tensor) -> Tensor:
        return unfold(pad(z, (patch_size // 2,) * 4, mode="circular"), patch_size).mT

    out = []
    for query in cut(x):
        peak = torch.full((len(query), 1), -torch.inf)
        total, sums = torch.zeros(len(query), 1), torch.zeros(len(query), x.shape[1])
        for part in images.split(50):
            patches = cut(part).flatten(0, 1)
            values = rearrange(part, "i c h w -> (i h w) c")
            logits = (query @ patches.T).sub_(patches.square().sum(1) / 2).div_(sigma**2)
            top = torch.maximum(peak, logits.amax(1, keepdim=True))
            weights = logits.sub_(top).exp_()
            scale = (peak - top).exp()
            total = total * scale + weights.sum(1, keepdim=True)
            sums = sums * scale + weights @ values
            peak = top
        out.append((sums / total).T)
    return torch.stack(out).reshape(x.shape)


def patch_composite(
    x: Tensor,  # [B, n]
    sigma: float,
    images: Tensor,  # [N, n] floats
    windows: Tensor,  # [U, n] floats, 1 inside
) -> Tensor:  # [B, n]
    """Two products for each noisy image: the distances of all windows, and the mean image of each window."""
    out = []
    for one in x:
        logits = ((one - images).square_() @ windows.T).mul_(-1 / (2 * sigma**2))
        means = logits.softmax(0).T @ images
        out.append((windows * means).sum(0) / windows.sum(0))
    return torch.stack(out)


def smoothed(
    x: Tensor,  # [B, n]
    sigma: float,
    images: Tensor,  # [N, n] floats
    offsets: Tensor,  # [M, n] floats
) -> Tensor:  # [B, n]
    """The squared distances of every copy of every noisy image to all images, one copy at a time."""
    out = []
    for copies in x[:, None] + offsets:
        distances = torch.stack([(copy - images).square_().sum(1) for copy in copies])
        out.append((distances.mul_(-1 / (2 * sigma**2)).softmax(1) @ images).mean(0))
    return torch.stack(out)


def golden_subset(
    x: Tensor,  # [B, C, H, W]
    sigma: float,
    images: Tensor,  # [N, C, H, W] floats
    precision_t: Tensor,  # [n, n] floats, transposed
    sizes: tuple[int, int],  # images kept after pooling, and in the end
    proxy_size: int,
) -> Tensor:  # [B, n]
    """The nearest pooled images, of these the nearest, then the dense masked softmax, image by image."""
    pooled, flat = adaptive_avg_pool2d(images, proxy_size).flatten(1), images.flatten(1)
    coarse, fine = sizes
    out = []
    for one in x.split(1):
        coarsely = (adaptive_avg_pool2d(one, proxy_size).flatten(1) - pooled).square_().sum(1)
        near = coarsely.topk(coarse, largest=False).indices
        exactly = (one.flatten(1) - flat[near]).square_().sum(1)
        near = near[exactly.topk(fine, largest=False).indices]
        out.append(masked_softmax(one.flatten(1), sigma, flat[near], precision_t))
    return torch.cat(out)


def mixture(
    x: Tensor,  # [B, C, H, W]
    sigma: float,
    windows: Sequence[tuple[int, int, int]],  # place, top, left
    size: tuple[int, int],  # height and width of a window
    parts: Sequence[tuple[Tensor, Tensor, Tensor]],  # of each place: weights [K], means [K, d], [K, d, d]
    covariances: Sequence[Tensor],  # of each place, of all its windows: [d, d]
) -> Tensor:  # [B, n]
    """Window by window, part by part: each inverts the covariance of the noisy data."""
    noise = sigma**2 * torch.eye(len(covariances[0]), dtype=x.dtype)
    errors = [torch.linalg.solve(one + noise, one).diag() for one in covariances]  # over sigma^2
    total, held = torch.zeros_like(x), torch.zeros_like(x)
    for place, top, left in windows:
        region = (..., slice(top, top + size[0]), slice(left, left + size[1]))
        y = x[region].flatten(1)
        means, logits = [], []
        for weight, mean, covariance in zip(*parts[place], strict=True):
            noisy = covariance + noise
            inverse, centred = torch.linalg.inv(noisy), y - mean
            means.append(mean + centred @ inverse @ covariance)
            distance = ((centred @ inverse) * centred).sum(1)
            logits.append(weight.log() - (distance + torch.logdet(noisy)) / 2)
        chances = torch.stack(logits).softmax(0)
        estimate = (chances[..., None] * torch.stack(means)).sum(0)
        weight = errors[place].reshape(x[region].shape[1:]) ** -16
        total[region] += weight * estimate.reshape(x[region].shape)
        held[region] += weight
    return (total / held).flatten(1)


def truth(
    x: Tensor,  # [B, n]
    sigma: float,
    images: Tensor,  # [N, n] as at rest
    precision: Tensor,  # [n, n]
) -> Tensor:
    """The dense form in float64."""
    return masked_softmax(x.double(), sigma, to_float(images, torch.float64), precision.double().T)
