"""Fitting any denoiser to a bank, with the statistics measured once for all that want them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from locality.bank import ImageBank
from locality.denoisers.base import Denoiser
from locality.statistics import GaussianStats, check_shrinkage

Fit = Callable[..., Denoiser]  # fit(bank), or fit(bank, stats=...) for those built on the mean and covariance


def takes_stats(fit: Fit) -> bool:
    """Whether a `fit` has a `stats` parameter: it then gets the statistics instead of measuring them."""
    return "stats" in inspect.signature(fit).parameters


def keeping(
    fit: Fit,
    cache: str | Path | None,  # a folder; None keeps nothing
) -> Fit:
    """The recipe with a folder for what takes long to compute, if it takes one and has none yet."""
    takes = "cache" in inspect.signature(fit).parameters and "cache" not in getattr(fit, "keywords", {})
    return partial(fit, cache=cache) if cache and takes else fit


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


def fitted(fit: Fit, bank: ImageBank, stats: Callable[[], GaussianStats]) -> Denoiser:
    """The finished denoiser; `stats()` is called only if the fit wants the statistics of the bank."""
    return fit(bank, stats=stats()) if takes_stats(fit) else fit(bank)
