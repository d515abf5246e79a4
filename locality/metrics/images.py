"""How near an estimate is to its target, image by image: r2, mean squared error, Pearson correlation."""

from __future__ import annotations

from typing import final

import torch
from einops import reduce
from torch import Tensor

from locality.metrics.per_image import PerImage

# Pixel units squared: the greatest variance of an image that has two neighbouring levels of 8 bits.
BLANK = 1.01 * (2 / 255) ** 2 / 4  # a little more, for arithmetic


@final
class ImageR2(PerImage):
    """The coefficient of determination of each image, averaged over images.

    r2 = 1 - sum (pred - target)^2 / sum (target - mean(target))^2, sums and mean over all n pixels and
    channels of that image. `unbiased` gives the variant 1 - (SSres / SStot) (n - 1) / n. Undefined for a
    blank target, see `is_blank`: it is left out, as in `PerImage`. No number that stood in for it (0, 1,
    -infinity) would be harmless in a mean, and of a nearly constant target r2 is minus a few hundred
    thousand.
    """

    higher_is_better = True

    def __init__(self, unbiased: bool = False) -> None:
        super().__init__()
        self.unbiased = unbiased

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """r2 of each image; NaN for a blank target."""
        residual = _sum((preds - target) ** 2)
        total = _sum(_centred(target) ** 2)
        n = target[0].numel() if len(target) else 1
        r2 = 1 - residual / total * ((n - 1) / n if self.unbiased else 1)
        return r2.masked_fill(is_blank(target), torch.nan)


@final
class ImageMSE(PerImage):
    """The mean squared error of each image, averaged over images.

    In the images' own units, [-1, 1], unclipped; on the [0, 1] scale it is 4 times smaller.
    """

    higher_is_better = False

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """Mean squared error of each image."""
        return reduce((preds - target) ** 2, "b c h w -> b", "mean")


@final
class PearsonR(PerImage):
    """Pearson's correlation r (not squared) of each image with its target; `compute` is the mean over images.

    Kamb & Ganguli report the median, of `values()`. Undefined for a blank target, see `is_blank`, and for an
    estimate that is the same everywhere: left out, as in `PerImage`.
    """

    higher_is_better = True

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """Correlation of each image; NaN where it is undefined."""
        x, y = _centred(preds), _centred(target)
        # Norms before the product: the sums of squares of tiny images underflow when multiplied.
        r = _sum(x * y) / _sum(x**2).sqrt() / _sum(y**2).sqrt()
        same = reduce(preds, "b c h w -> b", "max") == reduce(preds, "b c h w -> b", "min")
        return r.masked_fill(is_blank(target) | same, torch.nan)


def is_blank(
    images: Tensor,  # [B, C, H, W] in [-1, 1]
) -> Tensor:  # [B] bool
    """Whether an image is constant, or as good as: one level of 8 bits makes as much contrast.

    `mean((x - mean(x))^2) <= (2 / 255)^2 / 4 = 1.5e-5`, in pixel units, over pixels and channels. That is the
    most that an image of two neighbouring levels has; what r2 would count as explained is rounding.
    """
    return reduce(_centred(images.double()) ** 2, "b c h w -> b", "mean") < BLANK


@final
class ImageCosine(PerImage):
    """The cosine of the angle between each image and its target, averaged over images.

    `<pred, target> / |pred| |target|`, of the images as they are: Pearson's r is that of images less their
    means. Undefined where either image is 0 everywhere: left out, as in `PerImage`.
    """

    higher_is_better = True

    def score(
        self,
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
    ) -> Tensor:  # [B]
        """Cosine of each image; NaN where it is undefined, 0 / 0."""
        return _sum(preds * target) / _sum(preds**2).sqrt() / _sum(target**2).sqrt()


def _sum(
    x: Tensor,  # [B, C, H, W]
) -> Tensor:  # [B]
    return reduce(x, "b c h w -> b", "sum")


def _centred(
    x: Tensor,  # [B, C, H, W]
) -> Tensor:  # [B, C, H, W]
    return x - reduce(x, "b c h w -> b 1 1 1", "mean")
