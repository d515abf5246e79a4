"""Calibration: settings and shares that serve best, noise level by noise level."""

from locality.calibration.choice import Calibration, calibrate
from locality.calibration.kept import CLEAN, NETWORK, OWN_SAMPLES, SAMPLES, VAL_IMAGES, Kept, bind, load
from locality.calibration.stacking import Stacking, calibrate_shares

__all__ = [
    "CLEAN",
    "NETWORK",
    "OWN_SAMPLES",
    "SAMPLES",
    "VAL_IMAGES",
    "Calibration",
    "Kept",
    "Stacking",
    "bind",
    "calibrate",
    "calibrate_shares",
    "load",
]
