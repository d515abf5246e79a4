"""Ctrl-C that ends a run between two batches, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint


class StopBetweenBatches(Checkpoint):
    """On SIGINT or SIGTERM, finish the batch, save, and stop: the run resumes as if it had not been stopped.

    An interrupt in the middle of a step would leave weights half stepped. A second one stops at once. With
    several processes the signals keep their usual meaning: they reach the ranks at different batches. A
    subclass of Lightning's `Checkpoint`, so that it acts after every other callback has seen the batch.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wanted = False
        self._usual: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals over."""
        if trainer.world_size == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._usual[number] = signal.signal(number, self._note)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves and stops, if that was asked for."""
        self._stop_if_wanted(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves and stops, if that was asked for during validation."""
        self._stop_if_wanted(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Gives the signals back."""
        while self._usual:
            signal.signal(*self._usual.popitem())

    def _note(self, number: int, frame: Any) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        print("\nstopping after this batch, with a checkpoint; once more to stop at once", flush=True)

    def _stop_if_wanted(self, trainer: Trainer) -> None:
        if self.wanted:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt
