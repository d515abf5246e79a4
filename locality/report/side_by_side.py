"""What several runs have in common: numbers in one table, curves in one chart, differences image by image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

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
    return tables | ({"numbers": Table(["quantity", *distinct(runs)], numbers)} if numbers else {})


def charts_together(runs: Sequence[Shown]) -> dict[str, Chart]:
    """The charts of one name and equal axes, their series named after the runs, too."""
    names = distinct(runs)
    found: dict[str, list[tuple[str, Chart]]] = {}
    for label, run in zip(names, runs, strict=True):
        for name, chart in run.charts.items():
            found.setdefault(name, []).append((label, chart))
    return {
        name: _joined(charts)
        for name, charts in found.items()
        if len(charts) > 1 and len({(c.x_label, c.y_label, c.log_x) for _, c in charts}) == 1
    }


def paired_together(runs: Sequence[Shown]) -> list[dict[str, Any]]:
    """Paired differences between denoisers of several runs that saw the same images and noise.

    Only errors against the clean images: references may be others in each run.
    """
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for label, run in zip(distinct(runs), runs, strict=True):
        for panel in run.panels.values():
            if panel.get("kind") == "paired" and panel.get("images"):
                found.setdefault(f"{panel['images']}, {panel['sigmas']}", []).append((label, panel))
    return [_merged(panels) for panels in found.values() if len(panels) > 1]


def _merged(panels: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    first = panels[0][1]
    shared = [key for key in first["values"] if key.startswith("heldout")]
    values = {
        key: {
            f"{name}, {label}": levels
            for label, panel in panels
            for name, levels in panel["values"].get(key, {}).items()
        }
        for key in shared
    }
    title = "The difference between two denoisers of any of these runs, image by image"
    labels = {key: first["labels"][key] for key in shared}
    return {**first, "title": title, "values": values, "labels": labels}


def _often(name: str, runs: Sequence[Shown]) -> int:
    return sum(name in run.scalars for run in runs)


def distinct(runs: Sequence[Shown]) -> list[str]:
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
