"""Small tables of recorded numbers: medians and means alone; their intervals stay in docs/results.json."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.results.words.answers import FLOOR, MIDDLE, Found, is_middle, sigma_of, step_kind, steps
from benchmarks.results.words.members import span
from benchmarks.results.words.titles import called
from locality.modules.base import PROTOCOL_STEPS

SAMPLES = (  # the columns of a table of samples
    "denoiser", "seeds", "training images", "median r2", "mean r2", "MSE", "held-out error / Wiener's",
    "copies", "seconds an image",
)  # fmt: skip
FIRST = ("network", "nn2")  # of its rows
Table = tuple[Sequence[str], list[list[Any]]]  # columns, rows
FRONT = ("nn2", "stacked_locality", "stacked_mixtures", "pca_locality", "optimal", FLOOR)


def front_table(found: Found) -> Table:
    """Six rows, four columns of medians."""
    columns = (
        "denoiser", "r2 of samples", "r2 of one step", "held-out error / Wiener's", "seconds an image",
    )  # fmt: skip
    scalars, kind = found["scalars"], step_kind(found, "paper")
    rows = [
        [
            called(name), scalars.get(f"paper/median_r2/{name}"),
            middle(found, f"paper/{kind}/{name}/"),
            middle(found, f"paper/heldout_ratio/{name}/"), scalars.get(f"paper/seconds/{name}"),
        ]
        for name in FRONT
    ]  # fmt: skip
    return columns, rows


def samples_table(found: Found, section: str, names: Sequence[str] | None = None) -> Table:
    """What every row had, and how near it came: the networks, then others by the median r2 of samples."""
    scalars, start = found["scalars"], f"{section}/seconds/"

    def place(name: str) -> tuple[int, float]:
        known = scalars.get(f"{section}/median_r2/{name}")
        return FIRST.index(name) if name in FIRST else len(FIRST), math.inf if known is None else -known

    there = sorted((name.removeprefix(start) for name in scalars if name.startswith(start)), key=place)
    rows = [
        [
            called(name), count(scalars.get(f"{section}/samples/{name}")),
            span(found, section, name),
            *(scalars.get(f"{section}/{key}/{name}") for key in ("median_r2", "r2", "mse")),
            middle(found, f"{section}/heldout_ratio/{name}/"), scalars.get(f"{section}/copy_rate/{name}"),
            scalars.get(f"{section}/seconds/{name}"),
        ]
        for name in there
        if names is None or name in names
    ]  # fmt: skip
    return SAMPLES, rows


def meant() -> str:
    """What the columns of a table of samples say."""
    low, high = MIDDLE
    return (
        "r2 and MSE: samples against the network's. Error: one step on test images, the median over sigma "
        f"{low:g} to {high:g}. Training images: how many a row had. Networks and Wiener keep no count. "
        "Copies: the share of samples that are nearly a training image. Seconds: a whole sample of "
        f"{PROTOCOL_STEPS} steps."
    )


def levels_table(
    found: Found, start: str, names: Sequence[str], all_levels: bool = True, head: str = "sigma"
) -> Table:
    """A number at each noise level, or at the middle ones; a row for each denoiser, and what it is above."""
    there = {t for name in names for t in steps(found, f"{start}/{name}/")}
    times = sorted((t for t in there if all_levels or is_middle(t)), reverse=True)
    known = {name: steps(found, f"{start}/{name}/") for name in names}
    rows = [[called(name), *(known[name].get(t) for t in times)] for name in names if known[name]]
    return [head, *(f"{sigma_of(t):.3g}" for t in times)], rows


def middle(found: Found, start: str) -> float | None:
    """The median over the middle noise levels, where there are any."""
    values = [v for t, v in steps(found, start).items() if is_middle(t)]
    return median(values) if values else None


def count(value: float | None) -> str | None:
    """A count with its commas."""
    return None if value is None else f"{int(value):,}"
