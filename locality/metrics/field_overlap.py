"""How much two sensitivity fields have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor
from torchmetrics.wrappers.abstract import WrapperMetric

from locality.denoisers.base import Pixel
from locality.metrics.bootstrap import interval
from locality.metrics.image_maps import ImageMaps
from locality.sensitivity.shape import mass_inside, mass_radius

Statistic = Callable[[Tensor], Tensor]  # maps [..., K] -> [...]
DRAWN = 2**22  # numbers of resampled maps held at once: 32 MiB, and a few times that


class Overlap(NamedTuple):
    """Three ways to say how alike two fields are, at each noise level."""

    cosine: Tensor  # [S] of the angle between the maps; 1 for maps alike up to scale
    energy: Tensor  # [S] what f^2 and g^2, each over its sum, have in common; 0 disjoint, 1 alike
    inside: Tensor  # [S] the field's mass within the radius that holds `mass` of the target's


@final
class FieldOverlap(WrapperMetric):
    """The overlap of the mean fields of two denoisers at each noise level, averaged over probed pixels.

    For maps f and g of one pixel, the cosine is `<f, g> / |f| |g|` and the energy
    `sum min(f^2 / sum f^2, g^2 / sum g^2)`. Inside is the share of f in the radius that holds `mass` of g:
    `mass` or a little more for equal fields, more for a narrower f. A pixel whose map is zero everywhere
    (blank images, MNIST's margin) is left out of the average; nan where no pixel is left.
    Intervals are a bootstrap over images: both fields are averaged over the same resampled images. They are
    basic ones (`field_interval`), as noise in the mean fields lowers the cosine and the energy.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        pixels: Sequence[Pixel],
        size: tuple[int, int],  # (H, W)
        mass: float = 0.5,
        sync_on_compute: bool = True,  # false where every rank holds all images
    ) -> None:
        super().__init__()
        self.sigmas, self.pixels, self.mass = tuple(sigmas), tuple(pixels), mass
        self.pairs = ImageMaps((2, len(self.sigmas), len(self.pixels), *size), sync_on_compute)

    def update(
        self,
        preds: Tensor,  # [B, S, P, H, W] maps of single images
        target: Tensor,  # [B, S, P, H, W] maps of the same images
        index: Tensor,  # [B] places in the data set
        weight: Tensor | None = None,  # [B] 1, or 0 for padding
    ) -> None:
        """Add a batch. Raises ValueError for unequal shapes."""
        if preds.shape != target.shape:
            raise ValueError(
                f"preds, target: want equal shapes, got {tuple(preds.shape)}, {tuple(target.shape)}"
            )
        self.pairs.update(torch.stack([preds, target], dim=1), index, weight)

    def compute(self) -> Overlap:
        """The overlap of the fields of all images; a collective call under DDP."""
        return self._overlap(rearrange(self.pairs.compute(), "two s p h w -> s two p h w"))

    def intervals(self, level: float = 0.95, draws: int = 1000) -> list[Overlap]:  # S
        """The ends, a tensor of two, of each number at each noise level; a collective call under DDP."""
        found = []
        for maps in rearrange(self.pairs.maps(), "n two s p h w -> s n two p h w"):
            ends = [
                field_interval(maps, self._part(k), level, draws, (0.0, 1.0))
                for k in range(len(Overlap._fields))
            ]
            found.append(Overlap(*(torch.tensor(pair, dtype=torch.float64) for pair in ends)))
        return found

    def reset(self) -> None:
        """Forget all images."""
        self.pairs.reset()

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Same as `update`."""
        self.update(*args, **kwargs)

    def _part(self, k: int) -> Statistic:
        return lambda means: self._overlap(means)[k]

    def _overlap(
        self,
        maps: Tensor,  # [..., 2, P, H, W]
    ) -> Overlap:
        f, g = maps.unbind(-4)
        radius = mass_radius(g, self.pixels, self.mass)
        parts = (cosine(f, g), energy(f, g), mass_inside(f, self.pixels, radius))
        return Overlap(*(part.nanmean(-1) for part in parts))


def cosine(f: Tensor, g: Tensor) -> Tensor:  # [..., H, W] twice -> [...]
    """`<f, g> / |f| |g|`; nan for zeros."""
    product = einsum(f, g, "... h w, ... h w -> ...")
    return product / torch.linalg.matrix_norm(f) / torch.linalg.matrix_norm(g)


def energy(f: Tensor, g: Tensor) -> Tensor:  # [..., H, W] twice -> [...]
    """What the two maps' squares, each over its sum, have in common; nan for zeros."""
    shares = [m.square() / reduce(m.square(), "... h w -> ... 1 1", "sum") for m in (f, g)]
    return reduce(torch.minimum(*shares), "... h w -> ...", "sum")


def field_interval(
    maps: Tensor,  # [N, ...] of each image
    statistic: Statistic,  # of mean maps [draws, ...] -> [draws]
    level: float = 0.95,
    draws: int = 1000,
    bounds: tuple[float, float] | None = None,  # what the statistic can be, of one that noise biases
) -> tuple[float, float]:
    """The bootstrap interval of a statistic of the mean map, over images.

    Norms of mean maps are biased: noise adds to them, `E |mean f|^2 = |E f|^2 + tr cov(f) / N`. So a cosine
    is too low as a rule, and of resampled images, which have that noise twice, lower still. Percentiles of
    the draws can then lie below the estimate, and further below the truth. With `bounds` the interval is the
    basic one (Efron & Tibshirani 1993, ch. 13; Davison & Hinkley 1997, section 5.2),
    `2 estimate - percentile`, which takes the bias of the draws for that of the estimate. It is stretched to
    the estimate, where the bias is larger than the spread, and cut to what the statistic can be.
    """
    flat = maps.flatten(1)

    def of_images(
        drawn: Tensor,  # [draws, N] resampled places
    ) -> Tensor:  # [draws]
        counts = torch.zeros_like(drawn).scatter_add(-1, drawn.long(), torch.ones_like(drawn)).to(flat)
        some = counts.split(max(1, DRAWN // flat.shape[1]))
        return torch.cat([statistic((part @ flat / len(flat)).unflatten(1, maps.shape[1:])) for part in some])

    low, high = interval(torch.arange(len(maps)), level, draws, statistic=of_images)
    if bounds is None or low != low:
        return low, high
    least, most = bounds
    estimate = min(max(statistic(maps.mean(0, keepdim=True)).item(), least), most)
    return max(least, min(2 * estimate - high, estimate)), min(most, max(2 * estimate - low, estimate))
