"""The paper's claim: a pattern shows in a network's fields just where its signal to noise says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.compare.drawing import time_of
from locality.compare.strengths import (
    WIENER,
    Contrast,
    Strength,
    controls_of,
    maps_of,
    of_images,
    pooled,
)
from locality.data import ImageDataModule
from locality.sensitivity import SensitivityField, contrast

BETWEEN_SEEDS = 1.2  # a ratio of contrasts: more than two controls were seen to differ by (docs/results)
EXCESS = 1.05  # over the control, from which on Wiener, whose fields have no error, counts as above it


@dataclass(frozen=True)
class Claim:
    """The paper's claim at one strength: the contrast is above the control just where SNR_W says so."""

    times: Sequence[int]  # S time-steps
    ratio: Contrast  # the network's contrast over the control's, on the same images and noise
    above: Tensor  # [S] bool: above the control's interval, and so is the ratio's above 1
    expected: Tensor  # [S] bool: SNR_W above the threshold
    own: Tensor  # [S] bool: the same for what the pattern adds to SNR_W
    wiener: Tensor  # [S] Wiener's contrast over its own control's
    seeds: int  # the fewer of the networks' and the controls'

    def verdict(self) -> str:
        """What became of the claim, in a sentence."""
        missing, early = self.expected & ~self.above, self.above & ~self.expected
        parts = counted(*(flags.tolist() for flags in (self.above, self.expected, self.own)))
        if missing.any():
            parts.append(
                f"not above the control at t = {self._named(missing)}, where SNR_W says it should be"
            )
        if early.any():
            parts.append(
                f"above the control already at t = {self._named(early)}, where SNR_W is below the threshold"
            )
        if (early & (self.wiener >= EXCESS)).any():
            parts.append(f"so is Wiener's own at t = {self._named(early & (self.wiener >= EXCESS))}")
        if self.seeds == 1:
            told = "differences between seeds are not in the intervals"
            parts.append(f"one seed: {told}, and ratios below {BETWEEN_SEEDS:g} do not count")
        return "; ".join(parts)

    def _named(self, where: Tensor) -> str:
        return ", ".join(f"{t}" for t, flag in zip(self.times, where, strict=True) if flag)


def counted(above: Sequence[bool], expected: Sequence[bool], own: Sequence[bool]) -> list[str]:
    """At how many noise levels networks are above the control: of those where SNR_W says so, and of others.

    >>> counted([True, False, True], [True, True, False], [True, True, False])
    ['above the control at 1 of 2 noise levels where SNR_W says so, and at 1 of 1 others']
    """
    told = f"above the control at {_of(above, expected)} noise levels where SNR_W says so"
    parts = [f"{told}{_others(above, expected)}"]
    if list(own) != list(expected):
        alone = f"above it at {_of(above, own)}{_others(above, own)}"
        parts.append(f"{alone}, if SNR_W counts the pattern alone, without what the control has")
    return parts


def _of(above: Sequence[bool], where: Sequence[bool]) -> str:
    return f"{sum(a and b for a, b in zip(above, where, strict=True))} of {sum(where)}"


def _others(above: Sequence[bool], where: Sequence[bool]) -> str:
    others = [not flag for flag in where]
    return f", and at {_of(above, others)} others" if any(others) else ""


def least_ratio(seeds: int) -> float:
    """From where on a ratio of contrasts counts. One seed's interval lacks what seeds differ by.

    >>> least_ratio(1), least_ratio(2)
    (1.2, 1.0)
    """
    return BETWEEN_SEEDS if seeds == 1 else 1.0


def claim_of(one: Strength, control: Strength, reach: float, threshold: float) -> Claim:
    """The claim, judged on paired images: those of one seed with those of the control's same seed, if any."""
    pairs = controls_of(one, control).items()
    ratio = pooled([_ratio(one.fields[a], control.fields[b], one.data, reach) for a, b in pairs])
    wiener = one.contrasts[WIENER].mean / control.contrasts[WIENER].mean
    seeds = min(len(one.networks), len(control.networks))
    above = (one.network.mean > control.network.high) & (ratio.low > 1)
    above &= ratio.mean > least_ratio(seeds)
    times = [time_of(sigma) for sigma in one.fields[WIENER].sigmas]
    expected, own = one.snr > threshold, one.snr - control.snr > threshold
    return Claim(times, ratio, above, expected, own, wiener, seeds)


def _ratio(
    field: SensitivityField, control: SensitivityField, data: ImageDataModule, reach: float
) -> Contrast:
    assert data.pattern is not None, "a sweep is over the strength of a pattern"
    mask = data.pattern.mask(*data.image_shape[1:])

    def statistic(maps: Tensor) -> Tensor:  # [..., 2, P, H, W] -> [...]
        ours, theirs = contrast(maps, field.pixels, mask, reach).mean(-1).unbind(-1)
        return ours / theirs

    return of_images(torch.stack([maps_of(field), maps_of(control)], dim=2), statistic, field.groups)
