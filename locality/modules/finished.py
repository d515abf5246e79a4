"""A denoiser that is finished, to be tested and sampled from as any other."""

from __future__ import annotations

from pathlib import Path

from locality.bank import ImageBank
from locality.denoisers import Wiener
from locality.denoisers.base import Denoiser
from locality.modules.base import DenoiserModule
from locality.schedule import NoiseSchedule
from locality.statistics import GaussianStats


class FinishedModule(DenoiserModule):
    """Holds a finished denoiser under `Trainer.test` and `Trainer.predict`.

    Raises ValueError for a denoiser without an `image_shape`.
    """

    def __init__(self, denoiser: Denoiser, schedule: NoiseSchedule | None = None, seed: int = 0) -> None:
        if denoiser.image_shape is None:
            raise ValueError("denoiser: want one with an image_shape")
        super().__init__(denoiser.image_shape, schedule, seed)
        self.denoiser = denoiser

    @classmethod
    def floor(
        cls, bank: ImageBank, schedule: NoiseSchedule, seed: int, cache: str | Path | None
    ) -> FinishedModule:
        """The Wiener filter of the training images, for the noise levels and the noise of another module.

        With fewer images than coordinates it is fitted with shrinkage.
        """
        few = len(bank) < bank.image_shape.numel()
        stats = GaussianStats.from_bank(bank, "ledoit_wolf" if few else None, cache)
        return cls(Wiener(stats), schedule, seed)
