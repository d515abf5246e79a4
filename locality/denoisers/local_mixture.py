"""The local mixture: Wiener filters of windows, mixed (this project)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank
from locality.counts import is_count
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import Denoiser
from locality.denoisers.grids import WINDOWS
from locality.denoisers.mixture_settings import Settings, usual_places
from locality.denoisers.windows import (
    Corner,
    by_place,
    corners,
    cut,
    region,
    sides_of,
    window_size,
    windows,
)
from locality.full_precision import FullPrecision
from locality.mixture import Mixture

WINDOW: Final = {0.5: 8, 0.9: 12, 1.3: 20, 2.0: 64}
_FOCUS = 16  # power of the expected error; from here on, more changes little
_ROWS = 128  # windows weighed at once, of few images: they share what is read of a mixture
_TEMPORARIES = 8  # of K x m numbers for each window, at most


class LocalMixture(FullPrecision, Denoiser):
    """Wiener filters of windows, mixed by how likely each is (this project; cf. Zoran & Weiss 2011).

    The training images' windows at a place are fitted by a mixture of K Gaussians. The estimate of a window
    is its posterior mean under that mixture: a Wiener filter for each part, weighed by the chance that the
    window is of that part. The estimate of a pixel is a mean over the windows that hold it. A window counts
    by the error that a Wiener filter of its place expects at the pixel (`Mixture.expected_error`), to the
    power -16: a window sees more around its middle than around its edge.

    One part and a window as large as the image make it `Wiener`. Locality comes from the covariances of the
    parts, and from windows that are smaller where there is less noise. It reads no training image: a call
    costs a product for each part of each window.

    Raises ValueError for a window below 1 and for counts that are no whole numbers from 1.
    """

    CALIBRATED: ClassVar = {"window": WINDOWS}

    def __init__(
        self,
        mixtures: Mapping[int, Mixture],  # by the window's side: one for each of its places
        image_shape: torch.Size,  # (C, H, W)
        places: int,  # along each side of the image, at most
        window: int | Mapping[float, int] = WINDOW,  # pixels; or one for each of some noise levels
        bank_count: int | None = None,  # images that they were fitted to, for tables
        memory_budget: int = MEMORY_BUDGET,  # bytes above the mixtures
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.places, self.bank_count, self.memory_budget = places, bank_count, memory_budget
        self.window = windows(window)
        missing = sorted(sides_of(self.window, self.image_shape) - mixtures.keys())
        if missing:
            raise ValueError(f"mixtures: want some for windows of {missing} pixels, got {sorted(mixtures)}")
        for side, mixture in mixtures.items():
            for name, tensor in zip(Mixture._fields, mixture, strict=True):
                self.register_buffer(f"{name}_{side}", tensor.contiguous())

    @classmethod
    def fit(
        cls,
        bank: ImageBank,
        window: int | Mapping[float, int] = WINDOW,  # pixels; larger ones than the image are the image
        components: int | None = None,  # parts of a mixture; None: 64; or 128, see `Settings.usual`
        places: int | None = None,  # mixtures along each side of the image, at most; None: see `usual_places`
        rank: int = 192,  # leading principal components of a window that are mixed; the rest is Wiener
        pseudo_count: float = 30.0,  # windows' worth of the common covariance in that of each part
        most: int | None = None,  # windows it is fitted to, at random; None: 60,000, or 200,000
        seed: int = 0,  # of where the fit starts
        cache: str | Path | None = None,  # a folder for fitted mixtures, which take seconds to minutes
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank and the mixtures
    ) -> LocalMixture:
        """The mixtures of all window sizes that `window` names."""
        if not isinstance(bank, ImageBank):
            raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
        if not is_count(memory_budget):
            raise ValueError(f"memory_budget: want a whole number of bytes, got {memory_budget!r}")
        places = usual_places(bank) if places is None else places
        settings = Settings(components, places, rank, pseudo_count, most, seed)
        sides = sides_of(windows(window), bank.image_shape)
        mixtures = {side: settings.mixture(bank, side, cache) for side in sorted(sides)}
        denoiser = cls(mixtures, bank.image_shape, places, window, len(bank), memory_budget)
        return denoiser.to(bank.images.device)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The weighed mean over windows of their posterior means."""
        levels, which = sigma.detach().unique(return_inverse=True)
        sides = torch.tensor([self._side(level) for level in levels.tolist()], device=x.device)[which]
        out = torch.zeros_like(x)
        for side in sides.unique().tolist():
            for alike in (sides == side).nonzero()[:, 0].split(self._together(side)):
                out = out.index_put((alike,), self._mixed(x[alike], sigma[alike], side))
        return out

    def parts(
        self,
        sigma: float,  # the noise level
    ) -> tuple[tuple[int, int], list[tuple[int, Corner]], Mixture]:
        """At a noise level: the windows' size, the windows as (place, top left pixel), and their mixtures."""
        return self._parts(self._side(sigma))

    def _side(self, sigma: float) -> int:
        assert self.image_shape is not None
        return cut(self.window.at(sigma), self.image_shape)

    def _parts(self, side: int) -> tuple[tuple[int, int], list[tuple[int, Corner]], Mixture]:
        assert self.image_shape is not None
        size = window_size(side, self.image_shape)
        mixture = Mixture(*(self.get_buffer(f"{name}_{side}") for name in Mixture._fields))
        return size, corners(size, self.image_shape, self.places), mixture

    def _mixed(self, x: Tensor, sigma: Tensor, side: int) -> Tensor:
        """The weighed mean of the windows' estimates."""
        size, windows, mixture = self._parts(side)
        if len(windows) == 1:  # the whole image
            return mixture.posterior_mean(rearrange(x, "b c h w -> b (c h w)"), sigma).reshape(x.shape)
        scores = [self._score(mixture, sigma, place, size) for place in range(len(mixture.weights))]
        best = torch.full_like(x, -math.inf, dtype=scores[0].dtype)  # of the windows that hold a pixel
        alike = {place: [region(one, size) for one in of_it] for place, of_it in by_place(windows).items()}
        for place, regions in alike.items():
            for where in regions:
                best[where] = torch.maximum(best[where], scores[place].detach())
        total, held = torch.zeros_like(x), torch.zeros_like(x)
        together = max(1, min(_ROWS, self._together(side)) // len(x))
        for place, regions in alike.items():
            for first in range(0, len(regions), together):
                some = regions[first : first + together]
                flat = torch.cat([rearrange(x[where], "b c h w -> b (c h w)") for where in some])
                means = mixture.posterior_mean(flat, sigma.repeat(len(some)), place)
                for where, mean in zip(some, means.split(len(x)), strict=True):
                    weight = (scores[place] - best[where]).exp().to(x.dtype)
                    total[where] = total[where] + weight * mean.reshape(x[where].shape)
                    held[where] = held[where] + weight
        return total / held

    def _together(self, side: int) -> int:
        """Images whose scores, and windows whose parts, the memory budget holds at once."""
        means, mean = self.get_buffer(f"means_{side}"), self.get_buffer(f"mean_{side}")
        each = _TEMPORARIES * means[0].numel() + mean.numel()
        return max(1, self.memory_budget // (each * means.element_size()))

    def _score(self, mixture: Mixture, sigma: Tensor, place: int, size: tuple[int, int]) -> Tensor:
        """Logarithms of the weights of a window's pixels, [B, C, height, width]."""
        assert self.image_shape is not None
        error = mixture.expected_error(sigma, place)
        return -_FOCUS * error.log().reshape(len(sigma), self.image_shape[0], *size)
