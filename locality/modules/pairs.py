"""How alike the estimates of pairs of denoisers are, from the same noisy images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from lightning import LightningModule
from torch import Tensor, nn

from locality.data.batch import Batch
from locality.denoisers.base import Denoiser
from locality.live import LIVE
from locality.metrics import Curve, PerImage
from locality.noise import image_noise

Pair = tuple[str, str]


class PairModule(LightningModule):
    """Under `Trainer.test`, pairs of denoisers are measured against each other; see `values` after it.

    Every denoiser sees the same noised test images, those of `ComparisonModule`. Each runs once an image and
    noise level, however many pairs it is in.
    """

    def __init__(
        self,
        denoisers: Mapping[str, Denoiser],
        pairs: Mapping[str, Pair],  # name -> (whose estimate, that it should come close to)
        metrics: Mapping[str, PerImage],
        sigmas: Sequence[float],  # noise levels, pixel units
        count: int,  # test images
        image_shape: Sequence[int],  # (C, H, W)
        seed: int = 0,  # of the noise
    ) -> None:
        super().__init__()
        self.denoisers, self.pairs = nn.ModuleDict(denoisers), dict(pairs)
        self.sigmas, self.count = list(sigmas), count
        self.image_shape, self.seed = torch.Size(image_shape), seed
        keys = [(f"{pair}/{name}", metric) for pair in pairs for name, metric in metrics.items()]
        self.curves = nn.ModuleDict({key: Curve(metric, self.sigmas) for key, metric in keys})
        self.values: dict[str, list[Tensor]] = {}  # "<pair>/<metric>" -> S times [N], filled by the test run

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds a batch; images beyond the count and padding are left out."""
        keep = (batch.index < self.count) & (batch.weight > 0)
        batch = batch.kept(keep)
        if not len(batch.index):
            return
        noise = image_noise(batch.index.tolist(), self.image_shape, self.seed, "test").to(batch.images)
        levels = len(self.sigmas)
        with LIVE.task(f"batch {batch_idx + 1}", levels) as task:
            for step, sigma in enumerate(self.sigmas):
                task.at(f"level {step + 1} of {levels}")
                x = batch.images + sigma * noise
                estimates: dict[str, Tensor] = {
                    name: module(x, sigma) for name, module in self.denoisers.named_children()
                }
                for key, curve in self._curves():
                    one, other = self.pairs[key.rsplit("/", 1)[0]]
                    curve.update(step, estimates[one], estimates[other], batch.index)

    def on_test_epoch_end(self) -> None:
        """Gathers the numbers of all ranks into `values`."""
        self.values = {key: curve.values() for key, curve in self._curves()}

    def _curves(self) -> list[tuple[str, Curve]]:
        return [(key, curve) for key, curve in self.curves.items() if isinstance(curve, Curve)]
