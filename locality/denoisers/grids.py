"""The settings of denoisers that calibration chooses, noise level by noise level, and among which values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Grid:
    """What calibration tries for a setting. A denoiser declares its own in `CALIBRATED`, by their names."""

    values: tuple[float, ...]  # where nobody says others
    label: str  # what they are, with their unit
    good: Callable[[float], bool]  # of a value: the fit, too, asks for this
    wanted: str  # what `good` asks for, in words, of a list of values
    falling: bool = False  # true: the larger value is the cheaper one, and ties go to it
    log: bool = False  # true: values that are positive stand on a logarithmic axis
    largest: Callable[[int], int] | None = None  # of the image's longer side: larger values equal it

    def within(
        self,
        values: list[float],
        side: int,  # pixels, the longer side of the image
    ) -> list[float]:
        """The values without those that equal others on such images.

        >>> PATCH_SIZES.within([1, 3, 31, 63], side=8)
        [1, 3, 15]
        """
        if self.largest is None:
            return values
        return sorted({min(value, self.largest(side)) for value in values})


# A window of the largest side around any pixel holds the whole image.
PATCH_SIZES: Final = Grid(
    (1, 3, 5, 7, 11, 19, 31, 63), "patch size (pixels)", lambda k: k >= 1 and k % 2 == 1,
    "distinct odd whole numbers of pixels", largest=lambda side: 2 * side - 1,
)  # fmt: skip
WINDOWS: Final = Grid(
    (4, 6, 8, 12, 20, 64), "window (pixels)", lambda k: k >= 1 and k % 1 == 0,
    "distinct whole numbers of pixels from 1", largest=lambda side: side,
)  # fmt: skip
TAUS: Final = Grid(
    (0.5, 0.2, 0.1, 0.05, 0.02, 0.005), "tau (of the largest relative entry)", lambda t: 0 <= t <= 1,
    "distinct numbers from 0 to 1", falling=True, log=True,
)  # fmt: skip
BETAS: Final = Grid(
    (0.0, 0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0), "beta (how fast the precision falls)",
    lambda b: 0 <= b < math.inf, "distinct finite numbers from 0",
)  # fmt: skip
BLENDS: Final = Grid(
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), "blend (share of the softmax average)", lambda c: 0 <= c <= 1,
    "distinct numbers from 0 to 1",
)  # fmt: skip
