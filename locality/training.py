"""One run of train.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from locality import build
from locality.callbacks.interrupt import StopBetweenBatches, complete
from locality.callbacks.samples import SampleGrid
from locality.callbacks.snapshots import Snapshots
from locality.checkpoints.exported import keep_trainings_before
from locality.checkpoints.going_on import go_on_from
from locality.config import UsageError
from locality.holding import holding
from locality.making import plain
from locality.modules import AnalyticModule, DDPMModule, Diverged, OnePass
from locality.networks.foreign import settled
from locality.ranks import first_rank
from locality.report import Report
from locality.report.lineage import data_artifact, network_artifact, statistics_artifact
from locality.report.over_wiener import MSE, RATIO
from locality.runs.checkpoint_file import newest_checkpoint
from locality.runs.files import CHECKPOINT
from locality.runs.resuming import check_unfinished
from locality.runs.saving import check_saved, set_aside
from locality.runs.status import read_status
from locality.stopping import REQUEST, Stopped
from locality.training_card import card, ratios_to_wiener

# What fitting an analytical denoiser asks of any trainer: nothing is optimised, so nothing is clipped.
ONE_PASS: dict[str, Any] = {"max_epochs": 1, "limit_val_batches": 0, "gradient_clip_val": None}


class Training:
    """Making it builds all that can be built without a run folder, and so finds what does not fit."""

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        if cfg.resume:
            check_unfinished(Path(cfg.resume))
        lightning.seed_everything(cfg.seed, verbose=False)
        self.data = build.datamodule(cfg.data, hold=holding(cfg))
        bank = self.data.bank("train")
        if cfg.resume:
            _check_same(Path(cfg.resume), bank.fingerprint)
        self.module = build.module(cfg.model, tuple(bank.image_shape))
        if bank.shard.world > 1 and not self.analytic:
            raise UsageError(
                f"bank={cfg.bank}: a network sees all images in batches; want model=analytic, or bank=mapped"
            )
        self.facts = {"fingerprint": bank.fingerprint}
        # Settled, so that a checkpoint of a foreign network needs no other file.
        recipe: dict[str, Any] = {"model": settled(plain(cfg.model)), "data": plain(cfg.data), **self.facts}
        recipe["image_shape"] = list(bank.image_shape)
        self.module.save_hyperparameters(recipe, logger=False)
        self._try()
        # A network of diffusers comes with its weights. A run that resumes has its own.
        self.origin = Path(cfg.pretrained) if cfg.pretrained and not cfg.resume else None
        if self.origin and "pretrained" not in cfg.model.get("network", {}):
            go_on_from(self.module, self.origin, cfg.trust)
        if isinstance(self.module, AnalyticModule):
            self.module.recipe = self.module.recipe.keeping(cfg.cache)
        newest = newest_checkpoint(Path(cfg.resume)) if cfg.resume else None
        self.last = newest[0] if newest else None
        # Rows of a run that was stopped before its first checkpoint are those of no run.
        self.resume_step = _step(*newest) if newest else 0 if cfg.resume else None

    @property
    def analytic(self) -> bool:
        """Whether this is one pass, with nothing to optimise."""
        return isinstance(self.module, AnalyticModule)

    def run(self, folder: Path, report: Report, tools: list[Logger]) -> dict[str, float]:
        """Train, test on held-out images, and write the model card."""
        trainer = build.trainer(
            self.cfg.trainer, folder, tools, self._callbacks(folder, report.grid),
            **(ONE_PASS if self.analytic else {}),
        )  # fmt: skip
        data = OnePass(self.data) if self.analytic else self.data
        if self.last:
            set_aside(folder, self.last)
        bank = self.data.bank("train")
        report.uses(data_artifact(bank))
        if self.origin:
            report.uses(network_artifact(self.origin))
            if first_rank():
                keep_trainings_before(folder, self.origin)
        trainer.fit(self.module, datamodule=data, ckpt_path=str(self.last) if self.last else None)
        if trainer.interrupted:
            raise KeyboardInterrupt
        if trainer.world_size == 1:  # a signal after the last batch; ranks agree on it in the test
            REQUEST.obey()
        if not complete(trainer):
            raise Stopped(f"the trainer stopped after {trainer.global_step} steps, before its end", 0)
        if isinstance(self.module, AnalyticModule):
            trainer.save_checkpoint(folder / CHECKPOINT)
            if self.module.recipe.accepts("stats"):
                report.makes(statistics_artifact(bank))
        numbers = {name: float(value) for name, value in trainer.callback_metrics.items()}
        steps = trainer.global_step
        numbers |= trainer.test(self.module, datamodule=self.data, verbose=False)[0]
        wrong = [name for name, value in numbers.items() if not math.isfinite(value)]
        if wrong:
            raise Diverged(f"after {steps} steps, {wrong[0]} is not finite")
        numbers |= ratios_to_wiener(self.cfg, self.module, self.data, report, numbers)
        report.scalars(numbers)
        report.conclusion = _conclusion(numbers)
        report.model_card(card(self.cfg, self.module, self.data, folder, steps))
        check_saved(trainer)
        report.makes(network_artifact(folder))
        return numbers

    def _try(self) -> None:
        try:
            trainer = build.trainer(
                self.cfg.trainer, Path(self.cfg.runs), [], self._callbacks(Path(self.cfg.runs), print),
                **(ONE_PASS if self.analytic else {}),
            )  # fmt: skip
            self.data.check_ranks(trainer.num_devices * trainer.num_nodes)
            build.check_batches(self.cfg.trainer, self.data)
            if not self.analytic:
                self.module.schedule.leading(self.cfg.samples.get("steps", 1))
            if isinstance(self.module, DDPMModule):
                self.module.fit_floor(self.data.bank("train"), self.cfg.cache)
        except (ValueError, TypeError) as error:
            raise UsageError(" ".join(str(error).split())) from error
        if isinstance(self.module, AnalyticModule):
            build.try_fit("denoiser", self.module.recipe, self.data.bank("train"))

    def _callbacks(self, folder: Path, draw: Callable[..., None]) -> list[Callback]:
        if self.analytic:
            return []
        return [SampleGrid(draw, **self.cfg.samples), *_checkpoints(folder, self.cfg.snapshots)]


def _conclusion(numbers: Mapping[str, float]) -> str:
    """What came out, in some words: held-out errors over those of the Wiener filter, else by themselves."""
    for start, what in (
        (RATIO, "held-out error over Wiener's"),
        (MSE, "held-out MSE"),
    ):
        found = {name.removeprefix(start): value for name, value in numbers.items() if name.startswith(start)}
        if found:
            best = min(found, key=lambda name: found[name])
            worst = max(found, key=lambda name: found[name])
            return f"{what} {found[best]:.3g} ({best}) to {found[worst]:.3g} ({worst})"
    return ""


def _check_same(run: Path, fingerprint: str) -> None:
    """Raises UsageError where a run would go on with other images than it began with."""
    before = read_status(run).get("fingerprint", fingerprint)
    if before != fingerprint:
        raise UsageError(
            f"resume={run}: the images have changed since the run began (fingerprint {fingerprint}, was "
            f"{before}); bring them back, or start another run"
        )


def _step(path: Path, content: Any) -> int:
    step = content.get("global_step") if isinstance(content, dict) else None
    if not isinstance(step, int):
        raise UsageError(f"resume: {path} is no checkpoint of a training; start the run again")
    return step


def _checkpoints(folder: Path, snapshots: Sequence[int]) -> list[Callback]:
    """`last.ckpt`, renewed after each epoch, every few minutes, and when the run is stopped; snapshots."""
    place: dict[str, Any] = {"dirpath": folder / CHECKPOINT.parent, "filename": CHECKPOINT.stem}
    place |= {"enable_version_counter": False}
    return [
        ModelCheckpoint(**place, every_n_epochs=1, save_on_train_epoch_end=True),
        ModelCheckpoint(**place, train_time_interval=timedelta(minutes=4)),
        Snapshots(folder / CHECKPOINT.parent, snapshots),
        StopBetweenBatches(folder / CHECKPOINT),
    ]
