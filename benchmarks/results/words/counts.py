"""Counts of noise levels: one or two of several are named, as so few may be beyond by chance."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.words.titles import joined

FEW = 2
BY_CHANCE = (
    "Intervals are 95 % each and not corrected for how many are looked at, so about one in twenty is beyond "
    "by chance (one in forty on each side)."
)


def of_levels(sigmas: Sequence[float], among: int, words: str = "") -> str:
    """How many of some noise levels, words after the number, and which where they are few.

    >>> of_levels([12.0, 6.0], 8), of_levels([3.0, 2.0, 1.0], 8), of_levels([3.0], 2)
    ('2 (sigma 12 and 6)', '3', '1')
    >>> of_levels([12.0, 6.0], 8, " of 8 noise levels")
    '2 of 8 noise levels (sigma 12 and 6)'
    """
    few = 0 < len(sigmas) <= FEW < among
    which = joined(f"{sigma:.3g}" for sigma in sigmas)
    return f"{len(sigmas)}{words}{f' (sigma {which})' if few else ''}"
