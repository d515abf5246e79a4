"""The noise levels of the comparison of patterns: what was recorded of the letter at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.results.words.answers import Found, interval_of
from locality.compare.drawing import time_of

PART = 0.25  # of Wiener's gain along the letter, that networks surely have where they have learned it
LEARNED = "pattern/learned_"  # numbers: the error along the letter over the control's
Ends = tuple[float, float, float]  # a number with its interval


@dataclass(frozen=True)
class Level:
    """A noise level of the comparison of patterns."""

    gamma: float
    sigma: float
    snr: float  # the letter's variance over sigma^2
    alone: float  # less the control's
    rise: float  # contrast of networks over the control's
    wiener: float  # Wiener's
    sure: bool  # the rise, by its interval
    expected: bool  # by the paper
    error: Ends | None  # of networks along the letter, over the control's; None: not measured
    floor: Ends | None  # Wiener's over its own control's
    share: Ends | None  # of Wiener's gain, that networks have; None: Wiener's is not sure

    @property
    def learned(self) -> bool:
        """Whether networks surely have a good part of Wiener's gain."""
        return self.share is not None and self.share[1] > PART


def levels_of(found: Found) -> list[Level]:
    """The noise levels of each strength of the letter, the control's as 0; none where a network is behind."""
    whole = found["tables"]["pattern/contrast"]
    heads = whole["columns"]
    names = ("gamma", "sigma", "SNR_W", "SNR_W less the control's", "network / control", "Wiener / control")
    claimed = next(head for head in heads if head.startswith("SNR_W >"))
    places = [heads.index(name) for name in (*names, "above control", claimed)]
    cells = [[row[place] for place in places] for row in whole["rows"]]
    gaps = found.get("behind", ())
    return [
        Level(
            *map(number, row[:6]), *(cell == "yes" for cell in row[6:]), *_along(found, *map(number, row[:2]))
        )
        for row in cells
        if not any(low <= number(row[1]) <= high for low, high in gaps)
    ]


def _along(found: Found, gamma: float, sigma: float) -> tuple[Ends | None, Ends | None, Ends | None]:
    """The errors along the letter of networks and of Wiener over the controls', and the share of the gain."""
    place = f"gamma{gamma:g}/t{time_of(sigma):03d}"
    scalars = found.get("scalars", {})
    error, floor, share = (
        interval_of(found, f"{LEARNED}{kind}", place) if scalars else None
        for kind in ("network", "wiener", "share")
    )
    return error, floor, share


def number(cell: Any) -> float:
    """A cell's, without its interval; nothing is a 0."""
    return float(str(cell).split(" [")[0]) if cell not in (None, "") else 0.0
