"""Runs that end between two batches, on all ranks at once, with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from locality.stopping import REQUEST, Stopped


class StopBetweenBatches(Checkpoint):
    """On a signal to any rank, all ranks finish the batch, save once, and stop.

    The run resumes as if it had not been stopped; an interrupt in the middle of a step would leave weights
    half stepped. A validation that is under way is cut short. A bound on the time (`trainer.max_time`) ends a
    run in the same way. A subclass of Lightning's `Checkpoint`, so that it acts after every other callback
    has seen the batch. Raises `Stopped`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals over from Lightning, whose own way hangs if one rank alone gets a signal."""
        REQUEST.take()
        REQUEST.deferred = True

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves and stops, if that was asked for."""
        self._stop_if_wanted(trainer)
        if trainer.should_stop and not complete(trainer):
            trainer.save_checkpoint(self.path)
            done, end = trainer.global_step, trainer.estimated_stepping_batches
            raise Stopped(f"trainer.max_time is over, after {done} of {end:g} steps", 0)

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Cuts the validation short: Lightning ends a loop whose step says that there is no more."""
        if trainer.state.fn == "fit" and agreed(trainer):
            raise StopIteration

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves and stops, if that was asked for during validation."""
        self._stop_if_wanted(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """From here on a signal ends the run where it arrives."""
        REQUEST.deferred = False

    def _stop_if_wanted(self, trainer: Trainer) -> None:
        number = agreed(trainer)
        if number:
            trainer.save_checkpoint(self.path)
            raise Stopped.by(number)


class StopTogether(Callback):
    """Ranks that only measure stop together, too: one that left alone would let the others wait for it."""

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals over from Lightning."""
        REQUEST.take()
        REQUEST.deferred = trainer.world_size > 1

    def on_test_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Stops, if that was asked for."""
        number = agreed(trainer) if trainer.world_size > 1 else 0
        if number:
            raise Stopped.by(number)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """From here on a signal ends the run where it arrives."""
        REQUEST.deferred = False


def agreed(trainer: Trainer) -> int:
    """The number of the signal that any rank has got; 0 for none."""
    if trainer.world_size == 1:
        return REQUEST.number
    number = torch.tensor(REQUEST.number, device=trainer.strategy.root_device)
    return int(trainer.strategy.reduce(number, reduce_op="max"))


def complete(trainer: Trainer) -> bool:
    """Whether a training has reached `max_steps` or the last batch of `max_epochs`."""
    if 0 <= trainer.max_steps <= trainer.global_step:
        return True
    last = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    epochs = trainer.current_epoch + (1 if last and trainer.training else 0)
    return trainer.max_epochs is not None and 0 < trainer.max_epochs <= epochs
