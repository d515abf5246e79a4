"""The value of a setting that serves best, noise level by noise level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import torch
from einops import reduce
from torch import Tensor

from locality.bank import ImageBank
from locality.calibration.kept import Kept, bind, check_target, distinct, short
from locality.calibration.steps import Steps
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, Recipe
from locality.live import LIVE
from locality.statistics import GaussianStats

# Errors closer than this are the rounding of float32 estimates, and no reason for a costlier value.
_RELATIVE, _ABSOLUTE = 1e-6, 1e-12


@dataclass(frozen=True)
class Calibration(Kept):
    """What each value of a setting costs at each noise level, and so which one to take.

    `image_errors[s][v][i]` is the squared error, mean over pixels, of one denoising step of image i at
    `sigmas[s]` with the setting at `values[v]`. Chosen is the least mean over images, ties going to the
    earlier value; nothing makes the choices rise or fall with the noise. Raises ValueError for parts that do
    not fit together.
    """

    FORMAT: ClassVar[str] = "locality.calibration/1"
    parameter: str  # the setting
    sigmas: tuple[float, ...]  # S
    values: tuple[float, ...]  # V, the cheapest first
    image_errors: tuple[tuple[tuple[float, ...], ...], ...]  # S x V x I, pixel units squared
    target: str  # NETWORK, CLEAN or SAMPLES
    bank: str  # fingerprint of the training images
    bank_count: int  # how many they are
    seed: int  # of the noise

    def __post_init__(self) -> None:
        distinct("sigmas", self.sigmas)
        if min(self.sigmas) <= 0:
            raise ValueError(f"sigmas: want noise levels above 0, got {min(self.sigmas)}")
        distinct("values", self.values)
        check_target(self.target)
        lengths = {len(row) for level in self.image_errors for row in level}
        shape = (len(self.image_errors), {len(level) for level in self.image_errors})
        if shape != (len(self.sigmas), {len(self.values)}) or len(lengths) != 1 or lengths == {0}:
            want = f"{len(self.sigmas)} x {len(self.values)}"
            raise ValueError(f"image_errors: want {want} lists, all of one length from 1")
        if not bool((self._table.isfinite() & (self._table >= 0)).all()):
            raise ValueError("image_errors: want finite numbers from 0; a denoiser gave NaN or infinity")

    @cached_property
    def _table(self) -> Tensor:  # [S, V, I] float64
        return torch.tensor(self.image_errors, dtype=torch.float64)

    @property
    def errors(self) -> Tensor:  # [S, V] float64
        """The mean squared errors, in pixel units squared."""
        return self._table.mean(-1)

    @property
    def setting(self) -> str:
        """The setting that was calibrated."""
        return self.parameter

    @property
    def count(self) -> int:
        """How many images were denoised."""
        return self._table.shape[-1]

    @property
    def choices(self) -> Tensor:  # [S] int64, places in `values`
        """The first value that is as good as the best, at each noise level."""
        least = self.errors.amin(1, keepdim=True)
        return (self.errors <= least * (1 + _RELATIVE) + _ABSOLUTE).int().argmax(1)

    @property
    def chosen(self) -> tuple[float, ...]:  # S
        """The value to take at each noise level."""
        return tuple(self.values[v] for v in self.choices.tolist())

    def mapping(self) -> dict[float, float]:
        """{sigma: value}: what denoisers take for the setting."""
        return dict(zip(self.sigmas, self.chosen, strict=True))

    def told(self) -> dict[str, Any]:
        """What was chosen, the mean errors, and how many images."""
        return {"chosen": self.chosen, "errors": self.errors.tolist(), "images": self.count}


def calibrate(
    fit: Fit,
    bank: ImageBank,
    images: Tensor | int,  # [I, C, H, W] uint8 or float, not to evaluate on; or how many samples
    sigmas: Sequence[float] | Tensor,  # [S] noise levels
    values: Sequence[float] | Tensor,  # candidates for the setting
    *,
    target: Denoiser | None = None,  # whose estimates to come close to; None: the clean images
    parameter: str = "patch_size",  # the setting, an argument of `fit`
    seed: int = 0,  # of the noise
    stats: GaussianStats | None = None,  # the bank's, for a `fit` that takes them; None: measured
    batch_size: int = 64,  # images denoised at once; changes no result
) -> Calibration:
    """For each noise level, the value with the least squared error of one step on noised images.

    `argmin_v mean_i |D_v(x_i, sigma) - target(x_i, sigma)|^2`, `x_i = X_i + sigma eps_i`, the same noise for
    all levels and values. With a count for `images`, x_i are instead what the target meets on its own way
    from noise to as many samples. That way has the S steps alone: let them begin where samplers do. Ties go
    to the cheaper value: the smaller one, or the larger where the denoiser declares that. One denoiser is
    alive at a time. The target's estimates, as many floats as S times the images, are kept meanwhile, and as
    many of what it met on its way. Raises ValueError for arguments that do not fit, and for estimates that
    are not finite.
    """
    levels = torch.as_tensor(sigmas, dtype=torch.float64).tolist()
    candidates = [value.item() if hasattr(value, "item") else value for value in values]  # numpy's, torch's
    grid = Recipe.of(fit).grids.get(parameter)
    falling = grid is not None and grid.falling
    ordered = tuple(sorted(distinct("values", candidates), reverse=falling))
    steps = Steps(bank, images, distinct("sigmas", levels), target, seed, batch_size)
    known = cache(lambda: GaussianStats.from_bank(bank) if stats is None else stats)
    errors = torch.empty(len(levels), len(ordered), steps.count, dtype=torch.float64)
    total = len(levels) * (len(ordered) + (target is not None))
    with torch.no_grad(), LIVE.task(f"calibrating {parameter}", total) as task:
        wanted = steps.wanted(task)
        for v, value in enumerate(ordered):
            denoiser = bind(fit, parameter, value).fit(bank, known)
            for s, sigma in enumerate(levels):
                difference = steps.estimates(denoiser, sigma, task).double() - wanted[s]
                errors[s, v] = reduce(difference.square(), "i c h w -> i", "mean")
    table = short(errors.tolist())
    return Calibration(
        parameter, tuple(levels), ordered, table, steps.against, bank.fingerprint, len(bank), seed
    )
