"""From a config to a run: objects, a trainer, a run folder with everything in it, and the numbers."""

from __future__ import annotations

import logging
import os
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from locality import build, gallery
from locality.build import plain
from locality.callbacks.interrupt import StopBetweenBatches
from locality.callbacks.samples import SampleGrid
from locality.callbacks.snapshots import Snapshots
from locality.checkpoint import CHECKPOINT, read, rebuilt
from locality.compare.context import Context
from locality.config import UsageError, check
from locality.modules import AnalyticModule, DenoiserModule, OnePass
from locality.report import Report
from locality.report.folder import first_rank
from locality.runs import close_run, newest_network, open_run, set_status

# What fitting an analytical denoiser asks of any trainer: nothing is optimised, so nothing is clipped.
ONE_PASS: dict[str, Any] = {"max_epochs": 1, "limit_val_batches": 0, "gradient_clip_val": None}


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
    prepared = (_Training if cfg.task == "train" else _Evaluation)(cfg)
    folder = open_run(cfg)
    resumed = folder / CHECKPOINT if cfg.get("resume") and (folder / CHECKPOINT).exists() else None
    step = read(resumed)["global_step"] if resumed else None
    tools = build.made(cfg.logger, _partial_=True)(folder=folder, config=plain(cfg), resume_step=step)
    report = Report(folder, tools)
    state = "failed"
    try:
        if first_rank():
            print(f"run folder: {folder}", flush=True)
        numbers = prepared.run(folder, report, tools)
        state = "finished"
        return numbers
    except UsageError:
        raise
    except (KeyboardInterrupt, SystemExit) as error:
        state = "interrupted"
        raise KeyboardInterrupt from error
    except Exception as error:
        (folder / "error.txt").write_text(traceback.format_exc())
        raise RunFailed(f"{type(error).__name__}: {error} (traceback: {folder / 'error.txt'})") from error
    finally:
        _close(cfg, folder, report, state)


class _Training:
    """One run of train.py. Making it finds the mistakes that can be found before there is a run folder."""

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        lightning.seed_everything(cfg.seed, verbose=False)
        self.data = build.datamodule(cfg.data)
        self.module = build.module(cfg.model, tuple(self.data.image_shape))
        self.module.save_hyperparameters(_recipe(cfg, self.module), logger=False)

    def run(self, folder: Path, report: Report, tools: list[Logger]) -> dict[str, float]:
        analytic = isinstance(self.module, AnalyticModule)
        callbacks: list[Callback] = (
            []
            if analytic
            else [SampleGrid(report, **self.cfg.samples), *_checkpoints(folder, self.cfg.snapshots)]
        )
        changes: dict[str, Any] = ONE_PASS if analytic else {}
        trainer = _trainer(self.cfg, folder, tools, callbacks, **changes)
        last = folder / CHECKPOINT
        resume = str(last) if self.cfg.resume and last.exists() else None
        trainer.fit(self.module, datamodule=OnePass(self.data) if analytic else self.data, ckpt_path=resume)
        if trainer.interrupted:
            raise KeyboardInterrupt
        if analytic:
            trainer.save_checkpoint(last)
        numbers = {name: float(value) for name, value in trainer.callback_metrics.items()}
        numbers |= trainer.test(self.module, datamodule=self.data, verbose=False)[0]
        report.scalars(numbers)
        return numbers


class _Evaluation:
    """One run of evaluate.py."""

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        lightning.seed_everything(cfg.seed, verbose=False)
        self.networks = gallery.networks(cfg)
        source = cfg.checkpoint
        if source is None:
            source = next(iter(self.networks.values())).path
        elif source == "auto":
            source = newest_network(Path(cfg.runs), cfg.data, cfg.gamma)
            if first_rank():
                print(f"checkpoint=auto: {source}", flush=True)
        cfg.checkpoint = str(source)  # the run folder's config.yaml names what was evaluated
        checkpoint = read(source)
        # Resolved now: runs/latest is about to become this run's own folder.
        file = Path(source).resolve()
        self.calibrations = (file / CHECKPOINT if file.is_dir() else file).with_suffix(".calibration")
        self.reference = rebuilt(checkpoint, source, cfg.cache)
        # Resolved, so that config.yaml names the images that were used.
        cfg.data = _data(cfg, checkpoint["hyper_parameters"]["data"])
        cfg.gamma = cfg.data.gamma
        self.data = build.datamodule(cfg.data)
        self.compare = build.made(cfg.compare)

    def run(self, folder: Path, report: Report, tools: list[Logger]) -> dict[str, float]:
        fits = {name: build.fit(node) for name, node in self.cfg.candidates.items()}

        def trainer(**changes: Any) -> Trainer:
            return _trainer(self.cfg, folder, tools, [], **changes)

        context = Context(
            self.reference, fits, self.data, report, trainer, self.cfg.seed, self.cfg.cache,
            self.calibrations, self.networks,
        )  # fmt: skip
        return self.compare(context)


def _trainer(
    cfg: DictConfig, folder: Path, tools: list[Logger], callbacks: list[Callback], **changes: Any
) -> Trainer:
    # Inference mode would cut the gradients that sensitivity fields are made of; the data shares out ranks.
    return build.made(
        {**plain(cfg.trainer), **changes},
        default_root_dir=str(folder), logger=tools, callbacks=callbacks,
        inference_mode=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
    )  # fmt: skip


def _checkpoints(folder: Path, snapshots: Sequence[int]) -> list[Callback]:
    """`last.ckpt`, renewed after each epoch, every few minutes, and when the run is stopped; snapshots."""
    from datetime import timedelta

    place: dict[str, Any] = {"dirpath": folder / CHECKPOINT.parent, "filename": CHECKPOINT.stem}
    place |= {"enable_version_counter": False}
    return [
        ModelCheckpoint(**place, every_n_epochs=1, save_on_train_epoch_end=True),
        ModelCheckpoint(**place, train_time_interval=timedelta(minutes=4)),
        Snapshots(folder / CHECKPOINT.parent, snapshots),
        StopBetweenBatches(folder / CHECKPOINT),
    ]


def _recipe(cfg: DictConfig, module: DenoiserModule) -> dict[str, Any]:
    return {"model": plain(cfg.model), "data": plain(cfg.data), "image_shape": list(module.image_shape)}


def _data(cfg: DictConfig, trained_on: dict[str, Any]) -> dict[str, Any]:
    """The data that were asked for, else those of the run; without a gamma, that of the run."""
    if cfg.data is None:
        if cfg.gamma and trained_on["pattern"] is None:
            raise UsageError(f"gamma={cfg.gamma:g}: the data of the run have no pattern; leave gamma out")
        return trained_on if cfg.gamma is None else {**trained_on, "gamma": cfg.gamma}
    asked = plain(cfg.data)
    if cfg.gamma is None:
        asked["gamma"] = trained_on["gamma"] if asked["pattern"] is not None else 0.0
    return asked


def _close(cfg: DictConfig, folder: Path, report: Report, state: str) -> None:
    set_status(folder, cfg, state)
    sync = report.finish(exit_code=0 if state == "finished" else 1)
    if first_rank():
        print(f"report: {folder / 'report.html'}")
        print(f"W&B, to upload: {sync}" if sync else "W&B: nothing to upload", flush=True)
    close_run()


def _quiet() -> None:
    """Lightning's remarks on hardware and habits, which drown our own lines; warnings of ours stay."""
    os.environ.setdefault("WANDB_SILENT", "true")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
