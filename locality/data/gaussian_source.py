"""`GaussianSource`: images whose distribution is known exactly, so that the best denoiser is known too."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from locality.data.splits import Split, check_split
from locality.noise import generator


class GaussianSource:
    """Gaussian images with a photograph's kind of covariance: the oracle.

    Between channel c at place u and channel d at place v the covariance is
    `std^2 * exp(-|u - v| / length) * (channel_correlation if c != d else 1)`. The mean is `mean_level`
    everywhere. Values are not cut to [-1, 1], which would make them Gaussian no more.
    """

    mean: Tensor  # [n] float64, n = C*H*W
    covariance: Tensor  # [n, n] float64

    def __init__(
        self,
        size: int = 16,  # pixels, height and width
        channels: int = 3,
        length: float = 4.0,  # pixels, over which the correlation falls to 1/e
        std: float = 0.4,  # pixel units
        channel_correlation: float = 0.8,
        mean_level: float = -0.1,  # pixel units
        train: int = 8000,  # images
        val: int = 1000,
        test: int = 1000,
    ) -> None:
        if size < 1 or channels < 1 or length <= 0 or std <= 0:
            raise ValueError(
                f"gaussian: want size, channels, length, std above 0, got {size}, {channels}, {length}, {std}"
            )
        if not -1 / max(1, channels - 1) <= channel_correlation <= 1:
            low = -1 / max(1, channels - 1)
            raise ValueError(
                f"gaussian: want a channel_correlation of {low:.3g} to 1, got {channel_correlation}"
            )
        if min(train, val, test) < 1:
            raise ValueError(f"gaussian: want at least 1 image a split, got {train}, {val}, {test}")
        self.image_shape = torch.Size((channels, size, size))
        self.bound = abs(mean_level) + 8 * std  # one pixel in 10^15 lies beyond
        self._counts: dict[Split, int] = {"train": train, "val": val, "test": test}
        line = torch.arange(size).double()
        places = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1)
        places = rearrange(places, "h w two -> (h w) two")
        space = std**2 * torch.exp(
            -torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist") / length
        )
        colour = torch.full((channels, channels), channel_correlation, dtype=torch.float64).fill_diagonal_(1)
        self.mean = torch.full((channels * size * size,), mean_level, dtype=torch.float64)
        self.covariance = torch.kron(colour.contiguous(), space)
        # The root of a Kronecker product is the product of the roots: two small decompositions instead of a
        # large one.
        self._colour_root, self._space_root = _root(colour), _root(space)

    def __call__(self, split: Split, seed: int) -> Tensor:  # [N, C, H, W] float32
        """Independent draws. The same for the same seed and number."""
        check_split(split)
        channels, height, _ = self.image_shape
        shape = (self._counts[split], channels, self._space_root.shape[0])
        noise = torch.randn(shape, generator=generator(seed, "gaussian", split), dtype=torch.float64)
        images = self._colour_root @ noise @ self._space_root + self.mean[0]
        return rearrange(images, "n c (h w) -> n c h w", h=height).float()


def _root(covariance: Tensor) -> Tensor:  # [k, k] symmetric
    """The symmetric square root of a positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
