"""Where a field is measured: at noised images, or along a sampler's run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from locality.denoisers.base import Denoiser
from locality.denoisers.levels import nearest_level
from locality.denoisers.options import noise_levels
from locality.noise import image_noise
from locality.sampling import start, trajectory
from locality.schedule import NoiseSchedule

States = Literal["forward", "reverse"]


class State(NamedTuple):
    """Noisy images at one noise level."""

    sigma: float
    x: Tensor  # [B, C, H, W]


@dataclass(frozen=True)
class Route:
    """The noisy images that fields are measured at, high noise to low; a function of image index and seed.

    `forward`: images plus noise, at the noise levels asked for. `reverse`: a run of DDIM from noise, with so
    many steps of "leading" spacing. It is seen at the steps that are nearest in log sigma to the levels asked
    for. Only the number and the shape of the images count. Raises ValueError where two noise levels fall on
    one step.
    """

    asked: Sequence[float]  # noise levels
    states: States = "forward"
    steps: int = 1000  # of DDIM
    clip: bool = True  # estimates to [-1, 1] inside a step, as the sampler does
    seed: int = 0
    schedule: NoiseSchedule = field(default_factory=NoiseSchedule.ddpm)

    def __post_init__(self) -> None:
        levels = sorted(noise_levels([float(level) for level in self.asked]), reverse=True)
        object.__setattr__(self, "asked", tuple(levels))
        if self.states not in get_args(States):
            raise ValueError(f"states: want forward or reverse, got {self.states!r}")
        if len(set(self._places())) < len(levels):
            raise ValueError(
                f"sigmas: two of {[round(level, 4) for level in levels]} are nearest to the same one of "
                f"{self.steps} steps; ask for fewer or take more steps"
            )

    @property
    def sigmas(self) -> list[float]:
        """The noise levels that are measured at, high to low."""
        if self.states == "forward":
            return list(self.asked)
        return self.schedule.leading(self.steps)[self._places()].tolist()

    def visit(
        self,
        guide: Denoiser,  # who is sampled from; unused for `forward`
        images: Tensor,  # [B, C, H, W]
        index: Tensor,  # [B] their places in the data set
    ) -> Iterator[State]:
        """The states in order; no gradients."""
        stream = f"sensitivity/{self.states}"
        noise = image_noise(index.tolist(), images.shape[1:], self.seed, stream).to(images)
        if self.states == "forward":
            for sigma in self.asked:
                yield State(sigma, images + sigma * noise)
            return
        levels = self.schedule.leading(self.steps).to(images)
        places = self._places()
        run = trajectory(guide, start(noise, levels[0]), levels[: places[-1] + 1], self.clip)
        for place in range(places[-1] + 1):
            # Not around the whole loop: a generator would leave its caller without gradients, too.
            with torch.no_grad():
                step = next(run)
            if place in places:
                yield State(step.sigma.item(), step.x)

    def _places(self) -> list[int]:  # of the steps to stop at
        if self.states == "forward":
            return list(range(len(self.asked)))
        return nearest_level(
            self.schedule.leading(self.steps), torch.tensor(self.asked, dtype=torch.float64)
        ).tolist()
