"""How the mixtures of windows are fitted, and where they are kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from einops import rearrange

from locality.bank import ImageBank, some, to_float
from locality.counts import is_count, is_whole
from locality.denoisers.options import real
from locality.denoisers.windows import by_place, corners, region, window_size
from locality.live import LIVE
from locality.mixture import Mixture, fit_mixture, stacked
from locality.statistics_cache import kept_tensors

_FORMAT = "locality.mixture/2"
_TELLING, _LAYOUT = 2000, 0.02  # images that tell; the mean's variance over pixels, of that of each pixel
MANY = 300_000  # windows that one mixture for all places is fitted to more parts from


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
            given = getattr(self, name)
            if given is None and name in ("components", "most"):
                continue
            if not is_count(given):
                raise ValueError(f"{name}: want a whole number from 1, got {given!r}")
            object.__setattr__(self, name, int(given))  # numpy's, too: JSON knows no others
        count = real("pseudo_count", self.pseudo_count, lambda c: 0 <= c < float("inf"), "a number from 0")
        object.__setattr__(self, "pseudo_count", count)
        if not is_whole(self.seed, 0) or self.seed >= 2**63:
            raise ValueError(f"seed: want a whole number from 0 to 2^63 - 1, got {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))

    def mixture(self, bank: ImageBank, side: int, cache: str | Path | None) -> Mixture:
        """The mixtures of a window size, read from the cache if it has them."""
        own = self.usual(bank, side)
        if cache is None:
            return own.fitted(bank, side)
        text = json.dumps([bank.fingerprint, window_size(side, bank.image_shape), asdict(own)])
        name = f"mixture-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}.safetensors"
        keep = partial(kept_tensors, Path(cache).expanduser() / name, {"format": _FORMAT, "recipe": text})
        tensors, _ = bank.shard.once(keep, lambda: (own.fitted(bank, side)._asdict(), {}))
        return Mixture(**tensors)

    def usual(self, bank: ImageBank, side: int) -> Settings:
        """With numbers for what is None: more parts where all places share one mixture of many windows."""
        windows = corners(window_size(side, bank.image_shape), bank.image_shape, self.places)
        many = self.places == 1 and len(bank) * len(windows) >= MANY
        components = (128 if many else 64) if self.components is None else self.components
        most = (200_000 if many else 60_000) if self.most is None else self.most
        return replace(self, components=components, most=most)

    def fitted(self, bank: ImageBank, side: int) -> Mixture:
        """The mixtures of a window size, each of all windows at its place. No setting may be None."""
        task = LIVE.task(f"mixtures of windows of {side} pixels")
        with torch.inference_mode(False), torch.no_grad(), task:
            return self._fitted(bank, side)

    def _fitted(self, bank: ImageBank, side: int) -> Mixture:
        assert self.components is not None
        assert self.most is not None
        size = window_size(side, bank.image_shape)
        generator = torch.Generator().manual_seed(self.seed)
        mixtures = []
        for group in by_place(corners(size, bank.image_shape, self.places)).values():
            count = min(len(bank), -(-self.most // len(group)))
            parts = []
            for corner in group:
                which = torch.randperm(len(bank), generator=generator)[:count]
                images = bank.taken(slice(None) if count == len(bank) else which)
                own = to_float(images[region(corner, size)], torch.float32).cpu()
                parts.append(rearrange(own, "i c h w -> i (c h w)"))
            mixtures.append(
                fit_mixture(torch.cat(parts), self.components, self.rank, self.pseudo_count, generator)
            )
        return stacked(mixtures)


def usual_places(bank: ImageBank) -> int:
    """8 for images with a layout, whose mean varies from pixel to pixel as faces' does; 1 for mere crops."""
    images = some(bank, _TELLING)
    layout = images.mean(0).var((-2, -1), correction=0).mean()
    return 8 if bool(layout > _LAYOUT * images.var(0, correction=0).mean()) else 1
