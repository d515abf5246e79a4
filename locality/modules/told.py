"""Held-out error of denoisers that are told the class of each image, and that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from lightning import LightningModule
from torch import Tensor, nn

from locality.data.batch import Batch
from locality.denoisers.conditional import Conditional
from locality.live import LIVE
from locality.metrics import Curve, ImageMSE
from locality.noise import image_noise

WAYS = ("untold", "told")


class ToldModule(LightningModule):
    """Under `Trainer.test`, each denoiser runs told the classes of the test images, and untold; see `values`.

    All see the same noised test images, those of `ComparisonModule`.
    """

    told_labels = True  # its batches carry the classes

    def __init__(
        self,
        denoisers: Mapping[str, Conditional],
        sigmas: Sequence[float],  # noise levels, pixel units
        count: int,  # test images
        image_shape: Sequence[int],  # (C, H, W)
        guidance: float = 1.0,  # of those that are told
        seed: int = 0,  # of the noise
    ) -> None:
        super().__init__()
        self.denoisers, self.guidance = nn.ModuleDict(denoisers), guidance
        self.sigmas, self.count = list(sigmas), count
        self.image_shape, self.seed = torch.Size(image_shape), seed
        self.curves = nn.ModuleDict({
            f"{name}/{way}": Curve(ImageMSE(), self.sigmas) for name in denoisers for way in WAYS
        })  # fmt: skip
        self.values: dict[str, list[Tensor]] = {}  # "<denoiser>/<way>" -> S times [N], filled by the test run

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds a batch; images beyond the count and padding are left out."""
        batch = batch.kept((batch.index < self.count) & (batch.weight > 0))
        if not len(batch.index):
            return
        noise = image_noise(batch.index.tolist(), self.image_shape, self.seed, "test").to(batch.images)
        levels = len(self.sigmas)
        with LIVE.task(f"batch {batch_idx + 1}", levels) as task:
            for step, sigma in enumerate(self.sigmas):
                task.at(f"level {step + 1} of {levels}")
                self._add(step, batch.images + sigma * noise, sigma, batch)

    def _add(self, step: int, x: Tensor, sigma: float, batch: Batch) -> None:
        assert batch.labels is not None, "asked for by told_labels"
        for name, one in self.denoisers.named_children():
            assert isinstance(one, Conditional), "given as such"
            for way, denoiser in zip(WAYS, (one, one.given(batch.labels, self.guidance)), strict=True):
                curve = self.curves[f"{name}/{way}"]
                assert isinstance(curve, Curve), "made above"
                curve.update(step, denoiser(x, sigma), batch.images, batch.index)

    def on_test_epoch_end(self) -> None:
        """Gathers the numbers of all ranks into `values`."""
        self.values = {key: curve.values() for key, curve in self.curves.items() if isinstance(curve, Curve)}
