"""What every comparison is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lightning import Trainer

from locality.bank import ImageBank
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, fitted
from locality.report import Report
from locality.statistics import GaussianStats


@dataclass
class Context:
    """A trained denoiser, the recipes of its rivals, its data, and where results go."""

    reference: Denoiser
    fits: Mapping[str, Fit]  # by name, each waiting for the bank
    data: ImageDataModule
    report: Report
    trainer: Callable[
        ..., Trainer
    ]  # trainer(**changes) -> a trainer of the user's choice, logging to the report
    seed: int
    cache: Path | None  # where statistics are kept

    @cached_property
    def bank(self) -> ImageBank:
        """The training images."""
        return self.data.bank("train")

    @cached_property
    def stats(self) -> GaussianStats:
        """Their mean and covariance, measured once for all candidates."""
        return GaussianStats.from_bank(self.bank, cache=self.cache)

    def candidates(self) -> dict[str, Denoiser]:
        """The rivals, fitted to the training images."""
        return {name: fitted(fit, self.bank, lambda: self.stats) for name, fit in self.fits.items()}
