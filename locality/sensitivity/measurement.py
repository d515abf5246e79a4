"""Measuring the sensitivity field of any denoiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from locality.bank import to_float
from locality.denoisers.base import Denoiser
from locality.schedule import NoiseSchedule
from locality.sensitivity.choice import PixelChoice, choose_pixels
from locality.sensitivity.field import Facts, SensitivityField
from locality.sensitivity.maps import MEMORY_BUDGET, Reduction, sensitivity_maps
from locality.sensitivity.states import Route, States

KEEP = 2**26  # bytes of single images' maps that a field still holds


def measure(
    denoiser: Denoiser,
    images: Tensor,  # [N, C, H, W] clean, uint8 or in [-1, 1]; `reverse` uses only their number and shape
    sigmas: Sequence[float] | Tensor,  # [S] noise levels, pixel units
    pixels: PixelChoice = "centre",  # or "all", "grid:<stride>", (row, col) pairs
    *,
    states: States = "forward",
    guide: Denoiser | None = None,  # whose run `reverse` follows; None: the denoiser's own
    steps: int = 1000,  # of that run
    clip: bool = True,  # estimates to [-1, 1] inside its steps
    schedule: NoiseSchedule | None = None,  # DDPM's unless given
    reduction: Reduction | None = None,
    keep_images: bool | None = None,  # the map of each image; None: where they take less than 64 MiB
    batch_size: int | None = None,  # images at once; None: what the budget allows. Changes no result
    memory_budget: int = MEMORY_BUDGET,  # bytes
    name: str | None = None,  # of the denoiser, in the result's `about`
    seed: int = 0,  # of the noise, which is a function of it and the image's place
) -> SensitivityField:
    """`|dD(x)[pixel] / dx|` at chosen pixels and noise levels, averaged over images.

    Networks are measured by vector-Jacobian products, analytical denoisers in closed form
    (`Denoiser.jacobian`). The output channels are summed. Then comes the absolute value, the mean over input
    channels and the mean over images; `Reduction` has other choices. The denoiser is used as it is: put a
    network in `eval` mode first.
    """
    if images.ndim != 4 or not len(images):
        raise ValueError(f"images: want at least one, as [N, C, H, W], got {tuple(images.shape)}")
    if images.dtype == torch.uint8:
        images = to_float(images)
    reduction = reduction or Reduction()
    levels = [float(sigma) for sigma in sigmas]
    route = Route(levels, states, steps, clip, seed, schedule or NoiseSchedule.ddpm())
    chosen = choose_pixels(pixels, *images.shape[-2:])
    shape = (len(levels), len(chosen), *images.shape[-2:])
    if keep_images is None:
        keep_images = len(images) * torch.Size(shape).numel() * images.element_size() <= KEEP
    kept = images.new_empty((len(images), *shape)) if keep_images else None
    sums = images.new_zeros((2, *shape), dtype=torch.float64)  # of the maps, and of their squares
    for place in torch.arange(len(images)).split(batch_size or len(images)):
        for s, state in enumerate(route.visit(guide or denoiser, images[place], place)):
            maps = sensitivity_maps(
                denoiser, state.x, state.sigma, chosen, reduction, batch_size, memory_budget
            )
            sums[0, s] += maps.double().sum(0)
            sums[1, s] += maps.double().square().sum(0)
            if kept is not None:
                kept[place, s] = maps
    mean, square = sums / len(images)
    about: Facts = {
        "denoiser": name or type(denoiser).__name__,
        "states": states, "steps": steps if states == "reverse" else 0, "clip": clip,
        "guide": type(guide).__name__ if guide is not None else "itself",
        "count": len(images), "seed": seed, **reduction.facts(),
    }  # fmt: skip
    return SensitivityField(
        maps=reduction.over_images(mean, square).to(images.dtype),
        sigmas=route.sigmas,
        pixels=chosen,
        spread=(square - mean.square()).clamp(min=0).sqrt().to(images.dtype),
        images=kept,
        about=about,
    )
