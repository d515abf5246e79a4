"""The Lightning face of any denoiser: sampling, held-out error, logging."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from lightning import LightningModule
from torch import Tensor

from locality.config import UsageError
from locality.data.batch import Batch, as_batch
from locality.denoisers.base import Denoiser
from locality.making import arguments as made_arguments
from locality.metrics import Curve, ImageMSE
from locality.noise import image_noise
from locality.report.over_wiener import MSE
from locality.runs.checkpoint_file import read_checkpoint
from locality.sampling import sample
from locality.schedule import NoiseSchedule
from locality.trust import check_recipe

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

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,  # of our modules, saved by any trainer
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = True,
        trust: bool = False,  # true: whatever its recipe names is built, which may run code (docs/trust.md)
        **settings: Any,  # arguments of the module, in place of those that it was saved with
    ) -> Self:
        """The module that was saved, by its recipe in the checkpoint; a network with its averaged weights.

        Raises UsageError for what is no such checkpoint, and Untrusted where its recipe names what no file
        may name.
        """
        checkpoint = read_checkpoint(Path(checkpoint_path))
        recipe = checkpoint.get("hyper_parameters") if isinstance(checkpoint, dict) else None
        if not isinstance(recipe, dict) or not isinstance(recipe.get("model"), dict):
            raise UsageError(f"{checkpoint_path}: want a checkpoint of a {cls.__name__}, got something else")
        if not trust:
            check_recipe(checkpoint_path, recipe, checkpoint.get("denoiser"))
        saved, arguments = made_arguments(recipe["model"])
        if not (isinstance(saved, type) and issubclass(saved, cls)):
            raise UsageError(f"{checkpoint_path}: want a checkpoint of a {cls.__name__}, got one of {saved}")
        return super(DenoiserModule, saved).load_from_checkpoint(
            checkpoint_path, map_location, hparams_file, strict, weights_only, **{**arguments, **settings}
        )

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
        """The batch; an image of a plain loader has as index its place in the loader, over all ranks.

        >>> from types import SimpleNamespace as Rank
        >>> second = Rank(trainer=Rank(global_rank=1, world_size=2))
        >>> DenoiserModule.batch_of(second, torch.zeros(3, 1, 2, 2), 0).index.tolist()
        [1, 3, 5]
        """
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
        self.log_dict({f"{MSE}t{t:03d}": mean for t, mean in zip(times, means, strict=True)})

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
