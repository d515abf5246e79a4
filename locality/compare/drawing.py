"""What charts, figures and numbers of comparisons share: labels, time-steps, series with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from locality.compare.summary import Quantity, median_quantity, quantity
from locality.report import Series
from locality.report.table import Cell
from locality.schedule import NoiseSchedule
from locality.sensitivity import SensitivityField

SIGMA = "noise level sigma (pixel units, images in [-1, 1])"
DERIVATIVE = "|dD(x)[m] / dx|"
FIELD = f"{DERIVATIVE} / maximum"  # what heat maps show


def time_of(sigma: float) -> int:
    """The time-step of a noise level in DDPM's schedule."""
    return int(NoiseSchedule.ddpm().timestep(sigma))


def headings(sigmas: Iterable[float]) -> list[str]:
    """Noise levels as heads of columns, with their time-steps."""
    return [f"sigma = {sigma:.2g}\n(t = {time_of(sigma)})" for sigma in sigmas]


def mean_series(
    values: Sequence[Tensor],  # S times [N], one number for each image; NaN: none, and left out
) -> Series:
    """The means over images, with 95 % bootstrap intervals."""
    return series_with_ends([quantity(value) for value in values])


def median_series(
    values: Sequence[Tensor],  # S times [N], one number for each image; NaN: none, and left out
) -> Series:
    """The medians over images, with 95 % bootstrap intervals."""
    return series_with_ends([median_quantity(value) for value in values])


def series_with_ends(
    found: Sequence[Quantity],  # one at each x
) -> Series:
    """Quantities as a curve with its intervals."""
    return Series([one.mean for one in found], [one.low for one in found], [one.high for one in found])


def cells_of(
    series: Series,
) -> list[Cell]:
    """A curve as cells of a table, each number with its interval."""
    return [
        mean if low is None or high is None else str(Quantity(mean, low, high))
        for mean, low, high in series.points()
    ]


def field_label(field: SensitivityField) -> str:
    """What heat maps of a field show."""
    return FIELD.replace("|d", "|mean of d", 1) if field.signed else FIELD


def describe(field: SensitivityField) -> str:
    """How a field was measured, in a line."""
    about = field.about
    mean = "Mean with signs" if field.signed else "Mean"
    if about["states"] == "forward":
        return f"{mean} over {about['count']} noised test images."
    return (
        f"{mean} over {about['count']} samples, along a run of DDIM of {about['steps']} steps "
        f"of the {about['guide']}."
    )
