"""The progress bar in a terminal, and now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import TQDMProgressBar

from locality.live import PATIENCE, duration
from locality.ranks import say
from locality.shipped import command

LONG = 3 * 3600.0  # seconds that one hardly waits for


class ProgressBar(TQDMProgressBar):
    """Lightning's bar, where there is a terminal. It ends where `max_steps` ends the training.

    A logger's version (`v_num`, here a piece of the W&B id) tells a reader nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._began = self._told = 0.0  # seconds
        self._first = 0  # the step that this session began with
        self._advised = False

    @property
    def is_enabled(self) -> bool:
        """Whether there is a bar: nobody reads a thousand of them in a file."""
        return bool(super().is_enabled and sys.stdout.isatty())

    @property
    def total_train_batches(self) -> int | float:
        """The batches of the epoch, as far as `max_steps` lets it go."""
        batches = super().total_train_batches
        if self.trainer.max_steps < 0:
            return batches
        done = self.trainer.fit_loop.epoch_loop.batch_progress.current.completed
        done = done if done < batches else 0  # those of the epoch before, at the start of one
        left = self.trainer.max_steps - self.trainer.global_step
        return min(batches, done + left * self.trainer.accumulate_grad_batches)

    def on_train_start(self, trainer: Trainer, *args: Any) -> None:
        """Starts the clock."""
        super().on_train_start(trainer, *args)
        self._began = self._told = time.monotonic()
        self._first = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Moves the bar; where there is none, says now and then how far the training is."""
        super().on_train_batch_end(trainer, *args)
        if not self._due():
            return
        now, steps = self._told, trainer.global_step - self._first
        if steps == 0:  # nothing is optimised, or many batches make a step
            done = trainer.fit_loop.epoch_loop.batch_progress.current.ready
            end = trainer.num_training_batches  # of an epoch; infinite where a loader does not know
            whole = f" of {int(end):,}" if end < math.inf else ""
            say(f"batch {done:,}{whole}, epoch {trainer.current_epoch + 1}")
            return
        done, end = trainer.global_step, trainer.estimated_stepping_batches
        left = (now - self._began) / steps * (end - done)
        loss = trainer.callback_metrics.get("train/loss")
        shown = "" if loss is None else f", loss {float(loss):.4g}"
        say(f"step {done:,} of {int(end):,}, epoch {trainer.current_epoch + 1}{shown}, {duration(left)} left")
        if left > LONG and not self._advised and isinstance(trainer.accelerator, CPUAccelerator):
            self._advised = True
            say(f"recipes that suit a processor end on _cpu: {command('train')} --list")

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Moves the bar; where there is none, says now and then how far the held-out images are."""
        super().on_validation_batch_end(trainer, *args)
        self._tell_held_out(args[3], trainer.num_val_batches)

    def on_test_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """The same of the test after the training."""
        super().on_test_batch_end(trainer, *args)
        self._tell_held_out(args[3], trainer.num_test_batches)

    def _tell_held_out(
        self,
        index: int,  # of the batch: what Lightning gives after the module, outputs and the batch
        batches: Sequence[int | float],
    ) -> None:
        if self._due():
            say(f"held-out images: batch {index + 1:,} of {int(sum(batches)):,}")

    def _due(self) -> bool:
        """Whether there is no bar, and a line is due; notes that it comes."""
        now = time.monotonic()
        if self.is_enabled or now - self._told < PATIENCE:
            return False
        self._told = now
        return True

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """What stands at the end of the bar."""
        shown = super().get_metrics(trainer, pl_module)
        shown.pop("v_num", None)
        return shown
