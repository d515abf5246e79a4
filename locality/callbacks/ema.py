"""The exponential moving average of the weights, with a warm-up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMA(WeightAveraging):
    """Lightning's weight averaging with decay `min(decay, (1 + n) / (10 + n))` at the n-th update.

    The early decay forgets the random start, so that short runs are averaged too. Validation, sampling and
    the checkpoint's `state_dict` use the averaged weights. A run that is interrupted while they are in place
    takes the raw ones back first, so that the checkpoint saved then has each in its own place.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"ema_decay: want a number inside (0, 1), got {decay}")

        def average(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor) -> None:
            n = int(count)
            torch._foreach_lerp_(list(averaged), list(current), 1 - min(decay, (1 + n) / (10 + n)))

        super().__init__(multi_avg_fn=average, use_buffers=False)
        self._exchanged = False

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Puts the averaged weights in place."""
        super().on_validation_epoch_start(trainer, pl_module)
        self._exchanged = self._average_model is not None

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the raw weights back."""
        super().on_validation_epoch_end(trainer, pl_module)
        self._exchanged = False

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Takes the raw weights back, if the run broke off during validation."""
        if self._exchanged:
            self.on_validation_epoch_end(trainer, pl_module)
