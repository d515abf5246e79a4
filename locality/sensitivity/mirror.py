"""Whether a denoiser looks at the mirror image of a pixel: at the other eye of a face."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import reduce
from torch import Tensor

from locality.denoisers.base import Pixel
from locality.sensitivity.shape import TIE, distances

RADIUS = 1.5  # pixels, of a disc: 3 x 3 of them
_RING = 0.5  # pixels; so far from the circle a disc's centre may lie, as pixels are whole


def mirror_of(pixel: Pixel, width: int) -> Pixel:
    """The pixel in the same row, as far from the right border as this one is from the left.

    >>> mirror_of((15, 10), 32)
    (15, 21)
    """
    row, col = pixel
    return row, width - 1 - col


def mirror_ratio(
    maps: Tensor,  # [..., P, H, W] non-negative
    pixels: Sequence[Pixel],  # P probed ones
    radius: float = RADIUS,  # pixels
) -> Tensor:  # [..., P]
    """A map's mass in a disc on the mirror position over its mean mass in discs at the same distance.

    A disc is a pixel and all others within `radius` of it. The mirror position's is set against discs whose
    middle is as far from the probed pixel (to half a pixel), which lie inside the image, and which have no
    pixel in common with the mirror position's. All have equally many pixels. So a map of the distance alone
    has 1, however fast it falls, but for the half pixel. One that is wider than high has more, mirror or not.

    nan for a map that is 0 in the other discs and in this one. Raises ValueError for a radius below 0. Raises
    it, too, for a pixel that is so near to its mirror position that the discs on both meet, whose disc leaves
    the image, or for which there is no other disc.
    """
    height, width = maps.shape[-2:]
    weights = torch.stack([_discs(pixel, height, width, radius) for pixel in pixels], dim=1)
    there, elsewhere = (
        reduce(maps.double() * weight.to(maps.device), "... h w -> ...", "sum") for weight in weights
    )
    return there / elsewhere


def _discs(
    pixel: Pixel, height: int, width: int, radius: float
) -> Tensor:  # [2, H, W] the disc on the mirror position, the mean of the others
    if not (isinstance(radius, int | float) and radius >= 0):
        raise ValueError(f"radius: want a number of pixels from 0, got {radius!r}")
    mirror = mirror_of(pixel, width)
    away = abs(mirror[1] - pixel[1])
    if away <= 2 * radius + TIE:
        raise ValueError(
            f"want a pixel more than {2 * radius:g} from its mirror position, got {pixel}, {away} from it"
        )
    from_pixel, from_mirror = distances([pixel, mirror], height, width)
    reach = int(radius + TIE)
    inside = torch.zeros(height, width, dtype=torch.bool)
    inside[reach : height - reach, reach : width - reach] = True
    if not inside[mirror]:
        raise ValueError(f"want a pixel at least {reach} from the border, for a whole disc, got {pixel}")
    ring = inside & ((from_pixel - away).abs() <= _RING) & (from_mirror > 2 * radius + TIE)
    centres = [(int(row), int(col)) for row, col in ring.nonzero()]
    if not centres:
        raise ValueError(f"want a pixel with other places in the image as far from it, got {pixel}")
    discs = (distances([mirror, *centres], height, width) <= radius + TIE).double()
    return torch.stack([discs[0], discs[1:].mean(0)])
