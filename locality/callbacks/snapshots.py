"""Checkpoints that stay, at chosen steps of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import Checkpoint


class Snapshots(Checkpoint):
    """Keeps `step<number>.ckpt` after each of the given optimiser steps, to look at a network's youth.

    Each is a whole checkpoint: `locality.load` takes it, and `checkpoint=` of evaluate.py. A subclass of
    Lightning's `Checkpoint`, so that it acts after the weights of the step have been averaged.
    """

    def __init__(self, folder: Path, steps: Sequence[int]) -> None:
        if any(step < 1 for step in steps):
            raise ValueError(f"snapshots: want optimiser steps from 1, got {list(steps)}")
        self.folder, self.steps = folder, frozenset(steps)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves, if this step is one of them."""
        if trainer.global_step in self.steps:
            trainer.save_checkpoint(self.folder / f"step{trainer.global_step:06d}.ckpt")
