"""The numbers of a run on disk: metrics.json, curves.csv and charts.json."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from locality.disk import write_atomically
from locality.report.chart import Chart, finite
from locality.report.table import Table

METRICS, CURVES, CHARTS = "metrics.json", "curves.csv", "charts.json"
NAME = re.compile(r"[a-z0-9_.=,-]+(/[a-z0-9_.=,-]+)*")  # of what is logged
CURVE_COLUMNS = ["chart", "series", "x", "mean", "low", "high"]


@final
class Record:
    """Scalars, tables and curves of a run; a later value of one name replaces the earlier.

    Opened on the folder of an earlier run it goes on from what is there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scalars: dict[str, float | None] = {}
        self.tables: dict[str, Table] = {}
        self.curves: dict[str, list[list[str]]] = {}  # chart -> rows of curves.csv
        self.charts: dict[str, Chart] = {}
        if (folder / METRICS).exists():
            saved = json.loads((folder / METRICS).read_text())
            self.scalars = saved["scalars"]
            self.tables = {name: Table(**table) for name, table in saved["tables"].items()}
        if (folder / CURVES).exists():
            with (folder / CURVES).open(newline="") as file:
                for row in list(csv.reader(file))[1:]:
                    self.curves.setdefault(row[0], []).append(row)
        if (folder / CHARTS).exists():
            drawn = json.loads((folder / CHARTS).read_text())
            self.charts = {name: Chart.of(content) for name, content in drawn.items()}

    def add_scalars(self, values: Mapping[str, float]) -> dict[str, float | None]:
        """Keep final numbers and give them back as they are kept: plain floats, None for NaN and infinity."""
        clean = {name: finite(float(value)) for name, value in values.items()}
        self.scalars.update(clean)
        return clean

    def add_chart(self, name: str, chart: Chart) -> None:
        """Keep a chart: points in curves.csv (an empty cell: no finite number), all in charts.json."""
        self.charts[name] = chart
        drawn = {name: one.content() for name, one in self.charts.items()}
        write_atomically(self.folder / CHARTS, json.dumps(drawn, allow_nan=False) + "\n")
        self.curves[name] = [[name, *("" if c is None else str(c) for c in row)] for row in chart.rows()]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(CURVE_COLUMNS)
        writer.writerows(row for rows in self.curves.values() for row in rows)
        write_atomically(self.folder / CURVES, text.getvalue())

    def save(self, run: Mapping[str, Any]) -> None:
        """Write metrics.json: the numbers, and where they come from (`run`)."""
        tables = {name: table.content() for name, table in self.tables.items()}
        content = {"scalars": self.scalars, "tables": tables, "run": run}
        write_atomically(
            self.folder / METRICS, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
        )


def checked_name(name: str) -> str:
    """A log name, `group/quantity` in lower case; raises ValueError for any other."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"'{name}': want a name like group/quantity, in lower case without spaces")
    return name
