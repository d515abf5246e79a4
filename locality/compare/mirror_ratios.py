"""The mirror ratio of fields as it is told: a chart for each pixel, one table, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from locality.compare.drawing import SIGMA, time_of
from locality.compare.summary import Quantity
from locality.compare.telling import say_table
from locality.denoisers.base import Pixel
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.table import Cell

SECTION = "mirror"  # what the names of tables, charts and numbers begin with
LABEL = "field on the mirror position / on the ring"
HIGHEST = 30.0  # ratio that the chart shows; that of a mask may be larger, or have no bound


def columns_of(sigmas: Sequence[float]) -> list[str]:
    """Of the table."""
    return ["pixel", "denoiser", *(f"sigma {sigma:.2g}" for sigma in sigmas)]


def row_of(pixel: str, label: str, one: Series) -> list[Cell]:
    """A line of the table."""
    return [pixel, label, *(str(level) for level in levels_of(one))]


def numbers_of(
    pixel: str, who: str, one: Series, sigmas: Sequence[float], section: str = SECTION
) -> dict[str, float]:
    """Those of metrics.json."""
    return {
        f"{section}/ratio{end}/{pixel}/{who.lower()}/t{time_of(sigma):03d}": value
        for sigma, level in zip(sigmas, levels_of(one), strict=True)
        for end, value in level.ends().items()
    }


def levels_of(one: Series) -> list[Quantity]:
    """The ratio at each noise level."""
    assert one.low is not None, "series_of gives intervals"
    assert one.high is not None
    return [Quantity(*level) for level in zip(one.mean, one.low, one.high, strict=True)]


def plain(name: str) -> str:
    """A pixel's name for readers."""
    return name.replace("_", " ")


def tell_ratios(
    report: Report,
    sigmas: Sequence[float],
    places: Mapping[str, Pixel],
    ratios: Mapping[str, Mapping[str, Series]],
    labels: Mapping[str, str],  # of denoisers, in tables
    shown: Mapping[str, str],  # of denoisers, in charts
    section: str = SECTION,
) -> dict[str, float]:
    """A chart for each pixel, one table, and the numbers of metrics.json; returns these."""
    columns = columns_of(sigmas)
    rows: list[list[Cell]] = []
    numbers: dict[str, float] = {}
    for name, series in ratios.items():
        row, col = places[name]
        title = f"Mirror ratio of the pixel {plain(name)} (row {row}, column {col})"
        lines = {shown[who]: one for who, one in series.items()}
        frame = (None, HIGHEST)
        chart = Chart(title, SIGMA, LABEL, sigmas, lines, log_x=True, log_y=True, y_range=frame)
        report.chart(f"{section}/ratio_{name}", chart)
        for who, one in series.items():
            rows.append(row_of(name, labels[who], one))
            numbers |= numbers_of(name, who, one, sigmas, section)
    report.table(f"{section}/ratio", columns, rows)
    report.scalars(numbers)
    say(LABEL)
    say_table(columns, rows)
    return numbers
