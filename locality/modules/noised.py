"""Denoisers at the same noised test images, measured level by level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from lightning import LightningModule
from torch import Tensor, nn

from locality.data.batch import Batch
from locality.denoisers.base import Denoiser
from locality.live import LIVE
from locality.metrics import Curve, PerImage
from locality.noise import image_noise


class NoisedModule(LightningModule, ABC):
    """Under `Trainer.test`, denoisers see the same noised test images, those of `ComparisonModule`.

    A subclass says in `measure` what is compared with what. After the run its numbers are in `values`.
    """

    def __init__(
        self,
        denoisers: Mapping[str, Denoiser],
        metrics: Mapping[str, PerImage],  # what `values` will have -> how it is measured
        sigmas: Sequence[float],  # noise levels, pixel units
        count: int,  # test images
        image_shape: Sequence[int],  # (C, H, W)
        seed: int = 0,  # of the noise
    ) -> None:
        super().__init__()
        self.denoisers = nn.ModuleDict(denoisers)
        self.sigmas, self.count = list(sigmas), count
        self.image_shape, self.seed = torch.Size(image_shape), seed
        self.curves = nn.ModuleDict({key: Curve(metric, self.sigmas) for key, metric in metrics.items()})
        self.values: dict[str, list[Tensor]] = {}  # key of metrics -> S times [N], filled level by level
        self.finished: Callable[[int], None] | None = None  # told of each level whose numbers are there
        self._batches: list[Batch] = []

    @abstractmethod
    def measure(self, step: int, x: Tensor, sigma: float, batch: Batch) -> None:
        """Adds what denoisers make of `x`, the noised images of a batch, at one noise level."""

    def curve(self, key: str) -> Curve:
        """Where the numbers of a key gather."""
        curve = self.curves[key]
        assert isinstance(curve, Curve), "made above"
        return curve

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps a batch, without padding and without images beyond the count."""
        batch = batch.first(self.count)
        if len(batch.index):
            self._batches.append(batch)

    def on_test_epoch_end(self) -> None:
        """Fills `values`, one noise level after the other, with the numbers of all ranks."""
        noise = [
            image_noise(batch.index.tolist(), self.image_shape, self.seed, "test").to(batch.images)
            for batch in self._batches
        ]
        with LIVE.task("", len(self.sigmas)) as task:
            for step, sigma in enumerate(self.sigmas):
                task.at(f"level {step + 1} of {len(self.sigmas)}")
                for batch, eps in zip(self._batches, noise, strict=True):
                    self.measure(step, batch.images + sigma * eps, sigma, batch)
                for key in self.curves:
                    self.values.setdefault(key, []).append(self.curve(key).at(step).values())
                if self.finished:
                    self.finished(step)
        self._batches.clear()
