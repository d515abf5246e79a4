"""W&B as a mirror of the run folder."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from locality.report.chart import Chart
from locality.report.table import Table

if TYPE_CHECKING:
    from wandb import Run


@final
class Mirror:
    """One W&B run that gets what the run folder gets. It decides nothing: names and numbers arrive ready."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def scalars(self, values: Mapping[str, float | None]) -> None:
        """Final numbers, into the summary."""
        self.run.summary.update(dict(values))

    def chart(self, name: str, chart: Chart, picture: Path) -> None:
        """A custom line chart, its rows as a table with intervals, and the figure."""
        import wandb

        rows = chart.rows()
        logged: dict[str, Any] = {
            f"{name}/rows": wandb.Table(
                columns=["series", "x", "mean", "low", "high"], data=[list(row) for row in rows]
            ),
            f"images/{name}": wandb.Image(str(picture)),
        }
        lines: dict[str, list[tuple[float, float]]] = {}
        for series, x, mean, _, _ in rows:
            if mean is not None:
                lines.setdefault(series, []).append((x, mean))
        if lines:
            # W&B's line chart has no logarithmic axis: give it the logarithm.
            logged[name] = wandb.plot.line_series(
                xs=[[math.log10(x) if chart.log_x else x for x, _ in points] for points in lines.values()],
                ys=[[y for _, y in points] for points in lines.values()],
                keys=list(lines),
                title=chart.title,
                xname=f"log10 of {chart.x_label}" if chart.log_x else chart.x_label,
            )
        self.run.log(logged)

    def table(self, name: str, table: Table) -> None:
        """A table."""
        import wandb

        data = [list(row) for row in table.rows]
        self.run.log({name: wandb.Table(columns=list(table.columns), data=data, allow_mixed_types=True)})

    def picture(self, name: str, path: Path) -> None:
        """A picture that is in the run folder."""
        import wandb

        self.run.log({f"images/{name}": wandb.Image(str(path))})

    def files(self, folder: Path, names: list[str]) -> None:
        """Files of the run folder, as files of the run."""
        for name in names:
            self.run.save(str(folder / name), base_path=str(folder), policy="now")

    def finish(self, exit_code: int) -> None:
        """End the W&B run; what follows in this process is another run."""
        self.run.finish(exit_code=exit_code)


def sync_command(folder: Path) -> str | None:
    """The command that uploads the offline W&B runs of a run folder, or None if there are none."""
    offline = sorted((folder / "wandb").glob("offline-run-*"))
    here = [
        os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path) for path in offline
    ]
    return f"wandb sync {shlex.join(here)}" if here else None
