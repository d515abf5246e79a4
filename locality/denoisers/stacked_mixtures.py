"""Stacked mixtures: this project's best denoiser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from locality.bank import ImageBank
from locality.counts import is_count
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.grids import WINDOWS
from locality.denoisers.local_mixture import LocalMixture
from locality.denoisers.optimal import Optimal
from locality.denoisers.stacked import Shares, ShareTable, Stacked
from locality.denoisers.windows import cut

SIDES: Final = tuple(map(int, WINDOWS.values))  # pixels; columns of SHARES
OPTIMAL: Final = "optimal"
# Where nothing was calibrated: at some noise levels, of the windows above and of the optimal denoiser. These
# are the means of what compare=calibrate found against the networks that ship, on CIFAR-10, cats and
# photographs.
SHARES: Final = {
    0.34: (0.17, 0.18, 0.36, 0.18, 0.04, 0.06, 0.01),
    0.72: (0.04, 0.03, 0.36, 0.3, 0.06, 0.19, 0.02),
    1.2: (0.02, 0.0, 0.15, 0.35, 0.13, 0.31, 0.04),
    2.0: (0.0, 0.0, 0.05, 0.2, 0.21, 0.49, 0.05),
    3.4: (0.01, 0.0, 0.0, 0.06, 0.21, 0.64, 0.08),
    6.2: (0.0, 0.0, 0.0, 0.01, 0.1, 0.71, 0.18),
    12.0: (0.0, 0.0, 0.02, 0.0, 0.02, 0.45, 0.51),
    26.0: (0.03, 0.0, 0.02, 0.0, 0.01, 0.3, 0.64),
}


def stacked_mixtures(
    bank: ImageBank,
    windows: Sequence[int] = SIDES,  # pixels; larger ones than the image are the image
    shares: ShareTable | None = None,  # of window_<pixels> and optimal; None: SHARES
    components: int | None = None,  # parts of a mixture; None, here and below: see `LocalMixture.fit`
    places: int | None = None,  # mixtures along each side of the image, at most
    rank: int = 192,  # leading principal components of a window that are mixed; the rest is Wiener
    pseudo_count: float = 30.0,  # windows' worth of the common covariance in that of each part
    most: int | None = None,  # windows that a mixture is fitted to, at random if there are more
    seed: int = 0,  # of where the fits start
    cache: str | Path | None = None,  # a folder for fitted mixtures, which take seconds to minutes
    chunk_size: int | None = None,  # training images read at once; changes no result
    memory_budget: int = MEMORY_BUDGET,  # bytes above the bank and the mixtures
) -> Stacked:
    """Local mixtures of several window sizes and the optimal denoiser, stacked (this project).

    Small windows are seen often, and know edges; large ones know shapes; the images themselves know what a
    few dozen Gaussians leave out. How much each is worth depends on the noise: see `Stacked`, and
    `compare=calibrate`. Members are named `optimal` and `window_<pixels>`, of windows cut to the image;
    shares may name larger ones. In SHARES a window stands for the one of `windows` that is nearest in size.
    """
    if not isinstance(bank, ImageBank):
        raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
    sides = sorted({cut(side, bank.image_shape) for side in _checked(windows)})
    names = [*(f"window_{side}" for side in sides), OPTIMAL]
    if shares is None:
        shares = {sigma: _usual(row, sides, bank) for sigma, row in SHARES.items()}
    elif isinstance(shares, Mapping):
        shares = {sigma: _cut(row, bank) for sigma, row in shares.items()}
    Shares(names, shares)  # before minutes of fitting
    average = Optimal.fit(bank, chunk_size, memory_budget)
    mixtures = {
        f"window_{side}": LocalMixture.fit(
            bank, side, components, places, rank, pseudo_count, most, seed, cache, memory_budget
        )
        for side in sides
    }
    return Stacked({**mixtures, OPTIMAL: average}, shares)


def _checked(windows: Sequence[int]) -> list[int]:
    good = isinstance(windows, Sequence) and not isinstance(windows, str) and len(windows) > 0
    if not good or not all(map(is_count, windows)):
        raise ValueError(f"windows: want whole numbers of pixels from 1, at least one, got {windows!r}")
    return [int(side) for side in windows]


def _usual(row: Sequence[float], sides: Sequence[int], bank: ImageBank) -> dict[str, float]:
    """Shares of the usual windows as those of other ones."""
    *given, optimal = row
    shares = {OPTIMAL: optimal}
    for usual, share in zip(SIDES, given, strict=True):
        size = cut(usual, bank.image_shape)
        nearest = min(sides, key=lambda side: abs(math.log(side / size)))
        shares[f"window_{nearest}"] = shares.get(f"window_{nearest}", 0.0) + share
    return shares


def _cut(row: Mapping[str, float], bank: ImageBank) -> Mapping[str, float]:
    """Shares by the members' names: windows that the image cuts to one size are one member."""
    if not isinstance(row, Mapping):
        return row
    shares: dict[str, float] = {}
    for name, share in row.items():
        side = str(name).removeprefix("window_")
        member = f"window_{cut(int(side), bank.image_shape)}" if side.isdecimal() else name
        shares[member] = shares.get(member, 0.0) + share
    return shares
