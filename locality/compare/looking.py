"""Errors and entropies against how far a denoiser looks, for banks that lie inside one another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from einops import reduce
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.base import Denoiser
from locality.denoisers.looks import Looking, Looks
from locality.information import united
from locality.noise import generator
from locality.posterior.engine import Posterior

FAR = 1.1  # times the least error: from there on nothing is tried further out
CLEAN_TARGET = "clean"  # the target that is no network
SURE = math.log(2)  # nats: fewer than two images explain the output


@dataclass(frozen=True)
class Level:
    """What each setting gave at one noise level, for each bank and image."""

    sigma: float
    values: tuple[float, ...]  # V, from what sees least to what sees most
    entropy: Tensor  # [V, N, I] float64, nats, mean over the outputs that count
    sure: Tensor  # [V, N, I] float64, the share of these outputs with less than SURE
    errors: dict[str, Tensor]  # of whom -> [V, N, I] float64, pixel units squared, mean over all outputs


@dataclass(frozen=True)
class Noised:
    """The images, and what estimates of them should come close to."""

    clean: Tensor  # [I, C, H, W]
    noise: Tensor  # [I, C, H, W] standard normal, the same at all levels
    networks: Mapping[str, Denoiser] = field(default_factory=dict)  # by name, none of it CLEAN_TARGET

    def targets(self, sigma: float) -> dict[str, Tensor]:  # of whom -> [I, C, H, W]
        """The clean images, and the estimates of each network."""
        parts = (self.clean + sigma * self.noise).split(32)
        estimates = {
            name: torch.cat([network(part, sigma) for part in parts])
            for name, network in self.networks.items()
        }
        return {CLEAN_TARGET: self.clean, **estimates}


def nested(
    bank: ImageBank,
    counts: Sequence[int],  # ascending
    seed: int,
) -> list[ImageBank]:
    """Banks that share no image: the first k of them together are a random subset of counts[k] images."""
    order = torch.randperm(len(bank), generator=generator(seed, "information"))
    ends = zip([0, *counts[:-1]], counts, strict=True)
    return [bank.subset(order[start:end].sort().values) for start, end in ends]


@torch.no_grad()
def swept(
    looks: Looks,
    parts: Sequence[ImageBank],  # N, as of `nested`
    vary: Tensor,  # [n] bool: outputs that are not constant
    images: Noised,
    sigma: float,
    values: Sequence[float],  # that may be tried, from what sees least to what sees most
    start: float,  # the one to begin with
    trying: Callable[[float], None],  # told of each value
) -> Level:
    """Tries values from one on in both directions, until errors have risen above FAR of the least for all."""
    x, targets = images.clean + sigma * images.noise, images.targets(sigma)
    found: dict[int, dict[str, Tensor]] = {}  # place in values -> of whom, or "entropy" or "sure" -> [N, I]

    def add(place: int) -> None:
        trying(values[place])
        found[place] = _measured(looks, parts, vary, x, sigma, values[place], targets)

    def far(place: int) -> bool:
        means = {v: torch.stack([one[name].mean(1) for name in targets]) for v, one in found.items()}
        return bool((means[place] > FAR * torch.stack(list(means.values())).amin(0)).all())

    first = min(range(len(values)), key=lambda v: abs(looks.place(values[v]) - looks.place(start)))
    add(first)
    while True:
        low, high = min(found), max(found)
        if high + 1 < len(values) and not far(high):
            add(high + 1)
        elif low > 0 and not far(low):
            add(low - 1)
        else:
            break
    order = sorted(found)
    tables = {name: torch.stack([found[v][name] for v in order]).cpu() for name in found[first]}
    entropy, sure = tables.pop("entropy"), tables.pop("sure")
    return Level(sigma, tuple(values[v] for v in order), entropy, sure, tables)


def _measured(
    looks: Looks,
    parts: Sequence[ImageBank],
    vary: Tensor,
    x: Tensor,  # [I, C, H, W]
    sigma: float,
    value: float,
    targets: dict[str, Tensor],
) -> dict[str, Tensor]:  # [N, I] each
    rows = looks.rows(sigma, value).to(x.device)
    counted = looks.whole(rows) & vary
    counted = counted if bool(counted.any()) else looks.whole(rows)
    columns: dict[str, list[Tensor]] = {name: [] for name in ("entropy", "sure", *targets)}
    whole: list[Posterior] = []
    for part in parts:
        whole = [united([*whole, Looking(part, rows).posterior(x, sigma)])]
        entropy = whole[0].entropy.flatten(1)[:, counted]
        columns["entropy"].append(entropy.mean(1))
        columns["sure"].append((entropy < SURE).double().mean(1))
        for name, target in targets.items():
            difference = whole[0].mean.double() - target
            columns[name].append(reduce(difference.square(), "i c h w -> i", "mean"))
    return {name: torch.stack(column) for name, column in columns.items()}
