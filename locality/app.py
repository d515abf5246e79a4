"""From a config to a run: everything is built and checked, then a run folder gets all that comes of it."""

from __future__ import annotations

import logging
import os
import time
import traceback
import warnings
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from locality import build
from locality.config import UsageError, check
from locality.disk import shown_path, write_atomically
from locality.evaluation import Evaluation
from locality.live import LIVE, duration, one_line, prose
from locality.making import plain
from locality.modules import Diverged
from locality.ranks import first_rank, say
from locality.report import Report
from locality.runs import jobs
from locality.runs.opening import close_run, drop_run, latest_run, open_run
from locality.runs.resuming import unfinished
from locality.runs.status import Outcome, set_status
from locality.stopping import REQUEST, Stopped, heeded
from locality.training import Training

__all__ = ["RunFailed", "RunStopped", "UsageError", "run"]


class RunFailed(RuntimeError):
    """A run broke off; the traceback is in its folder."""


class RunStopped(KeyboardInterrupt):
    """A run was stopped; `code` is what the process should end with."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


def run(
    cfg: DictConfig,
    job: int | None = None,  # of a sweep: a part of the run folder's name, where several processes find it
) -> dict[str, float]:
    """Do what a composed config of train.yaml or evaluate.yaml says, and give back the final numbers.

    The config stays as it is; the run folder has what became of it, with all that was looked for.
    Raises UsageError for what does not fit, RunFailed for what broke (its traceback is in the run folder),
    RunStopped where a signal or a bound on the time ended it.
    """
    cfg = check(cfg)
    if cfg.dry_run:
        say(OmegaConf.to_yaml(cfg, resolve=True))
        return {}
    _quiet()
    with heeded(), LIVE.shown(first_rank()):
        try:
            prepared = (Training if cfg.task == "train" else Evaluation)(cfg)
            return _Run(prepared, job).carry_out()
        except Stopped as stop:
            raise RunStopped(stop.reason, stop.code) from stop


class _Run:
    """One run with a folder: whatever happens, the folder says what became of it."""

    def __init__(self, prepared: Training | Evaluation, job: int | None) -> None:
        self.cfg, self.prepared = prepared.cfg, prepared
        cfg = self.cfg
        self.loggers = build.made(cfg.logger, where="logger")
        self.before, self.made = latest_run(cfg), not Path(cfg.runs).exists()
        self.report: Report | None = None
        with REQUEST.hold():  # no folder without a state
            self.folder = open_run(cfg, job)
            self._note(Outcome("running"))

    def carry_out(self) -> dict[str, float]:
        """The final numbers. The state is written last: a run that is `finished` has everything written."""
        began = time.monotonic()
        try:
            REQUEST.obey()
            numbers = self._work()
            self._close(finished=True)
            self._note(Outcome("finished"))
            self._conclude(time.monotonic() - began)
            return numbers
        except BaseException as error:
            self._end(error)
            told = self._told(error)
            if told is error:
                raise
            raise told from error
        finally:
            close_run()

    def _work(self) -> dict[str, float]:
        tools = self.loggers(
            folder=self.folder, config=plain(self.cfg), resume_step=self.prepared.resume_step
        )
        self.report = Report(self.folder, tools, self.cfg.figures or ())
        say(f"run folder: {self.folder}")
        return self.prepared.run(self.folder, self.report, tools)

    def _end(self, error: BaseException) -> None:
        """What a run that does not finish leaves behind. Nothing here may hide why it ended."""
        drawn = self.report is not None and self.report.pictures()
        if isinstance(error, UsageError) and self.cfg.task == "evaluate" and not drawn:
            if self.report is not None:
                self.report.finish(exit_code=1)
            drop_run(self.folder, self.before, self.made)
            return
        try:
            if isinstance(error, Exception) and not isinstance(error, UsageError):
                write_atomically(self.folder / "error.txt", traceback.format_exc())
            outcome = _outcome(error)
            self._note(outcome)
            self._close(finished=False)
            left = unfinished(self.folder) if outcome.state == "interrupted" else None
            if left is not None and left.longer is not None:
                say(f"to go on: {left.longer}")
        except OSError as full:  # a full disk, most likely; the process is gone soon, and that is seen, too
            say(f"{self.folder}: not all could be written ({full})")

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, UsageError | Stopped):
            return error
        if isinstance(error, Exception):
            what = one_line(error)
            if isinstance(error, Diverged):
                less = f"model.learning_rate=<less than {self.cfg.model.learning_rate:g}>"
                what += f"; take a smaller rate: resume={shown_path(self.folder)} {less}"
            return RunFailed(f"{what} (traceback: {self.folder / 'error.txt'})")
        return RunStopped("interrupted", 130)

    def _note(self, outcome: Outcome) -> None:
        set_status(self.folder, self.cfg, outcome, {**self.prepared.facts, **jobs.facts()})

    def _close(self, finished: bool) -> None:
        if self.report is None:
            return
        sync = self.report.finish(exit_code=0 if finished else 1)
        if sync:
            say(f"W&B, to upload: {sync}")

    def _conclude(self, seconds: float) -> None:
        """The last line: what came out, and where all of it is."""
        if self.report is None:
            return
        pictures = len(self.report.pictures())
        result = f"{self.report.conclusion}; " if self.report.conclusion else ""
        many = "picture" if pictures == 1 else "pictures"
        what = f"{pictures} {many} and all numbers" if pictures else "all numbers"
        page = shown_path(self.folder / "report.html")
        say(prose(f"done in {duration(seconds)}: {result}{what}: {page}"))


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, Stopped):
        return Outcome("interrupted", error.reason, error.code)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return Outcome("interrupted", "interrupted", 130)
    reason = one_line(error)
    return Outcome("failed", reason, 1, diverged=isinstance(error, Diverged))


def _quiet() -> None:
    """Lightning's remarks on hardware and habits, which drown our own lines; warnings of ours stay."""
    os.environ.setdefault("WANDB_SILENT", "true")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
