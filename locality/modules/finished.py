"""A denoiser that is finished, to be tested and sampled from as any other."""

from __future__ import annotations

from locality.denoisers.base import Denoiser
from locality.modules.base import DenoiserModule
from locality.schedule import NoiseSchedule


class FinishedModule(DenoiserModule):
    """Holds a finished denoiser under `Trainer.test` and `Trainer.predict`.

    Raises ValueError for a denoiser without an `image_shape`.
    """

    def __init__(self, denoiser: Denoiser, schedule: NoiseSchedule | None = None, seed: int = 0) -> None:
        if denoiser.image_shape is None:
            raise ValueError("denoiser: want one with an image_shape")
        super().__init__(denoiser.image_shape, schedule, seed)
        self.denoiser = denoiser
