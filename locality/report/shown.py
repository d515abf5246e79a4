"""What a page shows of a run: read from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.config import UsageError
from locality.report.chart import Chart
from locality.report.history import HISTORY, history_charts, read_history
from locality.report.lineage import LINEAGE
from locality.report.record import CHARTS, CURVES, METRICS
from locality.report.table import Table

CONFIG, PAGE, CARD, PANELS = "config.yaml", "report.html", "MODEL_CARD.md", "panels"
FILES = (METRICS, CURVES, HISTORY, CONFIG, CARD, LINEAGE)  # that a page points to


@dataclass(frozen=True)
class Picture:
    """A PNG file of the run folder and its log name."""

    path: Path
    name: str


@dataclass(frozen=True)
class Shown:
    """A run, as its page shows it."""

    folder: Path
    run: Mapping[str, Any]  # provenance: command, commit, started, seconds, finished, versions
    scalars: Mapping[str, float | None]
    tables: Mapping[str, Table]
    charts: Mapping[str, Chart]
    pictures: Sequence[Picture]
    panels: Mapping[str, Mapping[str, Any]]  # contents of `locality.report.panels`
    config: str | None
    files: Sequence[str]  # beside the page

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.folder.resolve().name


def shown(folder: Path) -> Shown:
    """A run that has ended. Raises UsageError for a folder that has no report, and for a broken one."""
    if not (folder / METRICS).is_file():
        raise UsageError(f"{folder}: want a run folder with {METRICS}, such as runs/latest; none is there")
    try:
        metrics = json.loads((folder / METRICS).read_text())
        charts = {name: Chart.of(content) for name, content in _read(folder / CHARTS).items()}
        places = sorted((folder / PANELS).rglob("*.json"))
        panels = {str(path.relative_to(folder / PANELS).with_suffix("")): _read(path) for path in places}
        tables = {name: Table(**table) for name, table in metrics["tables"].items()}
        run, scalars = metrics["run"], metrics["scalars"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{folder}: a file of the report is broken ({' '.join(str(error).split())})"
        ) from error
    config = folder / CONFIG
    return Shown(
        folder=folder,
        run=run,
        scalars=scalars,
        tables=tables,
        charts=charts | history_charts(read_history(folder / HISTORY)),
        pictures=[
            Picture(path, str(path.relative_to(folder / "images").with_suffix("")))
            for path in sorted((folder / "images").rglob("*.png"))
        ],
        panels=panels,
        config=config.read_text() if config.exists() else None,
        files=[name for name in FILES if (folder / name).exists()],
    )


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text()) if path.exists() else {}
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}: want names and what they stand for, got {type(content).__name__}")
    return content
