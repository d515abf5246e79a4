"""The exponential moving average of the weights, with a warm-up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMA(WeightAveraging):
    """Lightning's weight averaging with decay `min(decay, (1 + n) / (10 + n))` at the n-th update.

    The early decay forgets the random start, so that short runs are averaged too. Validation, sampling and
    the checkpoint's `state_dict` use the averaged weights.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"ema_decay: want a number inside (0, 1), got {decay}")

        def average(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor) -> None:
            n = int(count)
            # The average was copied before the trainer cast the module to its precision: it stays float32.
            alike = [new.to(old.dtype) for old, new in zip(averaged, current, strict=True)]
            torch._foreach_lerp_(list(averaged), alike, 1 - min(decay, (1 + n) / (10 + n)))

        super().__init__(multi_avg_fn=average, use_buffers=False)
