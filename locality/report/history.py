"""The step-wise scalars of a run: history.csv, read and drawn."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from locality.config import UsageError
from locality.report.figures import KNOWN, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HISTORY = "history.csv"
COLUMNS = ["step", "name", "value"]
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


def draw_history(history: Mapping[str, Sequence[tuple[int, float]]], columns: int = 3) -> Figure:
    """Scalars against the training step: a panel per quantity, in it a line per group (`train`, `val`)."""
    panels: dict[str, dict[str, Sequence[tuple[int, float]]]] = {}
    for name, points in sorted(history.items()):
        group, _, quantity = name.partition("/")
        panels.setdefault(quantity or group, {})[group] = points
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
            values = [value for points in groups.values() for _, value in points]
            if min(values) > 0 and max(values) > 10 * min(values):
                axes.set_yscale("log")
            axes.set(title=quantity, xlabel="training step")
            axes.legend(loc="best")
        for axes in places[len(panels) :]:
            axes.set_visible(False)
    return figure
