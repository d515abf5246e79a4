"""Held-out errors and their ratios to Wiener's: what metrics.json calls them, and the one division."""

from __future__ import annotations

import math
from collections.abc import Mapping

# Before the time-step of a noise level, `t000`.
MSE = "test/mse/"  # squared errors on held-out images
RATIO = "test/ratio_to_wiener/"  # over those of the Wiener filter on the same images and noise


def over_wiener(
    # `test/mse/t000`... of a module, beside other numbers; None: no number
    errors: Mapping[str, float | None],
    floor: Mapping[str, float | None],  # of the Wiener filter, likewise
) -> dict[str, float]:
    """`test/ratio_to_wiener/t000`..., NaN where either is no number, or where Wiener has no error at all.

    >>> over_wiener({"test/mse/t100": 3.0, "val/loss": 1.0}, {"test/mse/t100": 2.0})
    {'test/ratio_to_wiener/t100': 1.5}
    """
    shared = [name for name in errors if name.startswith(MSE) and name in floor]
    return {RATIO + name.removeprefix(MSE): _ratio(errors[name], floor[name]) for name in shared}


def _ratio(error: float | None, floor: float | None) -> float:
    return math.nan if error is None or floor is None or not floor > 0 else error / floor
