"""The report of a run: one call puts a result into the run folder and into W&B."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, final

from locality.disk import write_atomically
from locality.ranks import first_rank
from locality.report.card import ModelCard, render_card
from locality.report.chart import Chart
from locality.report.figures import draw_chart, to_file, to_png
from locality.report.grid import draw_grid
from locality.report.history import HISTORY, curves, draw_history, read_history
from locality.report.lineage import Artifact, Lineage, Link, statistics_artifact
from locality.report.mirror import Mirror
from locality.report.page import render_page
from locality.report.panels import Panel
from locality.report.record import Record, checked_name
from locality.report.sessions import Sessions
from locality.report.shown import CARD, FILES, PAGE, PANELS, shown
from locality.report.table import Cell, Table

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger
    from matplotlib.figure import Figure
    from torch import Tensor

    from locality.bank import ImageBank

P = ParamSpec("P")


def _on_first_rank(method: Callable[Concatenate[Report, P], None]) -> Callable[Concatenate[Report, P], None]:
    """Nothing on the other ranks: one run folder, one W&B run."""

    @functools.wraps(method)
    def wrapped(report: Report, *args: P.args, **kwargs: P.kwargs) -> None:
        if report.writes:
            method(report, *args, **kwargs)

    return wrapped


@final
class Report:
    """Everything a run has to say. Each call writes to the run folder and, with the same numbers, to W&B.

    Names are `group/quantity` in lower case; a later result of the same name replaces the earlier. On ranks
    other than 0 every method does nothing. `finish` belongs into a `finally`.
    """

    def __init__(
        self,
        folder: Path,
        loggers: Sequence[Logger] = (),
        forms: Sequence[str] = (),  # of figures, beside PNG: svg, pdf
    ) -> None:
        self.folder, self._forms = folder, tuple(forms)
        self.writes = first_rank()
        self._loggers = list(loggers)
        self._record = Record(folder)
        self._lineage = Lineage(folder)
        self._sessions = Sessions(folder, self.writes)
        self._finished = False
        self.conclusion = ""  # what came out, in some words, for the last line of a run

    @functools.cached_property
    def _mirror(self) -> Mirror | None:
        from locality.report.wandb_logger import WandbLogger

        found = [logger for logger in self._loggers if isinstance(logger, WandbLogger)]
        return Mirror(found[0].uplink, found[0].weights) if found else None

    @_on_first_rank
    def scalars(self, values: Mapping[str, float]) -> None:
        """Final numbers: `scalars` in metrics.json, the summary in W&B. NaN and infinity become null."""
        clean = self._record.add_scalars({checked_name(name): value for name, value in values.items()})
        if self._mirror:
            self._mirror.scalars(clean)

    @_on_first_rank
    def chart(self, name: str, chart: Chart) -> None:
        """A chart: rows in curves.csv and images/<name>.png; in W&B a line chart, a table and the picture."""
        self._record.add_chart(checked_name(name), chart)
        path = self._keep_picture(name, draw_chart(chart))
        if self._mirror:
            self._mirror.chart(name, chart, path)

    @_on_first_rank
    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A table: `tables` in metrics.json, a table in W&B. `format_table` is for the terminal."""
        table = Table(columns, rows).clean()
        self._record.tables[checked_name(name)] = table
        if self._mirror:
            self._mirror.table(name, table)

    @_on_first_rank
    def so_far(
        self,
        name: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        scalars: Mapping[str, float],
    ) -> None:
        """A table that still grows, and numbers: in metrics.json now; `table` gives W&B the whole."""
        self._record.tables[checked_name(name)] = Table(columns, rows).clean()
        self._record.add_scalars({checked_name(key): value for key, value in scalars.items()})
        self._record.save(self._sessions.run)

    @_on_first_rank
    def grid(
        self,
        name: str,
        rows: Mapping[str, Tensor],  # name -> [B, C, H, W] in [-1, 1]
        columns: Sequence[str] | None = None,  # B headings
        title: str | None = None,
    ) -> None:
        """A grid of images, one labelled row each: images/<name>.png, and the same picture in W&B."""
        self.figure(name, draw_grid(rows, columns, title))

    @_on_first_rank
    def figure(self, name: str, figure: Figure) -> None:
        """Any other figure: images/<name>.png, and the same picture in W&B."""
        path = self._keep_picture(name, figure)
        if self._mirror:
            self._mirror.picture(name, path)

    @_on_first_rank
    def uses(self, artifact: Artifact) -> None:
        """What the run was given: lineage.json, and an input of the run in W&B's lineage."""
        self._link("uses", artifact)

    @_on_first_rank
    def makes(self, artifact: Artifact) -> None:
        """What the run made: lineage.json, and an output of the run in W&B's lineage."""
        self._link("makes", artifact)

    @_on_first_rank
    def panel(self, name: str, panel: Panel) -> None:
        """An interactive part of report.html: its data go to panels/<name>.json."""
        content = json.dumps(panel.content(), allow_nan=False, separators=(",", ":"))
        write_atomically(self.folder / PANELS / f"{checked_name(name)}.json", content + "\n")

    @_on_first_rank
    def model_card(self, card: ModelCard) -> None:
        """MODEL_CARD.md, with the numbers reported so far."""
        text = render_card(card, self._record.scalars, self._record.tables, self._sessions.run)
        write_atomically(self.folder / CARD, text)

    def finish(self, exit_code: int = 0) -> str | None:
        """Write metrics.json and report.html and end the W&B run.

        Gives the `wandb sync` command, if there is one, for the entry point to print.
        """
        if self._finished or not self.writes:
            return None
        self._finished = True
        for logger in self._loggers:
            logger.save()
        self._sessions.end(finished=exit_code == 0)
        self._record.save(self._sessions.run)
        self._draw_history()
        self._write_page()
        if self._mirror:
            files = [name for name in (*FILES, PAGE) if (self.folder / name).exists()]
            self._mirror.files(self.folder, files)
            self._mirror.finish(exit_code)
        return self._mirror.sync_command() if self._mirror else None

    def pictures(self) -> list[Path]:
        """The pictures of the run folder, in the order of their names."""
        return sorted((self.folder / "images").rglob("*.png"))

    @_on_first_rank
    def measures(
        self,
        bank: ImageBank,
        cache: str | Path | None,  # where statistics are kept
    ) -> None:
        """The statistics of images are about to be measured, or read where they are kept already."""
        from locality.statistics_cache import statistics_file

        kept = cache is not None and statistics_file(bank.fingerprint, Path(cache)).is_file()
        self._link("uses" if kept else "makes", statistics_artifact(bank))

    def _link(self, link: Link, artifact: Artifact) -> None:
        facts = self._lineage.add(link, artifact)
        if self._mirror:
            self._mirror.artifact(link, artifact, facts)

    def _keep_picture(self, name: str, figure: Figure) -> Path:
        path = self.folder / "images" / f"{checked_name(name)}.png"
        write_atomically(path, to_png(figure))
        for form in self._forms:
            write_atomically(path.with_name(f"{path.stem}.{form}"), to_file(figure, form))
        return path

    def _draw_history(self) -> None:
        history = curves(read_history(self.folder / HISTORY))
        if history:
            self._keep_picture("history", draw_history(history))

    def _write_page(self) -> None:
        path = self.folder / PAGE
        sync = self._mirror.sync_command() if self._mirror else None
        write_atomically(path, render_page([shown(self.folder)], path, sync))
