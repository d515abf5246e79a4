"""A grid of samples, every few epochs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning import Callback, LightningModule, Trainer

from locality.modules.base import DenoiserModule
from locality.sampling import sample

COLUMNS = 8  # images in a row


class SampleGrid(Callback):
    """Draws samples from the same noise every few epochs, by DDIM, with the averaged weights if any.

    It must stand before the averaging callback, which takes the raw weights back at the end of validation;
    Lightning puts a module's own callbacks last, so it does.
    """

    def __init__(
        self,
        draw: Callable[..., None],  # draw(name, rows, title=...): Report.grid
        every_n_epochs: int = 10,
        count: int = 16,  # images
        steps: int = 50,  # of DDIM
    ) -> None:
        for name, value in (("every_n_epochs", every_n_epochs), ("count", count), ("steps", steps)):
            if value < 1:
                raise ValueError(f"samples.{name}: want at least 1, got {value}")
        self.draw, self.every_n_epochs, self.count, self.steps = draw, every_n_epochs, count, steps

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draws the grid on the first rank."""
        epoch = trainer.current_epoch + 1
        due = epoch % self.every_n_epochs == 0 or epoch == trainer.max_epochs
        if trainer.sanity_checking or not due or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DenoiserModule)
        noise = pl_module.noise(torch.arange(self.count), "sample")
        images = sample(pl_module.denoiser, noise, pl_module.schedule.leading(self.steps).to(noise))
        width = COLUMNS if self.count % COLUMNS == 0 else self.count
        rows = {f"{k + 1} to {k + width}": images[k : k + width] for k in range(0, self.count, width)}
        title = f"Samples after epoch {epoch}, {self.steps} steps of DDIM"
        self.draw(f"samples/epoch_{epoch:04d}", rows, title=title)
