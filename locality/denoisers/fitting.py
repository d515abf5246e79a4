"""Fitting any denoiser to a bank, with the statistics measured once for all that want them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from locality.bank import ImageBank
from locality.denoisers.base import Denoiser
from locality.denoisers.grids import Grid
from locality.statistics import GaussianStats, check_shrinkage

D = TypeVar("D", bound=Denoiser)
Fit = Callable[..., Denoiser]  # fit(bank), or fit(bank, stats=...) for those built on the mean and covariance


class ByConstructor:
    """The `fit` of a class whose constructor takes the bank and every setting: the class itself."""

    def __get__(self, instance: object, owner: type[D]) -> type[D]:
        return owner


@dataclass(frozen=True)
class Recipe:
    """A denoiser's `fit` with settings, waiting for a bank. Called with one, it is such a `fit` itself."""

    target: Fit  # `Wiener.fit`, a denoiser's class, or any function of a bank
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, fit: Fit) -> Recipe:
        """The recipe of any `fit`, or of one with settings bound by `functools.partial`."""
        if isinstance(fit, Recipe):
            return fit
        return cls(fit.func, fit.keywords) if isinstance(fit, partial) and not fit.args else cls(fit)

    @cached_property
    def names(self) -> frozenset[str]:
        """What the target can be given. Raises ValueError or TypeError where it does not say."""
        return frozenset(inspect.signature(self.target).parameters)

    @property
    def kind(self) -> type | None:
        """The class that the target belongs to, or is; None for a function."""
        owner = getattr(self.target, "__self__", self.target)
        return owner if isinstance(owner, type) else None

    @property
    def grids(self) -> Mapping[str, Grid]:
        """The settings that calibration can choose, as the denoiser declares them."""
        declared: Mapping[str, Grid] = getattr(self.kind or self.target, "CALIBRATED", {})
        return {name: grid for name, grid in declared.items() if self.accepts(name)}

    def accepts(self, name: str) -> bool:
        """Whether there is a setting of this name."""
        return name in self.names

    def with_(self, **settings: object) -> Recipe:
        """The recipe with more settings, or others. Raises ValueError for a name that it does not accept."""
        for name in settings:
            if not self.accepts(name):
                raise ValueError(f"parameter: want a setting of the denoiser's fit, got {name!r}")
        return Recipe(self.target, {**self.settings, **settings})

    def keeping(self, cache: str | Path | None) -> Recipe:
        """The recipe with a folder for what takes long to compute, or none, where it says nothing of one."""
        takes = self.accepts("cache") and "cache" not in self.settings
        return self.with_(cache=cache) if takes else self

    def fit(self, bank: ImageBank, stats: Callable[[], GaussianStats]) -> Denoiser:
        """The finished denoiser; `stats()` is called only if it is built on the statistics of the bank."""
        return self(bank, stats=stats()) if self.accepts("stats") else self(bank)

    def __call__(self, bank: ImageBank, *args: Any, **more: Any) -> Denoiser:
        return self.target(bank, *args, **{**self.settings, **more})


def fitted(fit: Fit, bank: ImageBank, stats: Callable[[], GaussianStats]) -> Denoiser:
    """The finished denoiser of any `fit`; `stats()` is called only if it wants the statistics of the bank."""
    return Recipe.of(fit).fit(bank, stats)


def statistics_of(
    bank: ImageBank,
    stats: GaussianStats | None,  # the bank's, where they are known already
    shrinkage: str | None,
    cache: str | Path | None,  # a folder for them, where they are not
) -> GaussianStats:
    """The statistics that a `fit` with these four arguments builds on."""
    check_shrinkage(shrinkage)
    if not isinstance(bank, ImageBank):
        raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
    if stats is not None:
        check_coordinates(stats, bank.image_shape)
    return (GaussianStats.measured(bank, cache) if stats is None else stats).shrunk_by(shrinkage)


def check_coordinates(stats: GaussianStats, image_shape: torch.Size) -> None:
    """Raises ValueError for statistics of images of another size than those of the bank."""
    if not isinstance(stats, GaussianStats):
        raise ValueError(f"stats: want GaussianStats, got {type(stats).__name__}")
    n = image_shape.numel()
    if len(stats.mean) != n:
        raise ValueError(f"stats: want {n} coordinates, as the bank has, got {len(stats.mean)}")
    if stats.image_shape not in (None, image_shape):
        want, got = tuple(image_shape), tuple(stats.image_shape or ())
        raise ValueError(f"stats: want those of images {want}, as the bank has, got {got}")
