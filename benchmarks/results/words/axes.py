"""What a page's charts are of, and what their axes say of what is not drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from benchmarks.results.words.answers import Found, sigma_of, step_kind
from benchmarks.results.words.titles import FRAMES, LABELS, SIGMA, joined
from locality.report import Series


def up(quantity: str, series: Mapping[str, Series]) -> str:
    """The label of a quantity's axis, with the ends at which curves are cut."""
    low, high = FRAMES[quantity]
    drawn = [value for one in series.values() for value in one.mean]
    ends = {f"{low:g}": min(drawn) < low, f"{high:g}": max(drawn) > high}
    cut = [end for end, past in ends.items() if past]
    return f"{LABELS[quantity]} (cut at {joined(cut)})" if cut else LABELS[quantity]


def along(times: Collection[int], drawn: Collection[int]) -> str:
    """The label of an axis of noise levels, with those that were measured and are not drawn."""
    left = [f"{sigma_of(t):.3g}" for t in sorted(set(times) - set(drawn))]
    return f"sigma (pixel units; {joined(left)} left out)" if left else SIGMA


def recorded(found: Found, section: str, quantity: str) -> str:
    """How the names of the numbers of a chart begin."""
    return f"{section}/{step_kind(found, section) if quantity == 'step_r2' else quantity}"


def both_ends(low: dict[int, float], high: dict[int, float], times: list[int]) -> list[list[float]]:
    """The intervals at these time-steps, or nothing where one is not recorded."""
    return [[end[t] for t in times] for end in (low, high)] if set(times) <= set(low) & set(high) else []
