"""The step-wise scalars of a run: history.csv, read and drawn."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from locality.config import UsageError
from locality.report.chart import Chart, Series, is_wide
from locality.report.figures import KNOWN, new_figure, styled
from locality.report.lettering import fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HISTORY = "history.csv"
COLUMNS = ["step", "name", "value"]
LINES, POINTS = 24, 1000  # training curves on the page, and points of each
GROUPS = {"train": KNOWN["wiener"].color, "val": KNOWN["optimal"].color, "test": "#000000"}


def read_history(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The step-wise scalars of a run: name -> (step, value), without those that are not finite."""
    history: dict[str, list[tuple[int, float]]] = {}
    if not path.exists():
        return history
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["step"] and math.isfinite(float(row["value"])):
                    history.setdefault(row["name"], []).append((int(row["step"]), float(row["value"])))
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(f"{path}: want step,name,value in lines, got a broken file; move it away") from error
    return history


def curves(history: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Sequence[tuple[int, float]]]:
    """What of a history is worth a curve: more than a point, and no mere count."""
    kept = {name: points for name, points in sorted(history.items()) if len(points) > 1 and name != "epoch"}
    return dict(list(kept.items())[:LINES])


def history_charts(history: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Chart]:
    """The panels of `draw_history` as charts, each with a thousand points of a curve at most."""
    charts = {}
    for quantity, groups in _panels(curves(history)).items():
        lines = {group: dict(points[:: math.ceil(len(points) / POINTS)]) for group, points in groups.items()}
        steps = sorted({step for line in lines.values() for step in line})
        series = {
            group: Series([line.get(step, math.nan) for step in steps]) for group, line in lines.items()
        }
        charts[f"history/{quantity}"] = Chart(
            quantity, "training step", quantity, steps, series, log_y=_wide(groups.values())
        )
    return charts


def _panels(
    history: Mapping[str, Sequence[tuple[int, float]]],
) -> dict[str, dict[str, Sequence[tuple[int, float]]]]:
    """A panel per quantity, in it a line per group."""
    panels: dict[str, dict[str, Sequence[tuple[int, float]]]] = {}
    for name, points in sorted(history.items()):
        group, _, quantity = name.partition("/")
        panels.setdefault(quantity or group, {})[group] = points
    return panels


def _wide(lines: Iterable[Sequence[tuple[int, float]]]) -> bool:
    return is_wide(value for points in lines for _, value in points)


def draw_history(history: Mapping[str, Sequence[tuple[int, float]]], columns: int = 3) -> Figure:
    """Scalars against the training step: a panel per quantity, in it a line per group (`train`, `val`)."""
    panels = _panels(history)
    with styled({"axes.titlesize": 10, "font.size": 9, "lines.linewidth": 1.3}):
        columns = min(columns, len(panels))
        rows = math.ceil(len(panels) / columns)
        figure = new_figure(3.6 * columns, 2.3 * rows)
        places = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
        for axes, (quantity, groups) in zip(places, panels.items(), strict=False):
            for group, points in groups.items():
                steps, line = zip(*points, strict=True)
                color = GROUPS.get(group, KNOWN["pca_locality"].color)
                axes.plot(steps, line, label=group, color=color, marker="." if len(steps) < 30 else "")
            if _wide(groups.values()):
                axes.set_yscale("log")
            axes.set(title=quantity, xlabel="training step")
            axes.legend(loc="best")
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        fit(figure)
    return figure
