"""Which settings calibration chose against the networks that ship, noise level by noise level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locality.calibration.choice import Calibration
from locality.compare.drawing import time_of

TAU = "pca_locality.tau"
WINDOWS = ("local_score.patch_size", "local_mixture.window")
KEPT = (TAU, *WINDOWS)  # <row>.<setting>, as the files are called
Chosen = dict[str, Any]  # `at`: what was chosen, by time-step as text; `tried`: the least and the most


def chosen(folder: Path) -> dict[str, Chosen]:
    """From the calibrations of a network that ships."""
    files = {name: folder / f"{name}.json" for name in KEPT}
    return {name: _of(Calibration.load(path)) for name, path in files.items() if path.is_file()}


def _of(one: Calibration) -> Chosen:
    at = {str(time_of(sigma)): value for sigma, value in zip(one.sigmas, one.chosen, strict=True)}
    return {"at": at, "tried": [min(one.values), max(one.values)]}
