"""Lightning's logger for W&B: the same scalars as in history.csv, through the uplink."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from locality.disk import write_atomically
from locality.ranks import first_rank
from locality.report.uplink import SECONDS, Uplink, bounded
from locality.report.wandb_files import STEP, WANDB_ID

if TYPE_CHECKING:
    from wandb import Run, Settings


@final
class WandbLogger(Logger):
    """Sends what Lightning logs. Nothing that W&B does ends or blocks the training (see `Uplink`).

    W&B's run starts at the first call, and a resumed run has the id of the first session.
    """

    def __init__(
        self,
        folder: Path,  # the run folder
        mode: Literal["offline", "online"],
        project: str,
        config: Mapping[str, Any],  # plain containers
        resumed: bool,
        missing: Sequence[tuple[int, Mapping[str, float]]] = (),  # rows that W&B's log lost, to send first
        weights: bool = False,  # whether artifacts of networks carry their weights
    ) -> None:
        super().__init__()
        self.weights = weights
        self._folder, self._project, self._config = folder, project, dict(config)
        self._resumed, self._missing = resumed, list(missing)
        self.uplink = Uplink(folder, mode, resumed, self._start)

    @property
    def name(self) -> str:
        """The W&B project."""
        return self._project

    @property
    def version(self) -> str | None:
        """The W&B id."""
        path = self._folder / WANDB_ID
        return path.read_text().strip() if path.exists() else None

    @property
    def experiment(self) -> Run | None:
        """The W&B run, or None without one. Calls on it are not guarded: use `uplink.send`."""
        self.uplink.send("the start", lambda run: None)
        return self.uplink.run if self.uplink.on else None

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Hyperparameters of a module that wants them logged, into the config."""
        given = dict(params) if isinstance(params, Mapping) else vars(params)
        self.uplink.send("a config", lambda run: run.config.update(given, allow_val_change=True))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Scalars of one step."""
        row = dict(metrics) if step is None else {**metrics, STEP: step}
        self.uplink.send("a log", lambda run: run.log(row))

    def _start(self, mode: Literal["offline", "online"]) -> Run:
        import wandb

        quiet = _settings()
        wandb.setup(settings=quiet)
        # `mode`, and not WANDB_MODE, which would hold for everything else in this process. The first session
        # does not resume: uploaded again, its rows take their own places, and no row is there twice.
        run = wandb.init(
            name=self._folder.name,
            dir=self._folder,
            id=_wandb_id(self._folder),
            project=self._project,
            mode=mode,
            config=self._config,
            settings=quiet,
            resume="allow" if self._resumed else None,
        )
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        for step, row in self._missing:
            run.log({**row, STEP: step})
        return run


def check_login() -> None:
    """Raises ValueError if W&B online has no credentials. A server that does not answer is found later."""
    import wandb

    try:
        bounded(lambda: wandb.setup(settings=_settings()), SECONDS)
        known = bounded(lambda: wandb.login(prompt=False), SECONDS)
    except (TimeoutError, OSError, wandb.errors.CommError):
        return
    except wandb.Error as error:
        raise ValueError(f"W&B online: {error} (logger=wandb keeps the run for `wandb sync`)") from error
    if not known:
        raise ValueError("W&B online wants `wandb login` once (logger=wandb keeps the run for `wandb sync`)")


def _settings() -> Settings:
    import wandb

    # W&B's own limits come first, so that it can say what it waited for.
    limit = SECONDS * 5 / 6
    return wandb.Settings(
        show_info=False,
        show_warnings=False,
        console="off",
        init_timeout=limit,
        finish_timeout=limit,
        finish_timeout_raises=True,
    )


def _wandb_id(folder: Path) -> str | None:
    """The run's W&B id: the stored one, or a new one which is stored. Only rank 0 has a W&B run."""
    if not first_rank():
        return None
    path = folder / WANDB_ID
    if not path.exists():
        write_atomically(path, secrets.token_hex(4) + "\n")
    return path.read_text().strip()
