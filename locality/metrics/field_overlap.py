"""How much two sensitivity fields have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor
from torchmetrics.wrappers.abstract import WrapperMetric

from locality.denoisers.base import Pixel
from locality.metrics.bootstrap import Groups, check_draws, percentiles, resampled
from locality.metrics.image_maps import ImageMaps
from locality.sensitivity.shape import mass_inside, mass_radius

Statistic = Callable[[Tensor], Tensor]  # of mean maps
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
    `mass` or a little more for equal fields, more for a narrower f. Maps that keep signs have them in the
    cosine alone: elsewhere the magnitude of the mean counts. A pixel whose map is zero everywhere
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

    def intervals(
        self,
        level: float = 0.95,
        draws: int = 1000,
        groups: Groups = None,  # [N] images of one number are drawn together
    ) -> list[Overlap]:  # S
        """The ends, a tensor of two, of each number at each noise level; a collective call under DDP."""
        found = []
        for maps in rearrange(self.pairs.maps(), "n two s p h w -> s n two p h w"):
            ends = field_intervals(
                maps, lambda means: torch.stack(self._overlap(means)), level, draws, (0, 1), groups
            )
            found.append(Overlap(*ends))
        return found

    def reset(self) -> None:
        """Forget all images."""
        self.pairs.reset()

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Same as `update`."""
        self.update(*args, **kwargs)

    def _overlap(
        self,
        maps: Tensor,  # [..., 2, P, H, W]
    ) -> Overlap:
        f, g = maps.unbind(-4)
        radius = mass_radius(g.abs(), self.pixels, self.mass)
        parts = (cosine(f, g), energy(f, g), mass_inside(f.abs(), self.pixels, radius))
        return Overlap(*(part.nanmean(-1) for part in parts))


def cosine(f: Tensor, g: Tensor) -> Tensor:  # [..., H, W] twice -> [...]
    """`<f, g> / |f| |g|`; nan for zeros."""
    product = einsum(f, g, "... h w, ... h w -> ...")
    return product / torch.linalg.matrix_norm(f) / torch.linalg.matrix_norm(g)


def energy(f: Tensor, g: Tensor) -> Tensor:  # [..., H, W] twice -> [...]
    """What the two maps' squares, each over its sum, have in common; nan for zeros."""
    return reduce(torch.minimum(_energies(f), _energies(g)), "... h w -> ...", "sum")


def _energies(maps: Tensor) -> Tensor:  # [..., H, W]
    """The square of each map over its sum."""
    squares = maps.square()
    return squares.div_(reduce(squares, "... h w -> ... 1 1", "sum"))


def field_interval(
    maps: Tensor,  # [N, ...] of each image
    statistic: Statistic,  # of mean maps [draws, ...] -> [draws]
    level: float = 0.95,
    draws: int = 1000,
    bounds: tuple[float, float] | None = None,  # what the statistic can be, of one that noise biases
    groups: Groups = None,  # [N] images of one number are drawn together
) -> tuple[float, float]:
    """The bootstrap interval of a statistic of the mean map, over images; see `field_intervals`."""

    def alone(means: Tensor) -> Tensor:
        return statistic(means)[None]

    low, high = field_intervals(maps, alone, level, draws, bounds, groups)[0].tolist()
    return low, high


def field_intervals(
    maps: Tensor,  # [N, ...] of each image
    statistics: Statistic,  # K of mean maps: [draws, ...] -> [K, draws]
    level: float = 0.95,
    draws: int = 1000,
    bounds: tuple[float, float] | None = None,  # what each can be, where noise biases them
    groups: Groups = None,  # [N] images of one number, crops of one picture say, are drawn together
) -> Tensor:  # [K, 2] float64
    """The bootstrap intervals of statistics of the mean map, over images; nan of a single image or group.

    Norms of mean maps are biased: noise adds to them, `E |mean f|^2 = |E f|^2 + tr cov(f) / N`. So a cosine
    is too low as a rule, and of resampled images, which have that noise twice, lower still. Percentiles of
    the draws can then lie below the estimate, and further below the truth. With `bounds` the interval is the
    basic one (Efron & Tibshirani 1993, ch. 13; Davison & Hinkley 1997, section 5.2),
    `2 estimate - percentile`, which takes the bias of the draws for that of the estimate. It is stretched to
    the estimate, where the bias is larger than the spread, and cut to what the statistic can be.
    """
    check_draws(level, draws)
    estimate = statistics(maps.mean(0, keepdim=True)).double()  # [K, 1]
    if len(maps if groups is None else torch.as_tensor(groups).unique()) < 2:
        return torch.full_like(estimate, torch.nan).expand(-1, 2)
    flat = maps.flatten(1)
    some = resampled(len(maps), draws, groups=groups).to(flat).split(max(1, DRAWN // flat.shape[1]))
    drawn = torch.cat([statistics((part @ flat).unflatten(1, maps.shape[1:])) for part in some], dim=1)
    ends = rearrange(percentiles(drawn.double().T, level), "ends k -> k ends")
    if bounds is None:
        return ends
    estimate = estimate.clamp(*bounds)
    low = torch.minimum(2 * estimate - ends[:, 1:], estimate)
    high = torch.maximum(2 * estimate - ends[:, :1], estimate)
    return torch.cat([low, high], dim=1).clamp(*bounds)
