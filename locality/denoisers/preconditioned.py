"""Networks of other parametrisations than DDPM's, seen as denoisers: EDM's and flow matching's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from locality.denoisers.base import Denoiser, per_image


class EDMDenoiser(Denoiser):
    """A network F with EDM's preconditioning: `D = c_skip x + c_out F(c_in x, c_noise)`.

    With s = sigma_data: `c_skip = s^2 / (sigma^2 + s^2)`, `c_out = sigma s / sqrt(sigma^2 + s^2)`,
    `c_in = 1 / sqrt(sigma^2 + s^2)`, `c_noise = ln(sigma) / 4` (Karras et al. 2022, table 1). Any sigma is
    taken as it is. The network runs in the type of its own parameters.
    """

    autocast = True

    def __init__(
        self,
        net: nn.Module,  # F(c_in x [B, C, H, W], c_noise [B]) -> [B, C, H, W], or an object with `.sample`
        sigma_data: float = 0.5,  # the standard deviation of the images, in pixel units
        image_shape: Sequence[int] | None = None,  # (C, H, W); None takes any
    ) -> None:
        super().__init__()
        if not sigma_data > 0:
            raise ValueError(f"sigma_data: want a number above 0, got {sigma_data!r}")
        self.net, self.sigma_data = net, float(sigma_data)
        self.image_shape = None if image_shape is None else torch.Size(image_shape)

    def extra_repr(self) -> str:
        return f"sigma_data={self.sigma_data:g}"

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean image that the output stands for."""
        total = per_image(sigma**2 + self.sigma_data**2)
        out = _called(self.net, x / total.sqrt(), sigma.log() / 4)
        return self.sigma_data**2 / total * x + per_image(sigma) * self.sigma_data / total.sqrt() * out


class FlowDenoiser(Denoiser):
    """A network of flow matching (Lipman et al. 2023): `u(x_t, t) ~ noise - x0`.

    It is given `x_t = (1 - t) x0 + t noise`:
    `t = sigma / (1 + sigma)`, `x_t = x / (1 + sigma)` and `D = x_t - t u`. Any sigma is taken as it is.
    The network runs in the type of its own parameters.
    """

    autocast = True

    def __init__(
        self,
        net: nn.Module,  # u(x_t [B, C, H, W], scale t [B]) -> [B, C, H, W], or an object with `.sample`
        time_scale: float = 1.0,  # of the time that the network is given; 1000 for those of diffusers
        image_shape: Sequence[int] | None = None,  # (C, H, W); None takes any
    ) -> None:
        super().__init__()
        if not time_scale > 0:
            raise ValueError(f"time_scale: want a number above 0, got {time_scale!r}")
        self.net, self.time_scale = net, float(time_scale)
        self.image_shape = None if image_shape is None else torch.Size(image_shape)

    def extra_repr(self) -> str:
        return f"time_scale={self.time_scale:g}"

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean image that the output stands for."""
        t = sigma / (1 + sigma)
        mixed = x / per_image(1 + sigma)
        return mixed - per_image(t) * _called(self.net, mixed, self.time_scale * t)


def _called(net: nn.Module, x: Tensor, time: Tensor) -> Tensor:
    inner = next(net.parameters(), x).dtype
    out = net(x.to(inner), time.to(inner))
    return (out if isinstance(out, Tensor) else out.sample).to(x.dtype)
