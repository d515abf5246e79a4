"""Builders of networks that predict the noise: `build(image_shape, ...) -> net(x_vp, t) -> eps`."""

from locality.networks.unet import unet

__all__ = ["unet"]
