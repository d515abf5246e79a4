"""Where a curve that is known at a few places is least, where it crosses a value, and what it is between."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-300  # an error of 0 has no logarithm


def crossing(
    places: Tensor,  # [V] ascending
    values: Tensor,  # [..., V]
    wanted: float | Tensor,  # [...]
) -> Tensor:  # [...]
    """The first place at which a falling curve is down to a value; straight lines between the places.

    The first place where it starts below, the last where it never comes down.
    """
    wanted = torch.as_tensor(wanted, dtype=values.dtype).expand(values.shape[:-1])[..., None]
    below = values <= wanted
    after = torch.where(below.any(-1), below.int().argmax(-1), len(places) - 1).clamp_min(
        min(1, len(places) - 1)
    )
    before = (after - 1).clamp_min(0)
    high, low = (values.gather(-1, k[..., None])[..., 0] for k in (before, after))
    part = ((high - wanted[..., 0]) / (high - low)).nan_to_num(0.0).clamp(0, 1)
    return places[before] + part * (places[after] - places[before])


def least(
    places: Tensor,  # [V] ascending
    errors: Tensor,  # [..., V] from 0
) -> Tensor:  # [...]
    """The place of the least error: the vertex of the parabola through ln error at the least and beside it.

    At the first or the last place there is nothing on one side: it is that place itself.
    """
    found = errors.argmin(-1)
    if len(places) < 3:
        return places[found]
    middle = found.clamp(1, len(places) - 2)
    around = torch.stack([middle - 1, middle, middle + 1], dim=-1)
    x = places[around]
    y = errors.clamp_min(_SMALLEST).log().gather(-1, around)
    left, right = (y[..., 1:] - y[..., :-1]).div(x[..., 1:] - x[..., :-1]).unbind(-1)
    # Newton's divided differences: the slope is 0 half a step before the middle, less left / curvature.
    curvature = (right - left) / (x[..., 2] - x[..., 0])
    vertex = (x[..., 0] + x[..., 1]) / 2 - left / (2 * curvature)
    inside = (found == middle) & (curvature > 0)
    return torch.where(inside, vertex.minimum(x[..., 2]).maximum(x[..., 0]), places[found])


def value_at(
    places: Tensor,  # [V] ascending
    values: Tensor,  # [..., V]
    where: Tensor,  # [...]
) -> Tensor:  # [...]
    """The curve between its places, by straight lines."""
    if len(places) == 1:
        return values[..., 0]
    after = torch.searchsorted(places, where.contiguous()).clamp(1, len(places) - 1)
    low, high = (values.gather(-1, k[..., None])[..., 0] for k in (after - 1, after))
    part = (where - places[after - 1]) / (places[after] - places[after - 1])
    return low + part.clamp(0, 1) * (high - low)
