"""Panels of the keys that runs logged: nothing is drawn that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from locality.dashboard.logged import Logged, numeric, varied
from locality.report.chart import is_wide
from locality.report.over_wiener import MSE
from locality.report.wandb_files import STEP

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as wr

PRESET = "locality-curves-1"  # of a custom chart; a changed CURVES gets the next number
GAMMA = re.compile(r"pattern/contrast/gamma([0-9.e+-]+)/(t\d+)")
LEVELS = 3  # noise levels with a panel of contrast against gamma
AXES = 8  # settings in a sweep's parallel coordinates
WIDE = {"w": 12, "h": 9}  # of 24 columns

_Y = {
    "type": "quantitative",
    "scale": {"type": "${string:y_scale}", "zero": False, "nice": False},
    "title": "${string:y_title}",
}
_CLICKED = {"type": "point", "fields": ["${field:series}"]}
CURVES: dict[str, Any] = {  # Vega-Lite: means with their intervals; a click on the legend leaves one series
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"name": "wandb"},
    "title": "${string:title}",
    "transform": [{"filter": "isValid(datum['${field:mean}'])"}],
    "encoding": {
        "x": {
            "field": "${field:x}", "type": "quantitative", "title": "${string:x_title}",
            "scale": {"type": "${string:x_scale}", "zero": False, "nice": False},
        },
        "color": {"field": "${field:series}", "type": "nominal", "title": None},
        "opacity": {"condition": {"param": "shown", "value": 1}, "value": 0.08},
    },
    "layer": [
        {
            "mark": {"type": "area", "opacity": 0.2, "clip": True},
            "encoding": {
                "y": {"field": "${field:low}", **_Y}, "y2": {"field": "${field:high}"},
                "opacity": {"condition": {"param": "shown", "value": 0.2}, "value": 0.02},
            },
        },
        {
            "mark": {"type": "line", "point": True, "clip": True},
            "params": [{"name": "shown", "select": _CLICKED, "bind": "legend"}],
            "encoding": {
                "y": {"field": "${field:mean}", **_Y},
                "tooltip": [
                    {"field": f"${{field:{name}}}", "type": kind}
                    for name, kind in (
                        ("series", "nominal"), ("x", "quantitative"), ("mean", "quantitative"),
                        ("low", "quantitative"), ("high", "quantitative"),
                    )
                ],
            },
        },
    ],
}  # fmt: skip


def lines(title: str, keys: Iterable[str], log: bool = False) -> wr.LinePlot:
    """Quantities of a training, over its steps."""
    import wandb_workspaces.reports.v2 as wr

    return wr.LinePlot(
        title=title, x=STEP, y=list(keys), log_y=log, title_x="training step", layout=wr.Layout(**WIDE)
    )


def bars(title: str, keys: Iterable[str]) -> wr.BarPlot:
    """Final numbers of trainings, beside one another."""
    import wandb_workspaces.reports.v2 as wr

    names = {key: key.rpartition("/")[2] for key in keys}
    return wr.BarPlot(
        title=title, metrics=[wr.SummaryMetric(key) for key in names], line_titles=names, orientation="v",
        layout=wr.Layout(**WIDE),
    )  # fmt: skip


def pictures(title: str, names: Iterable[str]) -> wr.MediaBrowser:
    """Pictures, in one row each."""
    import wandb_workspaces.reports.v2 as wr

    keys = [f"images/{name}" for name in names]
    return wr.MediaBrowser(title=title, media_keys=keys, num_columns=1, layout=wr.Layout(w=24, h=14))


def curves(run: Logged, name: str, entity: str) -> wr.CustomChart:
    """A chart of a comparison with its intervals, from the table that the run logged beside it."""
    import wandb_workspaces.reports.v2 as wr

    rows = run.charts[name]
    strings = {
        "title": name,
        "x_title": "optimiser steps" if "/steps_" in name else "noise level sigma (pixel units)",
        "x_scale": "log" if all(x > 0 for _, x, *_ in rows) else "linear",
        "y_title": name.rpartition("/")[2].replace("_", " "),
        "y_scale": "log" if is_wide(v for row in rows for v in row[2:] if v is not None) else "linear",
    }
    if "_snr" in name:
        strings["x_title"] = "signal to noise of the pattern"
    return wr.CustomChart(
        query={"summaryTable": {"tableKey": f"{name}/rows"}, "id": [], "name": []},
        chart_name=f"{entity}/{PRESET}",
        chart_fields={field: field for field in ("series", "x", "mean", "low", "high")},
        chart_strings=strings,
        layout=wr.Layout(**WIDE),
    )


def table(name: str) -> wr.WeavePanelSummaryTable:
    """A table of a comparison."""
    import wandb_workspaces.reports.v2 as wr

    return wr.WeavePanelSummaryTable(table_name=name, layout=wr.Layout(w=24, h=9))


def contrasts(run: Logged) -> list[wr.BarPlot]:
    """The pattern's contrast against gamma, at a few noise levels: a bar for each gamma."""
    import wandb_workspaces.reports.v2 as wr

    found: dict[str, dict[float, str]] = {}
    for key in run.scalars:
        match = GAMMA.fullmatch(key)
        if match and run.scalars[key] is not None:
            found.setdefault(match[2], {})[float(match[1])] = key
    levels = sorted(level for level, keys in found.items() if len(keys) > 1)
    chosen = [levels[round(k * (len(levels) - 1) / (LEVELS - 1))] for k in range(LEVELS)] if levels else []
    return [
        wr.BarPlot(
            title=f"contrast of the pattern against gamma, time-step {level.removeprefix('t')}",
            metrics=[wr.SummaryMetric(key) for _, key in sorted(found[level].items())],
            line_titles={key: f"gamma {gamma:g}" for gamma, key in found[level].items()},
            orientation="v",
            layout=wr.Layout(w=8, h=8),
        )
        for level in dict.fromkeys(chosen)
    ]


def sweep(runs: Sequence[Logged]) -> list[Any]:
    """What runs differ in, against what came of it; nothing for runs that do not differ."""
    import wandb_workspaces.reports.v2 as wr

    settings, results = varied(runs)[:AXES], results_of(runs)
    if len(runs) < 2 or not settings or not results:
        return []
    columns = [
        wr.ParallelCoordinatesPlotColumn(metric=wr.Config(name), display_name=name) for name in settings
    ]
    columns += [
        wr.ParallelCoordinatesPlotColumn(
            metric=wr.SummaryMetric(name), display_name=name, log=positive(name, runs)
        )
        for name in results
    ]
    found: list[Any] = [
        wr.ParallelCoordinatesPlot(title="the sweep", columns=columns, layout=wr.Layout(w=24, h=10))
    ]
    for name in settings:
        if numeric(name, runs):
            found.append(
                wr.ScatterPlot(
                    title=f"{results[0]} against {name}", x=wr.Config(name), y=wr.SummaryMetric(results[0]),
                    layout=wr.Layout(**WIDE),
                )
            )  # fmt: skip
    return found


def results_of(runs: Sequence[Logged]) -> list[str]:
    """Final numbers that all the runs have and that a sweep is judged by: losses, held-out errors."""
    shared = set.intersection(*(set(run.scalars) for run in runs)) if runs else set()
    wanted = [name for name in ("val/loss", "train/loss") if name in shared]
    tests = sorted(name for name in shared if name.startswith(MSE))
    return wanted[:1] + tests[len(tests) // 2 :][:1]


def positive(name: str, runs: Sequence[Logged]) -> bool:
    """Whether a logarithmic axis can show a number of all runs."""
    return all((run.scalars[name] or 0.0) > 0 for run in runs)
