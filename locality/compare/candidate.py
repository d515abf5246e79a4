"""A candidate of a comparison, fitted; one that is not ours is tried before others are measured for hours."""

from __future__ import annotations

from collections.abc import Callable

from locality.bank import ImageBank
from locality.config import UsageError
from locality.denoisers import Denoiser
from locality.denoisers.contract import ContractBroken, check_estimate
from locality.denoisers.fitting import Recipe
from locality.live import LIVE, one_line
from locality.shipped import is_ours
from locality.statistics import GaussianStats


def fitted_candidate(
    name: str,  # of the candidate
    fit: Recipe,
    bank: ImageBank,
    stats: Callable[[], GaussianStats],
) -> Denoiser:
    """The denoiser. UsageError for what cannot be one, RuntimeError where its own code raises."""
    try:
        with LIVE.task(f"fitting {name}"):
            made = fit.fit(bank, stats)
    except ValueError as error:
        raise UsageError(
            f"candidates.{name}: {error}; if that was calibrated otherwise, give compare.calibration=none"
        ) from error
    except (TypeError, LookupError, RuntimeError, AttributeError) as error:
        raise RuntimeError(f"candidates.{name}: its fit failed: {one_line(error)}") from error
    if not isinstance(made, Denoiser):
        got = type(made).__name__
        raise UsageError(f"candidates.{name}: want a _target_ that makes a Denoiser, got {got}")
    if not is_ours(type(made)):
        _try(name, made, bank)
    return made


def _try(name: str, made: Denoiser, bank: ImageBank) -> None:
    try:
        check_estimate(made, next(iter(bank.chunks(1))))
    except ContractBroken as error:
        if error.__cause__ is None:
            raise UsageError(f"candidates.{name}: {error} (locality.check tries it all)") from error
        raise RuntimeError(f"candidates.{name}: {error}") from error
