"""The Lightning face of any denoiser: sampling, held-out error, logging."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

import torch
from lightning import LightningModule
from torch import Tensor

from locality.data.batch import Batch, as_batch
from locality.denoisers.base import Denoiser
from locality.metrics import Curve, ImageMSE
from locality.noise import image_noise
from locality.sampling import sample
from locality.schedule import NoiseSchedule

PROTOCOL_STEPS = 10  # the paper's protocol: t = 900, 800, ..., 0


class DenoiserModule(LightningModule, ABC):
    """Holds a denoiser, whatever its kind. `test` measures its held-out error, `predict` samples from it.

    The noise of an image is a function of its index and the seed, so results depend neither on the batch size
    nor on the number of ranks.
    """

    denoiser: Denoiser

    def __init__(
        self,
        image_shape: Sequence[int],  # (C, H, W)
        schedule: NoiseSchedule | None = None,  # DDPM's unless given
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image_shape = torch.Size(image_shape)
        self.schedule = schedule or NoiseSchedule.ddpm()
        self.seed = seed
        self.sigmas = self.schedule.leading(PROTOCOL_STEPS)  # [S] high to low
        self.heldout = Curve(ImageMSE(), self.sigmas)

    def forward(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, C, H, W]
        """The denoiser's estimate of the clean images."""
        return self.denoiser(x, sigma)

    def batch_of(
        self,
        given: object,  # what a loader yields: a Batch, images [b, C, H, W], or a pair (images, labels)
        batch_idx: int,
    ) -> Batch:
        """The batch; an image of a plain loader has as index its place in the loader."""
        if isinstance(given, Batch):
            return given
        found = as_batch(given)
        if batch_idx == 0:
            self._length = len(found.index)  # of every batch but the last
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return found._replace(index=rank + world * (batch_idx * self._length + found.index))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds the squared error against the clean images, at the noise levels of the paper's protocol."""
        batch = self.batch_of(batch, batch_idx)
        noise = self.noise(batch.index, "test")
        for step, sigma in enumerate(self.sigmas.to(noise)):
            estimate = self.denoiser(batch.images + sigma * noise, sigma)
            self.heldout.update(step, estimate, batch.images, batch.index, batch.weight)

    def on_test_epoch_end(self) -> None:
        """Logs the mean squared error at each noise level as `test/mse/t<step>`."""
        times = self.schedule.leading_timesteps(PROTOCOL_STEPS)
        means = self.heldout.compute().tolist()
        self.log_dict({f"test/mse/t{t:03d}": mean for t, mean in zip(times, means, strict=True)})

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:  # [b, C, H, W]
        """One sample for each image index, by the paper's 10 steps of DDIM."""
        batch = self.batch_of(batch, batch_idx)
        return sample(self.denoiser, self.noise(batch.index, "sample"), self.sigmas.to(batch.images))

    def noise(
        self,
        index: Tensor,  # [b] image indices
        stream: str,
    ) -> Tensor:  # [b, C, H, W] on the module's device
        """Standard normal noise by image index."""
        return image_noise(index.tolist(), self.image_shape, self.seed, stream).to(self.device)
