"""Panels as pictures: what W&B would draw of a specification, from the run folders' own numbers.

Each function takes a panel as it is in dashboard.json, and the runs that its run set has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from locality.dashboard.logged import Logged
from locality.report.chart import Chart, Series
from locality.report.figures import KNOWN, OTHERS, draw_chart, new_figure, styled
from locality.report.table import Table, format_cell

Figure = Any  # matplotlib's, which only report/ imports
NEWEST = 2  # pictures of a gallery
COLORS = [
    KNOWN["wiener"].color,
    KNOWN["optimal"].color,
    KNOWN["pca_locality"].color,
    *(one for one, *_ in OTHERS),
]
LINES = ("-", "--", ":", "-.")
SMALL = {"axes.titlesize": 10, "font.size": 9, "lines.linewidth": 1.3}


def line_plot(config: Mapping[str, Any], runs: Sequence[Logged]) -> Figure:
    """Quantities over the steps: a line for each run and quantity."""
    with styled(SMALL):
        figure = new_figure(6.0, 3.6, dpi=100)
        axes = figure.subplots()
        drawn = [(run, name) for name in config["metrics"] for run in runs if run.history.get(name)]
        for run, name in drawn:
            steps, values = zip(*run.history[name], strict=True)
            several = len(config["metrics"]) > 1
            own = config["metrics"].index(name) if several else runs.index(run)
            label = f"{short(run)} {name}" if several and len(runs) > 1 else name if several else short(run)
            color, dash = COLORS[own % len(COLORS)], LINES[runs.index(run) % 4 if several else 0]
            axes.plot(steps, values, label=label, color=color, linestyle=dash)
        if config.get("yLogScale") and all(
            value > 0 for run, name in drawn for _, value in run.history[name]
        ):
            axes.set_yscale("log")
        axes.set(title=config.get("chartTitle"), xlabel=config.get("xAxisTitle") or config["xAxis"])
        _legend(figure, axes)
    return figure


def bar_chart(config: Mapping[str, Any], runs: Sequence[Logged]) -> Figure:
    """Final numbers: a group of bars for each, a bar for each run that has it."""
    names = [name.removeprefix("summary_metrics.") for name in config["metrics"]]
    titles = config.get("overrideSeriesTitles") or {}
    having = [run for run in runs if any(run.scalars.get(name) is not None for name in names)]
    with styled(SMALL):
        figure = new_figure(6.0, 3.6, dpi=100)
        axes = figure.subplots()
        width = 0.8 / max(1, len(having))
        for k, run in enumerate(having):
            values = [run.scalars.get(name) for name in names]
            heights = [math.nan if value is None else value for value in values]
            places = [place + k * width for place in range(len(names))]
            axes.bar(places, heights, width, color=COLORS[k % len(COLORS)], label=short(run))
        axes.set_xticks([place + (len(having) - 1) * width / 2 for place in range(len(names))])
        axes.set_xticklabels([titles.get(name, name) for name in names])
        axes.set(title=config.get("chartTitle"))
        if len(having) > 1:
            _legend(figure, axes)
    return figure


def custom_chart(config: Mapping[str, Any], runs: Sequence[Logged]) -> Figure | None:
    """Means with their intervals, from the table that the run logged; None where no run has it."""
    fields = config["userQuery"]["queryFields"][0]["fields"]
    (key,) = (arg["value"] for field in fields if field["name"] == "summaryTable" for arg in field["args"])
    name, strings = key.removesuffix("/rows"), config["stringSettings"]
    rows = next((run.charts[name] for run in runs if name in run.charts), None)
    if rows is None:
        return None
    x = sorted({row[1] for row in rows})
    series = {}
    for one in dict.fromkeys(row[0] for row in rows):
        found = {
            row[1]: [math.nan if value is None else value for value in row[2:]]
            for row in rows
            if row[0] == one
        }
        mean, low, high = zip(*(found.get(at, [math.nan] * 3) for at in x), strict=True)
        series[one] = Series(mean, low, high)
    return draw_chart(
        Chart(
            strings["title"], strings["x_title"], strings["y_title"], x, series,
            log_x=strings["x_scale"] == "log", log_y=strings["y_scale"] == "log",
        )
    )  # fmt: skip


def parallel(config: Mapping[str, Any], runs: Sequence[Logged]) -> Figure:
    """A sweep: an axis for each setting and result, a line for each run."""
    columns = config["columns"]
    values = [[accessed(run, column["accessor"]) for column in columns] for run in runs]
    with styled({**SMALL, "axes.grid": False}):
        figure = new_figure(11.0, 3.6, dpi=100)
        axes = figure.subplots()
        heights = list(zip(*(_heights([row[k] for row in values]) for k in range(len(columns))), strict=True))
        for k, (run, line) in enumerate(zip(runs, heights, strict=True)):
            axes.plot(range(len(columns)), line, color=COLORS[k % len(COLORS)], marker="o", label=short(run))
            for place, (height, value) in enumerate(zip(line, values[k], strict=True)):
                axes.annotate(
                    format_cell(value), (place, height), fontsize=7, xytext=(4, 3), textcoords="offset points"
                )
        axes.set_xticks(range(len(columns)))
        axes.set_xticklabels([column.get("displayName") or column["accessor"] for column in columns])
        axes.set_yticks([])
        axes.set(title=config.get("chartTitle"))
        _legend(figure, axes)
    return figure


def scatter(config: Mapping[str, Any], runs: Sequence[Logged]) -> Figure:
    """A result against a setting, a point for each run."""
    with styled(SMALL):
        figure = new_figure(6.0, 3.6, dpi=100)
        axes = figure.subplots()
        for k, run in enumerate(runs):
            x, y = (accessed(run, config[axis]) for axis in ("xAxis", "yAxis"))
            if isinstance(x, int | float) and isinstance(y, int | float):
                axes.plot([x], [y], "o", color=COLORS[k % len(COLORS)], label=short(run))
        names = [config[axis].partition(":")[2].replace(".value", "") for axis in ("xAxis", "yAxis")]
        axes.set(title=config.get("chartTitle"), xlabel=names[0], ylabel=names[1])
        _legend(figure, axes)
    return figure


def gallery(config: Mapping[str, Any], runs: Sequence[Logged]) -> list[Path]:
    """The newest pictures of a gallery, by their names."""
    names = [key.removeprefix("images/") for key in config["mediaKeys"]]
    return [run.pictures[name] for name in names for run in runs if name in run.pictures][-NEWEST:]


def table(found: Table) -> str:
    """A table as HTML."""
    head = "".join(f"<th>{escape(str(column))}</th>" for column in found.columns)
    rows = ("".join(f"<td>{escape(format_cell(cell))}</td>" for cell in row) for row in found.rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def accessed(run: Logged, accessor: str) -> Any:
    """What an accessor such as `config:model.value.learning_rate` or `summary:val/loss` is of a run."""
    section, _, name = accessor.partition(":")
    if section == "summary":
        return run.scalars.get(name)
    first, *rest = name.split(".")
    return run.config.get(".".join([first, *rest[1:]]))


def short(run: Logged) -> str:
    """A run's name without the time."""
    return re.sub(r"^\d{8}-\d{6}-", "", run.name)


def _legend(figure: Figure, axes: Any) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", fontsize=7, ncols=2)


def _heights(values: Sequence[Any]) -> list[float]:
    """Where values are on their axis, from 0 to 1; words in the order of the alphabet."""
    known = all(isinstance(value, int | float) for value in values)
    order = sorted({str(value) for value in values})
    numbers = [float(value) if known else float(order.index(str(value))) for value in values]
    low, high = min(numbers), max(numbers)
    return [(number - low) / (high - low) if high > low else 0.5 for number in numbers]
