"""Held-out error of denoisers that are told the class of each image, and that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from locality.data.batch import Batch
from locality.denoisers.conditional import Conditional
from locality.metrics import ImageMSE
from locality.modules.noised import NoisedModule

WAYS = ("untold", "told")


class ToldModule(NoisedModule):
    """Under `Trainer.test`, each denoiser runs told the classes of the test images, and untold.

    After it `values` has `<denoiser>/<way>`.
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
        metrics = {f"{name}/{way}": ImageMSE() for name in denoisers for way in WAYS}
        super().__init__(denoisers, metrics, sigmas, count, image_shape, seed)
        self.guidance = guidance

    def measure(self, step: int, x: Tensor, sigma: float, batch: Batch) -> None:
        """Adds the error of each denoiser, both ways."""
        assert batch.labels is not None, "asked for by told_labels"
        for name, one in self.denoisers.named_children():
            assert isinstance(one, Conditional), "given as such"
            for way, denoiser in zip(WAYS, (one, one.given(batch.labels, self.guidance)), strict=True):
                self.curve(f"{name}/{way}").update(step, denoiser(x, sigma), batch.images, batch.index)
