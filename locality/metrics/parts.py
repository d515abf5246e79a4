"""Where in an image, in which frequencies, and along which pattern, an estimate and its target differ."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from einops import einsum, reduce
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from locality.metrics.per_image import PerImage

EDGES: Final = 0.1  # share of the pixels, those with the largest gradients


@final
class BandMSE(PerImage):
    """The squared error in the waves of a band of wavelengths, per pixel; averaged over images.

    `sum |F(pred - target)|^2 / n` over the frequencies with `low < 1 / |f| <= high`, F the orthonormal
    Fourier transform. The mean of an image is a wave of infinite length. By Parseval's theorem bands that
    meet sum to the mean squared error.
    """

    higher_is_better = False

    def __init__(
        self,
        low: float,  # pixels, from 0
        high: float = math.inf,  # pixels
    ) -> None:
        super().__init__()
        if not 0 <= low < high:
            raise ValueError(f"low, high: want wavelengths from 0 up, got {low} and {high}")
        self.low, self.high = low, high

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """The squared error in the band."""
        power = torch.fft.fft2(preds - target, norm="ortho").abs().square()
        rows, columns = (torch.fft.fftfreq(side, dtype=power.dtype) for side in power.shape[-2:])
        lengths = 1 / (rows[:, None] ** 2 + columns**2).sqrt()
        inside = (lengths > self.low) & (lengths <= self.high)
        return reduce(power * inside.to(power.device), "b c h w -> b", "sum") / power[0].numel()


@final
class EdgeMSE(PerImage):
    """The squared error near the edges of the target, or off them, per pixel of all; averaged over images.

    Edges are the tenth of the target's pixels with the largest gradients, of the mean over channels, and all
    as steep as the last of these. A flat target has none. Near is within some pixels, along rows, columns and
    diagonals. Both parts sum to the mean squared error.
    """

    higher_is_better = False

    def __init__(
        self,
        within: int,  # pixels from an edge
        near: bool = True,  # False: all other pixels
    ) -> None:
        super().__init__()
        if isinstance(within, bool) or not isinstance(within, int) or within < 0:
            raise ValueError(f"within: want whole pixels from 0, got {within!r}")
        self.within, self.near = within, near

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """The squared error of those pixels."""
        counted = near_edges(target, self.within) == self.near
        return reduce((preds - target).square() * counted[:, None], "b c h w -> b", "mean")


@final
class PatternMSE(PerImage):
    """The squared error along a pattern, the mean over channels; averaged over images.

    `mean_c <W / |W|, (pred - target)_c>^2`. It does not change with the size of W. Over patterns of one pixel
    each, one for every pixel, it sums to the mean squared error times the number of pixels.
    """

    higher_is_better = False
    pattern: Tensor

    def __init__(
        self,
        pattern: Tensor,  # [H, W], not all 0
    ) -> None:
        super().__init__()
        length = pattern.double().norm()
        if not (length > 0 and length.isfinite()):
            raise ValueError(f"pattern: want finite numbers, not all 0; their length is {length.item():g}")
        self.register_buffer("pattern", pattern.double() / length, persistent=False)

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """The squared error along it."""
        along = einsum(self.pattern.to(preds), preds - target, "h w, b c h w -> b c")
        return along.square().mean(1)


def near_edges(
    images: Tensor,  # [B, C, H, W]
    within: int,  # pixels
) -> Tensor:  # [B, H, W] bool
    """Which pixels are at most so far from one of the tenth with the largest gradients."""
    grey = pad(images.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    down, across = grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1], grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]
    steep = down.square() + across.square()
    count = max(1, round(EDGES * steep[0].numel()))
    least = steep.flatten(1).topk(count).values[:, -1, None, None, None]
    edges = (steep >= least) & (steep > 0)
    return max_pool2d(edges.to(images.dtype), 2 * within + 1, 1, within)[:, 0] > 0
