"""Train diffusion denoisers, put them beside analytical ones, and see where locality comes from.

    from locality import NoiseSchedule, ImageBank, GaussianStats, Denoiser, trajectory
    denoiser = locality.load("runs/latest")

Names are imported when first used, so that `import locality` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locality.bank import ImageBank
    from locality.checkpoints.reading import load
    from locality.denoisers.base import Denoiser
    from locality.denoisers.contract import check
    from locality.denoisers.unit_range import in_unit_range
    from locality.sampling import Step, sample, trajectory
    from locality.schedule import NoiseSchedule, edm_sigmas
    from locality.statistics import GaussianStats

__version__ = "0.1.0"
__all__ = [
    "Denoiser",
    "GaussianStats",
    "ImageBank",
    "NoiseSchedule",
    "Step",
    "check",
    "edm_sigmas",
    "in_unit_range",
    "load",
    "sample",
    "trajectory",
]

_HOMES = {
    "Denoiser": "locality.denoisers.base",
    "GaussianStats": "locality.statistics",
    "ImageBank": "locality.bank",
    "NoiseSchedule": "locality.schedule",
    "Step": "locality.sampling",
    "check": "locality.denoisers.contract",
    "edm_sigmas": "locality.schedule",
    "in_unit_range": "locality.denoisers.unit_range",
    "load": "locality.checkpoints.reading",
    "sample": "locality.sampling",
    "trajectory": "locality.sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'locality' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
