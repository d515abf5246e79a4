"""What every comparison is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lightning import Trainer

from locality.bank import ImageBank
from locality.calibration import Calibration
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, fitted
from locality.denoisers.options import choice
from locality.report import Report
from locality.report.folder import first_rank
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
    calibrations: Path  # the folder beside the checkpoint; <name>.json for a candidate of that name

    @cached_property
    def bank(self) -> ImageBank:
        """The training images."""
        return self.data.bank("train")

    @cached_property
    def stats(self) -> GaussianStats:
        """Their mean and covariance, measured once for all candidates."""
        return GaussianStats.from_bank(self.bank, cache=self.cache)

    def candidates(
        self,
        calibration: str = "none",  # "auto": with what compare=calibrate found; "none": as configured
    ) -> dict[str, Denoiser]:
        """The rivals, fitted to the training images."""
        fits = dict(self.fits)
        if choice("compare.calibration", calibration, ("auto", "none")) == "auto":
            fits = {name: self._calibrated(name, fit) for name, fit in fits.items()}
        return {name: fitted(fit, self.bank, lambda: self.stats) for name, fit in fits.items()}

    def _calibrated(self, name: str, fit: Fit) -> Fit:
        path = self.calibrations / f"{name}.json"
        if not path.is_file():
            return fit
        try:
            found = Calibration.load(path)
            fit = found.apply(fit)
        except ValueError as error:
            raise UsageError(f"{error}; or give compare.calibration=none") from error
        if not found.is_of(self.bank):
            raise UsageError(f"{path}: of other training images; give compare.calibration=none")
        if first_rank():
            print(f"{name}: {found.parameter} calibrated against the {found.target}, {path}", flush=True)
        return fit
