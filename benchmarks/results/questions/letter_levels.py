"""The noise levels of the comparison of patterns: what was recorded of the letter at each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.results.words.answers import Found, interval_of
from locality.compare.claims import Claim, least_ratio
from locality.compare.drawing import time_of
from locality.compare.letter import KINDS
from locality.compare.strengths import Contrast

VERDICT, CONTRAST = "pattern/verdict", "pattern/contrast"  # tables
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
    ratio: Ends  # contrast of networks over the control's, on the same images and noise
    wiener: float  # Wiener's
    sure: bool  # the rise: that ratio, and the networks' contrast over the control's own; see `least_ratio`
    expected: bool  # by the paper
    error: Ends | None  # of networks along the letter, over the control's; None: not measured
    floor: Ends | None  # Wiener's over its own control's
    share: Ends | None  # of Wiener's gain, that networks have; None: Wiener's is not sure
    left_out: bool  # at or beside one at which a network is behind Wiener

    @property
    def rise(self) -> float:
        """How large the ratio is."""
        return self.ratio[0]

    @property
    def paired(self) -> bool:
        """Whether the whole interval of the ratio is above 1, whatever the control's own interval is."""
        return self.ratio[1] > 1

    @property
    def falls(self) -> bool:
        """Whether the whole interval of the ratio is below 1."""
        return self.ratio[2] < 1

    @property
    def like_wiener(self) -> bool:
        """Whether the interval of the ratio has Wiener's ratio, to the digits that were kept."""
        return self.ratio[1] <= round(self.wiener, 2) <= self.ratio[2]

    @property
    def learned(self) -> bool:
        """Whether networks surely have a good part of Wiener's gain."""
        return self.share is not None and self.share[1] > PART

    @property
    def some(self) -> bool:
        """Whether they surely have less error than their control, and any of Wiener's gain."""
        less = self.error is not None and self.error[2] < 1
        return less and self.share is not None and self.share[1] > 0

    @property
    def control_beside(self) -> float | None:
        """The error of the networks' control over that of Wiener's: the share and both ratios give it."""
        if self.error is None or self.floor is None or self.share is None or self.error[0] == 1:
            return None
        return self.share[0] * (1 - self.floor[0]) / (1 - self.error[0])

    @property
    def beside_wiener(self) -> float | None:
        """The networks' error over Wiener's."""
        start = self.control_beside
        if start is None or self.error is None or not self.floor or not self.floor[0]:
            return None
        return start * self.error[0] / self.floor[0]


def levels_of(found: Found) -> list[Level]:
    """The noise levels of each strength of the letter, the control's as 0."""
    whole = found["tables"][CONTRAST]
    heads = whole["columns"]
    names = ("gamma", "sigma", "SNR_W", "SNR_W less the control's", "network / control", "Wiener / control")
    claimed = _claimed(heads)
    places = [heads.index(name) for name in (*names, "above control", claimed)]
    cells = [[row[place] for place in places] for row in whole["rows"]]
    gaps, seeds = found.get("behind", ()), seeds_of(found)
    return [
        Level(
            *map(number, row[:4]),
            ends_of(row[4]),
            number(row[5]),
            row[6] == "yes" and number(row[4]) > least_ratio(seeds.get(number(row[0]), 0)),
            row[7] == "yes",
            *_along(found, *map(number, row[:2])),
            any(low <= number(row[1]) <= high for low, high in gaps),
        )
        for row in cells
    ]


def seeds_of(found: Found) -> dict[float, int]:
    """How many seeds each strength was measured with."""
    rows = found["tables"][VERDICT]["rows"] if VERDICT in found["tables"] else []
    return {float(gamma): int(seeds) for gamma, seeds, _ in rows}


def recounted(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of verdicts, counted anew from the table of contrasts: older runs had other rules."""
    whole, rows, levels = tables[VERDICT], [], levels_of({"tables": tables})
    threshold = float(_claimed(tables[CONTRAST]["columns"]).split()[-1])
    for gamma, seeds, verdict in whole["rows"]:
        there = [one for one in levels if one.gamma == float(gamma)]
        if there:
            ratio, wiener = (torch.tensor([getattr(one, key) for one in there]) for key in ("rise", "wiener"))
            flags = zip(*((one.sure, one.expected, one.alone > threshold) for one in there), strict=True)
            times, whose = [time_of(one.sigma) for one in there], Contrast(ratio, ratio, ratio)
            verdict = Claim(times, whose, *map(torch.tensor, flags), wiener, int(seeds)).verdict()
        rows.append([gamma, seeds, verdict])
    return {**whole, "rows": rows}


def _claimed(heads: Sequence[str]) -> str:
    """The column that says whether a rise is expected, with the threshold."""
    return next(head for head in heads if head.startswith("SNR_W >"))


def _along(found: Found, gamma: float, sigma: float) -> tuple[Ends | None, Ends | None, Ends | None]:
    """The errors along the letter of networks and of Wiener over the controls', and the share of the gain."""
    place = f"gamma{gamma:g}/t{time_of(sigma):03d}"
    scalars = found.get("scalars", {})
    error, floor, share = (
        interval_of(found, f"{LEARNED}{kind}", place) if scalars else None for kind in KINDS
    )
    return error, floor, share


def ends_of(cell: Any) -> Ends:
    """A number and the ends of its interval; the number itself, where a cell has none; nothing is a 0."""
    numbers = [float(one) for one in re.findall(r"[^\s\[\],]+", str(cell or 0))]
    return numbers[0], numbers[1 % len(numbers)], numbers[-1]


def number(cell: Any) -> float:
    """A cell's, without its interval; nothing is a 0."""
    return float(str(cell).split(" [")[0]) if cell not in (None, "") else 0.0
