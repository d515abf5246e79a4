"""From a config to a run: everything is built and checked, then a run folder gets all that comes of it."""

from __future__ import annotations

import logging
import os
import traceback
import warnings
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from locality import build
from locality.build import plain
from locality.config import UsageError, check
from locality.disk import first_rank, shown_path
from locality.evaluation import Evaluation
from locality.report import Report
from locality.runs.opening import close_run, drop_run, latest_run, open_run, set_status
from locality.training import Training

__all__ = ["RunFailed", "UsageError", "run"]


class RunFailed(RuntimeError):
    """A run broke off; the traceback is in its folder."""


def run(cfg: DictConfig) -> dict[str, float]:
    """Do what a composed config of train.yaml or evaluate.yaml says, and give back the final numbers.

    Raises UsageError for what does not fit, RunFailed for what broke (its traceback is in the run folder).
    """
    cfg = check(cfg)
    if first_rank():
        print(OmegaConf.to_yaml(cfg, resolve=True), flush=True)
    if cfg.dry_run:
        return {}
    _quiet()
    prepared = (Training if cfg.task == "train" else Evaluation)(cfg)
    loggers = build.made(cfg.logger, where="logger")
    before = latest_run(cfg)
    folder = open_run(cfg)
    set_status(folder, cfg, "running", prepared.facts)
    report, state = None, "failed"
    try:
        tools = loggers(folder=folder, config=plain(cfg), resume_step=prepared.resume_step)
        report = Report(folder, tools)
        if first_rank():
            print(f"run folder: {folder}", flush=True)
        numbers = prepared.run(folder, report, tools)
        state = "finished"
        return numbers
    except UsageError:
        state = "mistaken"
        raise
    except (KeyboardInterrupt, SystemExit) as error:
        state = "interrupted"
        raise KeyboardInterrupt from error
    except Exception as error:
        (folder / "error.txt").write_text(traceback.format_exc())
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunFailed(f"{what} (traceback: {folder / 'error.txt'})") from error
    finally:
        if state == "mistaken" and cfg.task == "evaluate" and not (report and report.pictures()):
            if report is not None:
                report.finish(exit_code=1)
            drop_run(folder, before)
        else:
            set_status(folder, cfg, "failed" if state == "mistaken" else state, prepared.facts)
            if report is not None:
                _close(folder, report, state)
        close_run()


def _close(folder: Path, report: Report, state: str) -> None:
    sync = report.finish(exit_code=0 if state == "finished" else 1)
    if first_rank():
        for picture in report.pictures():
            print(f"picture: {shown_path(picture)}")
        print(f"report: {shown_path(folder / 'report.html')}")
        print(f"W&B, to upload: {sync}" if sync else "W&B: nothing to upload", flush=True)


def _quiet() -> None:
    """Lightning's remarks on hardware and habits, which drown our own lines; warnings of ours stay."""
    os.environ.setdefault("WANDB_SILENT", "true")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
