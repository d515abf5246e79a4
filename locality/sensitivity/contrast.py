"""How much more a field sees of a hidden pattern than of what lies beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor

from locality.denoisers.base import Pixel
from locality.sensitivity.shape import TIE, distances

REACH = 3.0  # pixels; so far photographs alone make most of a field


def contrast(
    maps: Tensor,  # [..., P, H, W] non-negative
    pixels: Sequence[Pixel],  # P probed ones
    mask: Tensor,  # [H, W] not 0 on the pattern
    reach: float = REACH,  # pixels
) -> Tensor:  # [..., P]
    """The mean of a map on the pattern over its mean off the pattern; 1 where the pattern means nothing.

    Pixels nearer than `reach` to the probed one count on neither side. nan for a map of zeros. Raises
    ValueError where nothing is left on one side.
    """
    far = distances(pixels, *mask.shape) >= reach - TIE  # [P, H, W]
    sides = [(far & side).to(maps.device) for side in (mask.cpu() != 0, mask.cpu() == 0)]
    for side, where in zip(sides, ("on", "off"), strict=True):
        empty = ~reduce(side, "p h w -> p", "any")
        if empty.any():
            probed = pixels[int(empty.long().argmax())]
            raise ValueError(f"contrast: no pixel {where} the pattern lies {reach:g} or more from {probed}")
    inner, outer = (
        reduce(maps.double() * side, "... h w -> ...", "sum") / reduce(side.double(), "p h w -> p", "sum")
        for side in sides
    )
    return inner / outer


def pattern_probes(
    mask: Tensor,  # [H, W] not 0 on the pattern
    reach: float = REACH,  # pixels
) -> list[Pixel]:
    """The pattern's pixels that have others `reach` or more away, from the top left: those worth probing."""
    places = mask.cpu().nonzero()
    apart = torch.cdist(places.double(), places.double()).amax(1)
    far = [(int(row), int(col)) for row, col in places[apart >= reach - TIE]]
    if not far:
        raise ValueError(f"pattern: want two of its pixels {reach:g} or more apart, got a smaller one")
    return far


def pattern_variance(
    covariance: Tensor,  # [n, n], n = C*H*W
    mask: Tensor,  # [H, W] the pattern W
) -> Tensor:  # []
    """`lam_W = w^T S w` with `w = W / |W|`, in one channel, the mean over channels; pixel units squared.

    What a pattern of independent colours adds to it is `gamma^2 Var(c) |W|^2`.
    """
    w = mask.double().flatten().to(covariance.device)
    w = w / w.norm()
    blocks = rearrange(covariance.double(), "(c p) (d q) -> c d p q", p=len(w), q=len(w))
    return einsum(w, blocks.diagonal(dim1=0, dim2=1), w, "p, p q c, q -> c").mean()


def pattern_snr(
    covariance: Tensor,  # [n, n] of the images, pattern included
    mask: Tensor,  # [H, W]
    sigmas: Sequence[float] | Tensor,  # [S]
) -> Tensor:  # [S]
    """`SNR_W = lam_W / sigma^2` (Lukoianov et al. 2025, figure 4, which marks where it is above 0.1)."""
    return pattern_variance(covariance, mask).cpu() / torch.as_tensor(sigmas, dtype=torch.float64) ** 2
