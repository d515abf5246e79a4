"""What runs have logged, by the names that W&B knows it under; read from their folders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.choices import flat
from locality.config import UsageError
from locality.report.history import HISTORY, read_history
from locality.report.lineage import read_lineage
from locality.report.record import Record
from locality.report.table import Table
from locality.report.wandb_files import WANDB_ID
from locality.runs.files import CONFIG, STATUS, read_config
from locality.runs.finding import UNREADABLE, leave_out, reason, runs_in
from locality.runs.status import checked_status

NOT_MIRRORED = "history"  # a picture that is drawn for the folder's page alone
# Settings that say where and how a run ran, and not what it did.
BESIDE = re.compile(
    r"(task|runs|cache|resume|sweep|logger|samples|snapshots|given|dry_run|trust|checkpoint|networks|unfinished)\b|"
    r"trainer\.(accelerator|devices|num_nodes|log_every_n_steps|enable_\w+)|.*\b(_partial_|root|download)$"
)
Row = tuple[str, float, float | None, float | None, float | None]  # series, x, mean, low, high


@dataclass(frozen=True)
class Logged:
    """One run folder, read. `history`, `scalars` and `tables` have the names that W&B has."""

    folder: Path
    task: str  # train | evaluate
    state: str
    project: str | None  # W&B's; None where the run was kept from W&B
    config: Mapping[str, Any]  # "model.learning_rate" -> 0.001
    history: Mapping[str, Sequence[tuple[int, float]]]  # by step
    scalars: Mapping[str, float | None]  # W&B's summary
    tables: Mapping[str, Table]
    charts: Mapping[str, Sequence[Row]]
    pictures: Mapping[str, Path]  # in W&B under images/<name>
    lineage: Mapping[str, Sequence[str]]

    @property
    def name(self) -> str:
        """The run's name, here and in W&B."""
        return self.folder.name

    @property
    def mirrored(self) -> bool:
        """Whether W&B has it, or will have it once it is synced."""
        return (self.folder / WANDB_ID).exists()

    @property
    def keys(self) -> set[str]:
        """Every key that W&B has of it."""
        charts = {f"{name}{end}" for name in self.charts for end in ("/rows", "_table")}
        pictures = {f"images/{name}" for name in self.pictures}
        return {*self.history, *self.scalars, *self.tables, *charts, *pictures}


def read_run(folder: Path) -> Logged:
    """One run folder; settings have dotted names, and lists are text.

    Raises UsageError where there is none, and for files that cannot be read.
    """
    folder = folder.resolve()
    if not (folder / STATUS).is_file() or not (folder / CONFIG).is_file():
        raise UsageError(f"{folder}: no run folder (want {STATUS} and {CONFIG} in it)")
    try:
        status, config = checked_status(folder), read_config(folder / CONFIG)
        record = Record(folder)
        charts = {name: [_row(row) for row in rows] for name, rows in record.curves.items()}
        scalars = {name: None if value is None else float(value) for name, value in record.scalars.items()}
    except UsageError:
        raise
    except UNREADABLE as error:
        raise UsageError(f"{folder}: no run folder that can be read ({reason(error)})") from error
    settings = {n: json.dumps(one) if isinstance(one, list) else one for n, one in flat(config).items()}
    history = {name: points for name, points in read_history(folder / HISTORY).items() if name != "epoch"}
    logger = config.get("logger") or {}
    project = None if logger.get("wandb") == "disabled" else logger.get("project")
    return Logged(
        folder, status["task"], status["state"], project, settings, history, scalars, record.tables,
        charts, _pictures(folder), read_lineage(folder),
    )  # fmt: skip


def runs_of(asked: Sequence[str], root: Path) -> list[Logged]:
    """The runs of some folders, or those below `root` that log to a W&B project of this name, by name.

    Raises UsageError where there are none.
    """
    found: dict[Path, Logged] = {}
    for one in asked:
        if Path(one).exists() or "/" in one:
            runs = [read_run(Path(one))]
        else:
            runs = [run for run in _readable(root) if run.project == one]
            if not runs:
                raise UsageError(
                    f"{one}: neither a run folder nor a W&B project that a run below {root} logs to"
                )
        found |= {run.folder: run for run in runs}
    return sorted(found.values(), key=lambda run: run.name)


def _readable(root: Path) -> Iterator[Logged]:
    """The runs below a folder; one that cannot be read is named, and left out."""
    for folder, _ in runs_in(root):
        try:
            yield read_run(folder)
        except UsageError as error:
            leave_out(folder, error)


def project_of(runs: Iterable[Logged]) -> str:
    """The W&B project that all the runs log to. Raises UsageError where there are several."""
    projects = sorted({run.project for run in runs if run.project})
    if len(projects) > 1:
        raise UsageError(f"these runs log to several W&B projects ({', '.join(projects)}); take those of one")
    return projects[0] if projects else "locality"


def varied(runs: Sequence[Logged]) -> list[str]:
    """The settings that differ between runs and say what a run did, the numbers first."""
    names = {name: None for run in runs for name in run.config if not BESIDE.match(name)}
    values = {name: {repr(run.config.get(name)) for run in runs} for name in names}
    differing = [name for name in names if len(values[name]) > 1]
    # What another setting says as well, such as data.gamma beside gamma, is said once.
    told: dict[tuple[str, ...], str] = {}
    for name in sorted(differing, key=lambda name: (name.count("."), name)):
        told.setdefault(tuple(repr(run.config.get(name)) for run in runs), name)
    return sorted(told.values(), key=lambda name: (not numeric(name, runs), name))


def numeric(name: str, runs: Sequence[Logged]) -> bool:
    """Whether a setting is a number in all runs."""
    return all(isinstance(run.config.get(name), int | float) for run in runs)


def _row(row: Sequence[str]) -> Row:
    _, series, x, *values = row
    mean, low, high = (float(value) if value else None for value in values)
    return series, float(x), mean, low, high


def _pictures(folder: Path) -> dict[str, Path]:
    images = folder / "images"
    found = {str(path.relative_to(images).with_suffix("")): path for path in sorted(images.rglob("*.png"))}
    return {name: path for name, path in found.items() if name != NOT_MIRRORED}
