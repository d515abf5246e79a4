"""The local mixture: Wiener filters of windows, mixed (this project)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Integral
from pathlib import Path
from types import EllipsisType
from typing import ClassVar, Final

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank, some, to_float
from locality.denoisers.bank_denoiser import MEMORY_BUDGET, is_count
from locality.denoisers.base import Denoiser
from locality.denoisers.grids import WINDOWS
from locality.denoisers.options import real
from locality.denoisers.windows import Corner, corners, cut, sides_of, window_size, windows
from locality.full_precision import FullPrecision
from locality.live import LIVE
from locality.mixture import Mixture, fit_mixture, stacked
from locality.statistics_cache import kept

WINDOW: Final = {0.5: 8, 0.9: 12, 1.3: 20, 2.0: 64}
_FORMAT = "locality.mixture/2"
_TELLING, _LAYOUT = 2000, 0.02  # images that tell; the mean's variance over pixels, of that of each pixel
_FOCUS = 16  # power of the expected error; from here on, more changes little
MANY = 300_000  # windows that one mixture for all places is fitted to more parts from
_TEMPORARIES = 8  # of K x m numbers for each image, at most


class LocalMixture(FullPrecision, Denoiser):
    """Wiener filters of windows, mixed by how likely each is (this project; cf. Zoran & Weiss 2011).

    The training images' windows at a place are fitted by a mixture of K Gaussians. The estimate of a window
    is its posterior mean under that mixture: a Wiener filter for each part, weighed by the chance that the
    window is of that part. The estimate of a pixel is a mean over the windows that hold it. A window counts
    by the error that its one Gaussian, of all its vectors, expects at the pixel, to the power -16: a window
    sees more around its middle than around its edge.

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
        components: int | None = None,  # parts of a mixture; None: 64; 128 of MANY windows of all places
        places: int | None = None,  # mixtures along each side of the image, at most; None: see `usual_places`
        rank: int = 192,  # leading principal components of a window that are mixed; the rest is Wiener
        pseudo_count: float = 30.0,  # windows' worth of the common covariance in that of each part
        most: int | None = None,  # windows it is fitted to, at random; None: 60,000, or 200,000 of MANY
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
        """The mean over windows of their posterior means."""
        levels, which = sigma.detach().unique(return_inverse=True)
        sides = torch.tensor([self._side(level) for level in levels.tolist()], device=x.device)[which]
        out = torch.zeros_like(x)
        for side in sides.unique().tolist():
            means = self.get_buffer(f"means_{side}")
            each = _TEMPORARIES * means[0].numel() * means.element_size()
            together = max(1, self.memory_budget // each)
            for alike in (sides == side).nonzero()[:, 0].split(together):
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
        scores = [self._score(mixture, sigma, place, size) for place in range(len(mixture.weights))]
        best = torch.full_like(x, -math.inf, dtype=scores[0].dtype)  # of the windows that hold a pixel
        total, held = torch.zeros_like(x), torch.zeros_like(x)
        regions = [_region(corner, size) for _, corner in windows]
        for (place, _), region in zip(windows, regions, strict=True):
            best[region] = torch.maximum(best[region], scores[place].detach())
        for (place, _), region in zip(windows, regions, strict=True):
            flat = rearrange(x[region], "b c h w -> b (c h w)")
            mean = mixture.posterior_mean(flat, sigma, place).reshape(x[region].shape)
            weight = (scores[place] - best[region]).exp().to(x.dtype)
            total[region] = total[region] + weight * mean
            held[region] = held[region] + weight
        return total / held

    def _score(self, mixture: Mixture, sigma: Tensor, place: int, size: tuple[int, int]) -> Tensor:
        """Logarithms of the weights of a window's pixels, [B, C, height, width]."""
        assert self.image_shape is not None
        error = mixture.expected_error(sigma, place)
        return -_FOCUS * error.log().reshape(len(sigma), self.image_shape[0], *size)


def _region(corner: Corner, size: tuple[int, int]) -> tuple[EllipsisType | slice, ...]:
    return (..., *(slice(start, start + length) for start, length in zip(corner, size, strict=True)))


@dataclass(frozen=True)
class Settings:
    """How mixtures are fitted; None: as usual. Raises ValueError for settings that do not fit."""

    components: int | None
    places: int
    rank: int
    pseudo_count: float
    most: int | None
    seed: int

    def __post_init__(self) -> None:
        for name in ("components", "places", "rank", "most"):
            if name in ("components", "most") and getattr(self, name) is None:
                continue
            if not is_count(getattr(self, name)):
                raise ValueError(f"{name}: want a whole number from 1, got {getattr(self, name)!r}")
            object.__setattr__(self, name, int(getattr(self, name)))  # numpy's, too: JSON knows no others
        count = real("pseudo_count", self.pseudo_count, lambda c: 0 <= c < float("inf"), "a number from 0")
        object.__setattr__(self, "pseudo_count", count)
        good = isinstance(self.seed, Integral) and not isinstance(self.seed, bool)
        if not good or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed: want a whole number from 0 to 2^63 - 1, got {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))

    def mixture(self, bank: ImageBank, side: int, cache: str | Path | None) -> Mixture:
        """The mixtures of a window size, read from the cache if it has them."""
        return self.usual(bank, side)._mixture(bank, side, cache)

    def usual(self, bank: ImageBank, side: int) -> Settings:
        """With numbers for what is None: more parts where all places share one mixture of many windows."""
        windows = corners(window_size(side, bank.image_shape), bank.image_shape, self.places)
        many = self.places == 1 and len(bank) * len(windows) >= MANY
        components = (128 if many else 64) if self.components is None else self.components
        most = (200_000 if many else 60_000) if self.most is None else self.most
        return replace(self, components=components, most=most)

    def _mixture(self, bank: ImageBank, side: int, cache: str | Path | None) -> Mixture:
        if cache is None:
            return self.fitted(bank, side)
        text = json.dumps([bank.fingerprint, window_size(side, bank.image_shape), asdict(self)])
        name = f"mixture-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}.safetensors"
        keep = partial(kept, Path(cache).expanduser() / name, {"format": _FORMAT, "recipe": text})
        tensors, _ = bank.shard.once(keep, lambda: (self.fitted(bank, side)._asdict(), {}))
        return Mixture(**tensors)

    def fitted(self, bank: ImageBank, side: int) -> Mixture:
        """The mixtures of a window size, each of all windows at its place."""
        task = LIVE.task(f"mixtures of windows of {side} pixels")
        with torch.inference_mode(False), torch.no_grad(), task:
            return self._fitted(bank, side)

    def _fitted(self, bank: ImageBank, side: int) -> Mixture:
        assert self.components is not None
        assert self.most is not None
        height, width = window_size(side, bank.image_shape)
        generator = torch.Generator().manual_seed(self.seed)
        groups: dict[int, list[Corner]] = {}
        for place, corner in corners((height, width), bank.image_shape, self.places):
            groups.setdefault(place, []).append(corner)
        mixtures = []
        for group in groups.values():
            count = min(len(bank), -(-self.most // len(group)))
            parts = []
            for top, left in group:
                which = torch.randperm(len(bank), generator=generator)[:count]
                images = bank.taken(slice(None) if count == len(bank) else which)
                region = images[:, :, top : top + height, left : left + width]
                parts.append(rearrange(to_float(region, torch.float32).cpu(), "i c h w -> i (c h w)"))
            mixtures.append(
                fit_mixture(torch.cat(parts), self.components, self.rank, self.pseudo_count, generator)
            )
        return stacked(mixtures)


def usual_places(bank: ImageBank) -> int:
    """8 for images with a layout, whose mean varies from pixel to pixel as faces' does; 1 for mere crops."""
    images = some(bank, _TELLING)
    layout = images.mean(0).var((-2, -1), correction=0).mean()
    return 8 if bool(layout > _LAYOUT * images.var(0, correction=0).mean()) else 1
