"""The loggers of a run folder: step-wise scalars into history.csv, and the same into W&B."""

from __future__ import annotations

import csv
import functools
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from locality.disk import write_atomically
from locality.ranks import first_rank
from locality.report.history import COLUMNS, HISTORY, read_history
from locality.report.wandb_files import rewind as rewind_wandb
from locality.report.wandb_logger import WandbLogger, check_login

MODES = ("offline", "online", "disabled")
OLD_WORDS = {"dryrun": "offline", "run": "online"}  # which W&B itself, and Lightning, still use in WANDB_MODE


def loggers(
    wandb: str = "offline",  # offline | online | disabled; $WANDB_MODE, if set, decides between the first two
    project: str = "locality",  # the W&B project
    artifacts: bool = False,  # true: W&B's artifacts of networks carry the weights; else a reference to them
) -> Callable[..., list[Logger]]:
    """What makes the loggers of a run folder: the folder always, W&B unless it is disabled.

    Call it as `open_loggers` below, without what is given here. Raises ValueError for a mode that there is
    not, and for W&B online without a login, while there is no run folder yet.
    """
    if wandb not in MODES:
        raise ValueError(f"logger.wandb: want one of {', '.join(MODES)}, got '{wandb}'")
    mode = wandb if wandb == "disabled" else os.environ.get("WANDB_MODE", wandb)
    mode = OLD_WORDS.get(mode, mode)
    if mode not in MODES:
        raise ValueError(f"WANDB_MODE: want one of {', '.join(MODES)}, got '{mode}'")
    if mode == "online":
        check_login()
    return functools.partial(open_loggers, mode=mode, project=project, artifacts=artifacts)


def open_loggers(
    folder: Path,  # the run folder
    config: Mapping[str, Any] | None = None,  # plain containers; W&B's table of runs shows them
    resume_step: int | None = None,  # the step that a resumed run goes on from; later rows are forgotten
    *,
    mode: str,  # of MODES
    project: str,  # the W&B project
    artifacts: bool = False,  # whether artifacts of networks carry their weights
) -> list[Logger]:
    """The loggers of a run folder. A resumed run keeps its W&B id, and its upload has each number once."""
    folder_logger = FolderLogger(folder)
    if resume_step is not None:
        folder_logger.rewind(resume_step)
    if mode == "disabled":
        return [folder_logger]
    missing = [] if resume_step is None else _missing(folder, resume_step)
    online, resumed = mode == "online", resume_step is not None
    wandb = WandbLogger(
        folder, "online" if online else "offline", project, config or {}, resumed, missing, artifacts
    )
    return [folder_logger, wandb]


@final
class FolderLogger(Logger):
    """Writes every scalar that Lightning logs to history.csv: step, name, value, one row each.

    Rows wait in memory until `save`, which Lightning calls after each batch of scalars. An earlier file is
    continued; a run that resumes from step `k` calls `rewind(k)` first. Ranks other than 0 write nothing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / HISTORY
        self._rows: list[tuple[int | str, str, float]] = []

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.parent.name

    @property
    def version(self) -> str:
        """Empty: Lightning puts checkpoints under save_dir/name/version, which is then the run folder."""
        return ""

    @property
    def save_dir(self) -> str:
        """Where the run folders are."""
        return str(self.path.parent.parent)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml, written before the run starts, is the record."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Keep scalars for the next `save`."""
        self._rows += [("" if step is None else step, name, float(value)) for name, value in metrics.items()]

    @rank_zero_only
    def save(self) -> None:
        """Append what was kept."""
        if not self._rows:
            return
        fresh = not self.path.exists()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([COLUMNS] if fresh else [])
        writer.writerows(self._rows)
        with self.path.open("a") as file:
            file.write(text.getvalue())
        self._rows.clear()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Append what was kept."""
        self.save()

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Forget the rows from this step on, and a last row that an interruption cut short."""
        if not self.path.exists():
            return
        # What follows the last line feed is a row that was cut short, or nothing.
        lines = self.path.read_text().split("\n")[1:-1]
        kept = [line for line in lines if not line.split(",")[0] or int(line.split(",")[0]) < step]
        write_atomically(self.path, "\n".join([",".join(COLUMNS), *kept, ""]))


def _missing(folder: Path, step: int) -> list[tuple[int, dict[str, float]]]:
    """The rows of history.csv that no W&B log holds, once the logs are cut where the run goes on."""
    if not first_rank() or any((folder / "wandb").glob("run-*")):  # what an online run sent, only W&B knows
        return []
    held = rewind_wandb(folder, step)
    rows: dict[int, dict[str, float]] = {}
    for name, points in read_history(folder / HISTORY).items():
        for at, value in points:
            if (at, name) not in held:
                rows.setdefault(at, {})[name] = value
    return sorted(rows.items())
