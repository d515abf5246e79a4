"""What is found at one strength of a hidden pattern: fields, and their contrast with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.checkpoints.trained import Trained
from locality.data import ImageDataModule
from locality.denoisers import Wiener
from locality.metrics import Groups, field_interval
from locality.report import Series
from locality.sensitivity import SensitivityField, contrast

WIENER = "wiener"


@dataclass(frozen=True)
class Contrast:
    """The contrast at each noise level, with its 95 % bootstrap interval over images."""

    mean: Tensor  # [S]
    low: Tensor  # [S]
    high: Tensor  # [S]
    spread: Tensor | None = None  # [S] standard deviation over seeds, where there are several

    def series(self, beside: str | None = None) -> Series:
        """The line of a chart. One that stands beside another has no band."""
        if beside:
            return Series(self.mean.tolist(), beside=beside)
        return Series(self.mean.tolist(), self.low.tolist(), self.high.tolist())


@dataclass(frozen=True)
class Strength:
    """What was found at one strength of the pattern."""

    gamma: float
    networks: Mapping[str, Trained]  # by seed
    data: ImageDataModule
    snr: Tensor  # [S]
    fields: Mapping[str, SensitivityField]  # by seed, and of Wiener
    contrasts: Mapping[str, Contrast]  # the same
    network: Contrast  # of all seeds together
    wiener: Wiener  # of these images


def controls_of(one: Strength, control: Strength) -> dict[str, str]:
    """By the seed of a network: that of its control. It is the same seed, if there is one."""
    return {seed: seed if seed in control.networks else next(iter(control.networks)) for seed in one.networks}


def contrast_of(
    field: SensitivityField,
    mask: Tensor,  # [H, W]
    reach: float,  # pixels
) -> Contrast:
    """The contrast of the mean field at each noise level, averaged over the probed pixels."""

    def statistic(maps: Tensor) -> Tensor:  # [..., P, H, W] -> [...]
        return contrast(maps, field.pixels, mask, reach).mean(-1)

    return of_images(maps_of(field), statistic, field.groups)


def maps_of(field: SensitivityField) -> Tensor:  # [N, S, P, H, W] float64
    """The maps of single images."""
    assert field.images is not None, "a FieldModule keeps the maps of single images"
    return field.images.double()


def of_images(
    maps: Tensor,  # [N, S, ...] of single images
    statistic: Callable[[Tensor], Tensor],  # of mean maps, with any dimensions in front
    groups: Groups = None,  # [N] of the images, where some were cut from one picture
) -> Contrast:
    """A statistic of mean maps, made positive, at each noise level, with its interval over images."""

    def found(mean: Tensor) -> Tensor:
        return statistic(mean.abs())

    ends = [field_interval(level, found, groups=groups) for level in maps.unbind(1)]
    low, high = torch.tensor(ends, dtype=torch.float64).T
    return Contrast(found(maps.mean(0)), low, high)


def pooled(seeds: Sequence[Contrast]) -> Contrast:
    """The mean over seeds; the interval holds that of every seed."""
    means = torch.stack([one.mean for one in seeds])
    low = torch.stack([one.low for one in seeds]).amin(0)
    high = torch.stack([one.high for one in seeds]).amax(0)
    return Contrast(means.mean(0), low, high, means.std(0) if len(seeds) > 1 else None)
