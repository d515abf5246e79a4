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

EXCESS = 1.05  # over the control, from which on Wiener, whose fields have no error, counts as above it


@dataclass(frozen=True)
class Claim:
    """The paper's claim at one strength: the contrast is above the control just where SNR_W says so."""

    times: Sequence[int]  # S time-steps
    ratio: Contrast  # the network's contrast over the control's, on the same images and noise
    above: Tensor  # [S] bool: above the control's interval, the ratio's above 1, and that by more than chance
    expected: Tensor  # [S] bool: SNR_W above the threshold
    own: Tensor  # [S] bool: the same for what the pattern adds to SNR_W
    wiener: Tensor  # [S] Wiener's contrast over its own control's
    seeds: int  # the fewer of the networks' and the controls'
    chance: float = 0.0  # how far the ratio of one seed may be from 1 without a pattern

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
            parts.append("one seed: differences between seeds are not in the intervals")
        if self.chance:
            told = "so far from 1 it is where Wiener's hardly moves"
            parts.append(f"a ratio counts from {1 + self.chance:.2f} on: {told}")
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


def chance_of(ratios: Sequence[float], wiener: Sequence[float]) -> float:
    """How far a network's contrast over its control's is from 1 where a pattern can have no part in it.

    Two networks differ without a pattern, too: in what they have learned of the images. With one seed no
    interval has that. It is seen at the noise levels at which even Wiener's ratio is within 5 % of 1.

    >>> round(chance_of([0.97, 1.02, 1.5], [1.0, 1.04, 2.0]), 2), chance_of([1.5], [2.0])
    (0.03, 0.0)
    """
    both = zip(ratios, wiener, strict=True)
    return max((abs(ratio - 1) for ratio, moved in both if abs(moved - 1) < EXCESS - 1), default=0.0)


def claim_of(one: Strength, control: Strength, reach: float, threshold: float) -> Claim:
    """The claim, judged on paired images: those of one seed with those of the control's same seed, if any."""
    pairs = controls_of(one, control).items()
    ratio = pooled([_ratio(one.fields[a], control.fields[b], one.data, reach) for a, b in pairs])
    wiener = one.contrasts[WIENER].mean / control.contrasts[WIENER].mean
    seeds = min(len(one.networks), len(control.networks))
    chance = chance_of(ratio.mean.tolist(), wiener.tolist()) if seeds == 1 else 0.0
    above = (one.network.mean > control.network.high) & (ratio.low > 1) & (ratio.mean > 1 + chance)
    times = [time_of(sigma) for sigma in one.fields[WIENER].sigmas]
    expected, own = one.snr > threshold, one.snr - control.snr > threshold
    return Claim(times, ratio, above, expected, own, wiener, seeds, chance)


def _ratio(
    field: SensitivityField, control: SensitivityField, data: ImageDataModule, reach: float
) -> Contrast:
    assert data.pattern is not None, "a sweep is over the strength of a pattern"
    mask = data.pattern.mask(*data.image_shape[1:])

    def statistic(maps: Tensor) -> Tensor:  # [..., 2, P, H, W] -> [...]
        ours, theirs = contrast(maps, field.pixels, mask, reach).mean(-1).unbind(-1)
        return ours / theirs

    return of_images(torch.stack([maps_of(field), maps_of(control)], dim=2), statistic)
