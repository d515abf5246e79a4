"""W&B as a mirror of the run folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from locality.report.chart import Chart
from locality.report.lineage import Artifact, Link
from locality.report.table import Table
from locality.report.uplink import Uplink

if TYPE_CHECKING:
    from wandb import Run


@final
class Mirror:
    """One W&B run that gets what the run folder gets. It decides nothing: names and numbers arrive ready."""

    def __init__(
        self,
        uplink: Uplink,
        weights: bool = False,  # whether artifacts of networks carry their weights, or refer to them
    ) -> None:
        self._uplink, self._weights = uplink, weights

    def scalars(self, values: Mapping[str, float | None]) -> None:
        """Final numbers, into the summary."""
        self._uplink.send("the summary", lambda run: run.summary.update(dict(values)))

    def chart(self, name: str, chart: Chart, picture: Path) -> None:
        """A custom line chart, its rows as a table with intervals, and the figure."""
        self._uplink.send("a chart", lambda run: run.log(_chart(name, chart, picture)))

    def table(self, name: str, table: Table) -> None:
        """A table."""
        self._uplink.send("a table", lambda run: run.log({name: _table(table)}))

    def picture(self, name: str, path: Path) -> None:
        """A picture that is in the run folder."""
        self._uplink.send("a picture", lambda run: run.log(_picture(name, path)))

    def files(self, folder: Path, names: list[str]) -> None:
        """Files of the run folder, as files of the run."""

        def save(run: Run) -> None:
            for name in names:
                run.save(str(folder / name), base_path=str(folder), policy="now")

        self._uplink.send("a file", save)

    def artifact(self, link: Link, artifact: Artifact, facts: Path) -> None:
        """An artifact that the run uses or makes."""

        def log(run: Run) -> None:
            made = _artifact(artifact, facts, self._weights and link == "makes")
            if link == "makes":
                run.log_artifact(made)
            else:  # what `run.use_artifact` does; that refuses it offline
                run._log_artifact(made, is_user_created=True, use_after_commit=True)

        self._uplink.send("an artifact", log)

    def finish(self, exit_code: int) -> None:
        """End the W&B run; what follows in this process is another run."""
        self._uplink.finish(exit_code)

    def sync_command(self) -> str | None:
        """The command that uploads what is kept offline, or None."""
        return self._uplink.sync_command()


def _chart(name: str, chart: Chart, picture: Path) -> dict[str, Any]:
    import wandb

    rows = chart.rows()
    logged: dict[str, Any] = {
        f"{name}/rows": wandb.Table(
            columns=["series", "x", "mean", "low", "high"], data=[list(row) for row in rows]
        ),
        **_picture(name, picture),
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
    return logged


def _artifact(artifact: Artifact, facts: Path, weights: bool) -> Any:
    import wandb

    made = wandb.Artifact(artifact.name, artifact.kind, metadata=dict(artifact.facts))
    # Files stay where they are until they are uploaded: W&B's own copies would be outside the run folder.
    made.add_file(str(facts), name=f"{artifact.kind}.json", policy="immutable", skip_cache=True)
    if artifact.weights is not None and weights:
        made.add_file(str(artifact.weights), policy="immutable", skip_cache=True)
    elif artifact.weights is not None:
        made.add_reference(artifact.weights.resolve().as_uri(), name=artifact.weights.name)
    return made


def _table(table: Table) -> Any:
    import wandb

    data = [list(row) for row in table.rows]
    return wandb.Table(columns=list(table.columns), data=data, allow_mixed_types=True)


def _picture(name: str, path: Path) -> dict[str, Any]:
    import wandb

    return {f"images/{name}": wandb.Image(str(path))}
