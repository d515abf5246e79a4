"""Builders of networks that predict the noise: `build(image_shape, ...) -> net(x_vp, t) -> eps`."""

from locality.networks.dit import dit
from locality.networks.mlp import mlp
from locality.networks.unet import unet

__all__ = ["dit", "mlp", "unet"]
