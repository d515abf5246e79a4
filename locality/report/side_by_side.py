"""What several runs have in common: their numbers in one table, their curves in one chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from locality.report.chart import Chart, Series
from locality.report.shown import Shown
from locality.report.table import Cell, Table


def numbers_together(runs: Sequence[Shown]) -> dict[str, Table]:
    """A table of the runs, and one of the numbers that two of them or more have."""
    heads = ["run", "command", "started", "minutes", "finished"]
    about: list[list[Cell]] = [
        [
            run.name, str(run.run["command"]), str(run.run["started"]), run.run["seconds"] / 60,
            "yes" if run.run["finished"] else "no",
        ]
        for run in runs
    ]  # fmt: skip
    shared = [name for name in sorted(set().union(*(run.scalars for run in runs))) if _often(name, runs) > 1]
    numbers: list[list[Cell]] = [[name, *(run.scalars.get(name) for run in runs)] for name in shared]
    tables = {"runs": Table(heads, about)}
    return tables | ({"numbers": Table(["quantity", *_distinct(runs)], numbers)} if numbers else {})


def charts_together(runs: Sequence[Shown]) -> dict[str, Chart]:
    """The charts of one name and equal axes, their series named after the runs, too."""
    names = _distinct(runs)
    found: dict[str, list[tuple[str, Chart]]] = {}
    for label, run in zip(names, runs, strict=True):
        for name, chart in run.charts.items():
            found.setdefault(name, []).append((label, chart))
    return {
        name: _joined(charts)
        for name, charts in found.items()
        if len(charts) > 1 and len({(c.x_label, c.y_label, c.log_x) for _, c in charts}) == 1
    }


def _often(name: str, runs: Sequence[Shown]) -> int:
    return sum(name in run.scalars for run in runs)


def _distinct(runs: Sequence[Shown]) -> list[str]:
    """The names of the runs, numbered where two are alike."""
    names = [run.name for run in runs]
    return [f"{name} ({k + 1})" if names.count(name) > 1 else name for k, name in enumerate(names)]


def _joined(charts: Sequence[tuple[str, Chart]]) -> Chart:
    first = charts[0][1]
    x = sorted({point for _, chart in charts for point in chart.x})
    series: dict[str, Series] = {}
    for label, chart in charts:
        for name, one in chart.series.items():
            beside = None if one.beside is None else f"{one.beside}, {label}"
            series[f"{name}, {label}"] = _spread(
                one, dict(zip(chart.x, one.points(), strict=True)), x, beside
            )
    return Chart(
        first.title, first.x_label, first.y_label, x, series, first.log_x,
        all(chart.log_y for _, chart in charts), first.y_range,
    )  # fmt: skip


def _spread(
    one: Series,
    points: Mapping[float, tuple[float, float | None, float | None]],
    x: Sequence[float],
    beside: str | None,
) -> Series:
    """The series over more points; nan where it has none."""
    nothing = (math.nan, math.nan, math.nan)
    mean, low, high = zip(*(points.get(place, nothing) for place in x), strict=True)
    return Series(mean, low if one.low is not None else None, high if one.high is not None else None, beside)
