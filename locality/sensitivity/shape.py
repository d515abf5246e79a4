"""How far a field reaches: radius, profile, participation of maps around their probed pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange, reduce
from torch import Tensor

from locality.denoisers.base import Pixel

TIE = 1e-9  # what is short of a share or of a distance (pixels) by no more than rounding reaches it


class Profile(NamedTuple):
    """The mean of a field against the distance to the probed pixel."""

    distance: Tensor  # [D] pixels: 0, 1, 2, ...
    value: Tensor  # [..., P, D] mean over pixels whose distance rounds to it; nan where there is none


def distances(
    pixels: Sequence[Pixel],
    height: int,
    width: int,
) -> Tensor:  # [P, H, W] float64, pixels
    """The Euclidean distance of every pixel to each probed one."""
    index = torch.as_tensor(pixels, dtype=torch.float64).reshape(-1, 2)
    down = torch.arange(height)[None, :, None] - index[:, 0, None, None]
    right = torch.arange(width)[None, None, :] - index[:, 1, None, None]
    return torch.hypot(down, right.expand(-1, height, -1))


def mass_radius(
    maps: Tensor,  # [..., P, H, W] non-negative
    pixels: Sequence[Pixel],
    mass: float = 0.5,  # share of the sum of the map
) -> Tensor:  # [..., P] pixels
    """The smallest distance within which that share of a map's mass lies; nan for a map of zeros."""
    if not 0 < mass < 1:
        raise ValueError(f"mass: want a share between 0 and 1, got {mass}")
    distance = rearrange(distances(pixels, *maps.shape[-2:]), "p h w -> p (h w)").to(maps.device)
    near, order = distance.sort(dim=-1, stable=True)  # [P, HW]
    flat = rearrange(maps.double(), "... h w -> ... (h w)")
    inside = flat.gather(-1, order.expand(flat.shape)).cumsum(-1)
    total = inside[..., -1:]
    reached = (inside < mass * total * (1 - TIE)).sum(-1)
    radius = near.expand(inside.shape).gather(-1, reached[..., None])
    return torch.where(total > 0, radius, torch.nan)[..., 0]


def mass_inside(
    maps: Tensor,  # [..., P, H, W] non-negative
    pixels: Sequence[Pixel],
    radius: Tensor,  # [..., P] pixels
) -> Tensor:  # [..., P]
    """The share of a map's mass within a distance; nan for a map of zeros, and for a radius of nan."""
    distance = distances(pixels, *maps.shape[-2:]).to(maps.device)
    near = distance <= radius[..., None, None] * (1 + TIE)
    maps = maps.double()
    share = reduce(maps * near, "... h w -> ...", "sum") / reduce(maps, "... h w -> ...", "sum")
    return share.masked_fill(radius.isnan(), torch.nan)


def participation(
    maps: Tensor,  # [..., H, W] non-negative
) -> Tensor:  # [...]
    """`(sum f)^2 / sum f^2`, the effective number of pixels; nan for a map of zeros.

    The inverse participation ratio of the shares f / sum f: K where K pixels share a map equally.
    """
    maps = maps.double()
    return reduce(maps, "... h w -> ...", "sum") ** 2 / reduce(maps**2, "... h w -> ...", "sum")


def profile(
    maps: Tensor,  # [..., P, H, W]
    pixels: Sequence[Pixel],
) -> Profile:
    """The mean of each map over rings one pixel wide."""
    ring = distances(pixels, *maps.shape[-2:]).round().long().to(maps.device)  # [P, H, W]
    steps = torch.arange(int(ring.max()) + 1, device=maps.device)
    means = []
    for step in steps:
        inside = (ring == step).double()
        total = reduce(maps.double() * inside, "... h w -> ...", "sum")
        means.append(total / reduce(inside, "p h w -> p", "sum"))
    return Profile(steps.double(), torch.stack(means, dim=-1))


def rounded(
    maps: Tensor,  # [..., P, H, W]
    pixels: Sequence[Pixel],
) -> Tensor:  # [..., P, H, W] float64
    """The nearest maps, in least squares, whose values depend on the distance to the probed pixel alone."""
    distance = distances(pixels, *maps.shape[-2:]).square().round().long()  # of a grid: whole numbers
    found = maps.double().clone()
    for p, place in enumerate(distance):
        ring = place.unique(return_inverse=True)[1].flatten().to(maps.device)  # [HW] the number of its ring
        flat = rearrange(found[..., p, :, :], "... h w -> ... (h w)")
        many = int(ring.max()) + 1
        total = flat.new_zeros(*flat.shape[:-1], many).index_add_(-1, ring, flat)
        mean = total / torch.bincount(ring, minlength=many)
        found[..., p, :, :] = mean[..., ring].reshape(found[..., p, :, :].shape)
    return found
