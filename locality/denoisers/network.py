"""A trained noise-prediction network, seen as a denoiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from locality.denoisers.base import Denoiser, per_image
from locality.schedule import NoiseSchedule


class NetworkDenoiser(Denoiser):
    """A DDPM network read as `D(x, sigma)`: the only place where its scaling and integer time-steps exist.

    `x_vp = x sqrt(alpha_bar)`, `t` nearest in log sigma, and
    `D = (x_vp - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar) = x - sigma eps(x_vp, t)`.

    The network runs in the type of its own parameters; the estimate has the type of x.
    """

    def __init__(
        self,
        net: nn.Module,  # net(x_vp [B, C, H, W], t [B]) -> eps, a tensor or an object with `.sample`
        schedule: NoiseSchedule | None = None,  # the one it was trained with; DDPM's unless given
        image_shape: Sequence[int] | None = None,  # (C, H, W); None takes any
    ) -> None:
        super().__init__()
        self.net = net
        self.schedule = schedule or NoiseSchedule.ddpm()
        self.image_shape = None if image_shape is None else torch.Size(image_shape)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`x - sigma eps`."""
        return x - per_image(sigma) * self.epsilon(x, sigma)

    def epsilon(
        self,
        x: Tensor,  # [B, C, H, W] noisy images, variance-exploding
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, C, H, W] the noise the network sees in them
        """The network's prediction, in the type of x."""
        inner = next(self.net.parameters(), x).dtype
        scaled = x * per_image(self.schedule.alpha_bar(sigma).sqrt())
        out = self.net(scaled.to(inner), self.schedule.timestep(sigma))
        return (out if isinstance(out, Tensor) else out.sample).to(x.dtype)
